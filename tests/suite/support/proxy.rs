//! Forwards connections to a server, and cuts them on demand.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use super::loopback;

/// A proxy that cuts its first connections after this many bytes of the response. With 0 it cuts as soon as the
/// response begins and forwards nothing of it. Later connections are not cut.
pub struct Proxy {
    pub base: String,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    pub async fn start(base: &str, cuts: &[usize]) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, to) = (Arc::new(AtomicUsize::new(0)), base.trim_start_matches("http://").to_owned());
        let cuts = Mutex::new(cuts.iter().copied().collect::<VecDeque<usize>>());
        let counted = connections.clone();
        tokio::spawn(async move {
            loop {
                let client = loopback::accept(&listener).await;
                counted.fetch_add(1, Ordering::Relaxed);
                let cut = cuts.lock().unwrap().pop_front();
                let to = to.clone();
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(to).await {
                        forward(client, server, cut).await;
                    }
                });
            }
        });
        Proxy { base: format!("http://{address}"), connections }
    }

    /// The number of connections.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn forward(client: TcpStream, server: TcpStream, cut: Option<usize>) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let answer = async {
        let (mut buffer, mut passed) = ([0; 4_096], 0);
        while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
            passed += count;
            if cut.is_some_and(|cut| passed >= cut) || to_client.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
    };
    // Both connections end when either direction ends.
    tokio::select! {
        () = answer => {}
        _ = copy(&mut from_client, &mut to_server) => {}
    }
}
