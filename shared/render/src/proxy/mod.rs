//! The browser's only way out: an HTTP proxy on loopback in this process. Each page has its own credentials, so the
//! page of each connection is known. [`fetch::Fetcher::dial`] opens each connection: it looks the name up once, checks
//! its addresses and connects to a checked one. TLS is passed through.

mod head;
mod serve;
mod traffic;

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
pub(crate) use traffic::{ExceededLimit, PageTraffic};

/// Maximum number of connections that have not authenticated yet.
const MAX_UNAUTHENTICATED: usize = 256;

/// The proxy. Stops when dropped.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

pub(crate) struct Shared {
    fetcher: Fetcher,
    address: SocketAddr,
    /// The pages' traffic, by the `Proxy-Authorization` that they send.
    pages: Mutex<HashMap<String, Arc<PageTraffic>>>,
    unauthenticated: Arc<Semaphore>,
}

impl Proxy {
    /// Starts the proxy on a loopback port.
    pub(crate) async fn start(fetcher: Fetcher) -> io::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let unauthenticated = Arc::new(Semaphore::new(MAX_UNAUTHENTICATED));
        let shared = Arc::new(Shared { fetcher, address, pages: Mutex::default(), unauthenticated });
        let _task = AbortOnDropHandle::new(tokio::spawn(accept(listener, Arc::clone(&shared))));
        Ok(Proxy { shared, _task })
    }

    /// Returns the address on which it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Gives a page access to the proxy until the returned value is dropped.
    pub(crate) fn open(&self, limits: &Limits) -> Result<ProxyAccess, getrandom::Error> {
        let mut random = [0u8; 18];
        getrandom::fill(&mut random)?;
        let password = BASE64.encode(random);
        let key = format!("Basic {}", BASE64.encode(format!("page:{password}")));
        let traffic = Arc::new(PageTraffic::new(limits));
        self.shared.pages().insert(key.clone(), Arc::clone(&traffic));
        Ok(ProxyAccess { password, key, traffic, shared: Arc::clone(&self.shared) })
    }
}

impl Shared {
    fn pages(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<PageTraffic>>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page's access to the proxy: its credentials and its traffic. Access ends when this is dropped.
pub(crate) struct ProxyAccess {
    password: String,
    key: String,
    pub(crate) traffic: Arc<PageTraffic>,
    shared: Arc<Shared>,
}

impl ProxyAccess {
    /// Returns user name and password.
    pub(crate) fn credentials(&self) -> (&'static str, &str) {
        ("page", &self.password)
    }
}

impl Drop for ProxyAccess {
    fn drop(&mut self) {
        self.shared.pages().remove(&self.key);
        self.traffic.close();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Out of file descriptors; some will be free later.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        let Ok(permit) = Arc::clone(&shared.unauthenticated).try_acquire_owned() else { continue };
        tokio::spawn(serve::serve(Arc::clone(&shared), socket, permit));
    }
}

#[cfg(test)]
mod tests;
