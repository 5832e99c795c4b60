//! A site whose answers are given by path, and that remembers what it was asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::site::page;

/// What a path answers.
#[derive(Clone)]
pub enum Answer {
    /// These bytes, head and all.
    Bytes(Vec<u8>),
    /// The first, and then the second until nobody reads it any more.
    Endless(Vec<u8>, Vec<u8>),
    /// The first, and then nothing.
    Hang(Vec<u8>),
    /// The first, and then one byte of the second after the other, each followed by a wait, until nobody reads it.
    Drip(Vec<u8>, Vec<u8>),
    /// The first, and then the connection is reset.
    Reset(Vec<u8>),
}

/// A whole answer.
pub fn ok(body: impl AsRef<[u8]>) -> Answer {
    Answer::Bytes(page("200 OK", "Content-Type: text/plain\r\n", body.as_ref()))
}

/// One with another status.
pub fn status(code: u16) -> Answer {
    Answer::Bytes(page(&format!("{code} Whatever"), "", b""))
}

/// A redirect.
pub fn to(target: impl std::fmt::Display) -> Answer {
    Answer::Bytes(page("302 Found", &format!("Location: {target}\r\n"), b""))
}

/// The head of an answer whose end is the connection's.
pub fn open(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{headers}Connection: close\r\n\r\n").as_bytes(), body.as_ref()].concat()
}

/// A running site.
pub struct Scripted {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    /// How many connections are being answered.
    busy: Arc<AtomicUsize>,
}

impl Scripted {
    /// Answers by path, query included, `*` being any; 404 for others.
    pub async fn start(answers: Vec<(&'static str, Answer)>) -> Scripted {
        Scripted::start_on("127.0.0.1", |_| answers).await
    }

    /// The same on another loopback address, with answers that may name it.
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
                    // A client that has read enough closes the connection: that ends the endless ones.
                    let _ = give(&mut socket, answer.unwrap_or_else(|| status(404))).await;
                    busy.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Scripted { address, asked, busy }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until nothing is answered any more: everybody has let go of what has no end.
    pub async fn at_rest(&self) {
        let start = Instant::now();
        while self.busy.load(Ordering::SeqCst) > 0 {
            assert!(start.elapsed() < Duration::from_secs(10), "somebody still reads");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn give(socket: &mut TcpStream, answer: Answer) -> std::io::Result<()> {
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
            // Time for the start to be read: what is reset takes what is not read with it.
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
