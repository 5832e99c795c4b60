//! The browser's only way out: an HTTP proxy on loopback in this process. Each page has its own credentials, so the
//! page of each connection is known. [`fetch::Fetcher::dial`] opens each connection: it looks the name up once, judges
//! its addresses and connects to a judged one. TLS is passed through.

mod head;
mod ledger;
mod serve;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fetch::Fetcher;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use crate::config::Limits;
pub(crate) use ledger::{Ledger, Over};

/// Maximum number of connections that have not authenticated yet.
const STRANGERS: usize = 256;

/// The proxy. Stops when dropped.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

pub(crate) struct Shared {
    fetcher: Fetcher,
    at: SocketAddr,
    /// The pages' ledgers, by the `Proxy-Authorization` that they send.
    pages: Mutex<HashMap<String, Arc<Ledger>>>,
    strangers: Arc<Semaphore>,
}

impl Proxy {
    /// Starts the proxy on a loopback port.
    pub(crate) async fn start(fetcher: Fetcher) -> io::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let at = listener.local_addr()?;
        let strangers = Arc::new(Semaphore::new(STRANGERS));
        let shared = Arc::new(Shared { fetcher, at, pages: Mutex::default(), strangers });
        let _task = AbortOnDropHandle::new(tokio::spawn(accept(listener, Arc::clone(&shared))));
        Ok(Proxy { shared, _task })
    }

    /// Returns the address on which it listens.
    pub(crate) fn at(&self) -> SocketAddr {
        self.shared.at
    }

    /// Lets a page through until its pass is dropped.
    pub(crate) fn open(&self, limits: &Limits) -> Result<Pass, getrandom::Error> {
        let mut random = [0u8; 18];
        getrandom::fill(&mut random)?;
        let password = BASE64.encode(random);
        let key = format!("Basic {}", BASE64.encode(format!("page:{password}")));
        let ledger = Arc::new(Ledger::new(limits));
        self.shared.pages().insert(key.clone(), Arc::clone(&ledger));
        Ok(Pass { password, key, ledger, shared: Arc::clone(&self.shared) })
    }
}

impl Shared {
    fn pages(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Ledger>>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page's permission to use the proxy.
pub(crate) struct Pass {
    password: String,
    key: String,
    pub(crate) ledger: Arc<Ledger>,
    shared: Arc<Shared>,
}

impl Pass {
    /// Returns user name and password.
    pub(crate) fn credentials(&self) -> (&'static str, &str) {
        ("page", &self.password)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.shared.pages().remove(&self.key);
        self.ledger.close();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Out of file descriptors; some will be free later.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        let Ok(stranger) = Arc::clone(&shared.strangers).try_acquire_owned() else { continue };
        tokio::spawn(serve::serve(Arc::clone(&shared), socket, stranger));
    }
}

#[cfg(test)]
mod tests;
