//! A site with scripted responses by path. It records what it was asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::site::page;

/// The response of a path.
#[derive(Clone)]
pub enum Answer {
    /// These bytes, head and all.
    Bytes(Vec<u8>),
    /// The first, then the second repeatedly until the client closes the connection.
    Endless(Vec<u8>, Vec<u8>),
    /// The first, then nothing.
    Hang(Vec<u8>),
    /// The first, then the second byte by byte with pauses, repeated until the client closes the connection.
    Drip(Vec<u8>, Vec<u8>),
    /// The first, then a reset of the connection.
    Reset(Vec<u8>),
}

/// Returns a complete response.
pub fn ok(body: impl AsRef<[u8]>) -> Answer {
    Answer::Bytes(page("200 OK", "Content-Type: text/plain\r\n", body.as_ref()))
}

/// Returns a response with another status.
pub fn status(code: u16) -> Answer {
    Answer::Bytes(page(&format!("{code} Whatever"), "", b""))
}

/// Returns a redirect.
pub fn to(target: impl std::fmt::Display) -> Answer {
    Answer::Bytes(page("302 Found", &format!("Location: {target}\r\n"), b""))
}

/// Returns a response that ends with its connection.
pub fn open(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{headers}Connection: close\r\n\r\n").as_bytes(), body.as_ref()].concat()
}

/// A running site.
pub struct Scripted {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    /// Number of connections being answered.
    busy: Arc<AtomicUsize>,
}

impl Scripted {
    /// Starts a site that answers by path with query; `*` matches any path. Other paths get a 404.
    pub async fn start(answers: Vec<(&'static str, Answer)>) -> Scripted {
        Scripted::start_on("127.0.0.1", |_| answers).await
    }

    /// Like [`Scripted::start`], on another loopback address; the responses may contain the site's address.
    pub async fn start_on(ip: &str, answers: impl FnOnce(SocketAddr) -> Vec<(&'static str, Answer)>) -> Scripted {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::new(answers(address));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, busy) = (Arc::clone(&asked), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&busy);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (answers, log, busy) = (Arc::clone(&answers), Arc::clone(&log), Arc::clone(&counter));
                busy.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut head = vec![0u8; 16_384];
                    let n = socket.read(&mut head).await.unwrap_or(0);
                    let head = String::from_utf8_lossy(&head[..n]).into_owned();
                    let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
                    log.lock().unwrap().push(path.clone());
                    let answer = answers.iter().find(|(p, _)| *p == path || *p == "*").map(|(_, a)| a.clone());
                    // A client that has read enough closes the connection, which ends endless responses.
                    let _ = send_answer(&mut socket, answer.unwrap_or_else(|| status(404))).await;
                    busy.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Scripted { address, asked, busy }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until no connection is being answered: every client has closed the endless ones.
    pub async fn wait_until_idle(&self) {
        let start = Instant::now();
        while self.busy.load(Ordering::SeqCst) > 0 {
            assert!(start.elapsed() < Duration::from_secs(10), "a client still reads");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns the requested paths in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn send_answer(socket: &mut TcpStream, answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Bytes(bytes) => socket.write_all(&bytes).await?,
        Answer::Endless(start, more) => {
            socket.write_all(&start).await?;
            loop {
                socket.write_all(&more).await?;
            }
        }
        Answer::Drip(start, drops) => {
            socket.write_all(&start).await?;
            for drop in drops.iter().cycle() {
                socket.write_all(&[*drop]).await?;
                socket.flush().await?;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Answer::Reset(start) => {
            socket.write_all(&start).await?;
            socket.flush().await?;
            // Gives the client time to read the start: a reset discards what is unread.
            tokio::time::sleep(Duration::from_millis(20)).await;
            socket.set_zero_linger()?;
            return Ok(());
        }
        Answer::Hang(start) => {
            socket.write_all(&start).await?;
            return std::future::pending().await;
        }
    }
    socket.flush().await
}
