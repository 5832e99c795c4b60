//! A site that answers each path with fixed bytes, counts its connections, and never closes a hanging one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::packed;

/// A running site.
pub struct Site {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Site {
    pub async fn start() -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut head = vec![0u8; 16_384];
                    let n = socket.read(&mut head).await.unwrap_or(0);
                    let head = String::from_utf8_lossy(&head[..n]).into_owned();
                    let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
                    // A client that has read enough closes the connection, which ends endless responses.
                    let _ = answer(&mut socket, &path, &head, address).await;
                });
            }
        });
        Site { address, connections }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

const HTML: &str = "Content-Type: text/html; charset=iso-8859-1\r\n";

pub fn page(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn to(target: &str) -> Vec<u8> {
    page("302 Found", &format!("Location: {target}\r\n"), b"")
}

fn encoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    page("200 OK", &format!("{HTML}Content-Encoding: {encoding}\r\n"), body)
}

/// Sends a page in pieces with pauses; without end if `pieces` has none.
async fn drip(socket: &mut TcpStream, headers: &str, pieces: impl Iterator<Item = &[u8]>) -> std::io::Result<()> {
    socket.write_all(format!("HTTP/1.1 200 OK\r\n{headers}Connection: close\r\n\r\n").as_bytes()).await?;
    for piece in pieces {
        socket.write_all(piece).await?;
        socket.flush().await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn answer(socket: &mut TcpStream, path: &str, request: &str, address: SocketAddr) -> std::io::Result<()> {
    let path = path.split('?').next().unwrap_or(path);
    let bytes = match path {
        "/ok" => page("200 OK", HTML, b"<h1>Hi</h1>"),
        "/echo" => page("200 OK", "Content-Type: text/plain\r\n", request.as_bytes()),
        "/blank" => page("200 OK", HTML, b""),
        "/json" => page("200 OK", "Content-Type: application/vnd.api+json\r\n", b"{}"),

        "/chain" => to("/chain2"),
        "/chain2" => page("308 Permanent Redirect", &format!("Location: //{address}/ok#part\r\n"), b"moved"),
        "/loop" => to("/loop2"),
        "/loop2" => to("/loop"),
        "/self" => to("#here"),
        "/to-nowhere" => page("302 Found", "", b""),
        "/to-nonsense" => to("http://[::"),
        "/to-file" => to("file:///etc/passwd"),
        "/to-ftp" => to("ftp://127.0.0.1/"),
        "/to-script" => to("javascript:alert(1)"),
        "/to-user" => to(&format!("http://u:p@{address}/ok")),
        "/to-metadata" => to("http://169.254.169.254/latest/meta-data/"),
        "/to-v6-loopback" => to(&format!("http://[::1]:{}/ok", address.port())),
        "/to-mapped" => to("http://[::ffff:10.0.0.1]/"),
        "/to-number" => to("http://2886729729/"),
        "/to-hex" => to("http://0xa.1/"),

        "/403" => page("403 Forbidden", HTML, b"no"),
        "/404" => page("404 Not Found", HTML, b"no"),
        "/cloudflare" => page("503 Service Unavailable", &format!("{HTML}cf-mitigated: challenge\r\n"), b"no"),
        "/aws" => page("202 Accepted", &format!("{HTML}x-amzn-waf-action: challenge\r\n"), b"no"),

        "/pdf" => page("200 OK", "Content-Type: application/pdf\r\n", b"%PDF-1.7"),
        // Refused by its header; the body never arrives.
        "/endless-image" => {
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\n").await?;
            return std::future::pending().await;
        }
        "/untyped" => page("200 OK", "", b"<p>x"),
        "/untyped-pdf" => page("200 OK", "", b"%PDF-1.7"),
        "/untyped-zeros" => page("200 OK", "", b"ab\0\0\0"),
        "/untyped-slow-pdf" => {
            return drip(socket, "", [&b"%"[..], b"PD", b"F-1.7"].into_iter()).await;
        }

        "/gzip" => encoded("gzip", &packed::gzip(b"<h1>packed</h1>")),
        "/deflate" => encoded("deflate", &packed::zlib(b"<h1>packed</h1>")),
        "/gzip-cut" => encoded("gzip", &packed::gzip(b"<h1>packed</h1>")[..20]),
        "/gzip-twice" => encoded("gzip", &packed::gzip(&packed::gzip(b"<h1>packed</h1>"))),
        "/gzip-gzip" => encoded("gzip, gzip", &packed::gzip(&packed::gzip(b"<h1>packed</h1>"))),
        "/gzip-thrice" => encoded("gzip, gzip, gzip", &packed::gzip(&packed::gzip(&packed::gzip(b"x")))),
        "/compress" => encoded("compress", b"\x1f\x9d"),
        "/identity" => encoded("identity", b"<p>plain"),
        "/bomb" => {
            let head = format!("HTTP/1.1 200 OK\r\n{HTML}Content-Encoding: gzip\r\nConnection: close\r\n\r\n");
            socket.write_all(head.as_bytes()).await?;
            socket.write_all(&packed::bomb_start(b'a')).await?;
            let more = packed::bomb_more().repeat(1_000);
            loop {
                socket.write_all(&more).await?;
            }
        }

        "/full" => page("200 OK", HTML, &vec![b'a'; crate::MAX_BODY]),
        "/large" => page("200 OK", HTML, &vec![b'a'; crate::MAX_BODY + 1]),
        "/endless" => {
            socket.write_all(format!("HTTP/1.1 200 OK\r\n{HTML}Connection: close\r\n\r\n").as_bytes()).await?;
            loop {
                socket.write_all(&[b'a'; 10_000]).await?;
            }
        }
        "/endless-head" => {
            socket.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                socket.write_all(format!("X-More: {}\r\n", "a".repeat(5_000)).as_bytes()).await?;
            }
        }
        "/broken" => b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nshort".to_vec(),
        "/no-http" => b"220 mail.example.com ESMTP\r\n".to_vec(),
        "/closed" => vec![],
        "/drip" => return drip(socket, HTML, std::iter::repeat(&b"x"[..])).await,
        "/hang" => return std::future::pending().await,
        other => {
            if let Some(status) = other.strip_prefix("/status/") {
                page(&format!("{status} Whatever"), HTML, b"")
            } else if let Some(left) = other.strip_prefix("/hops/").and_then(|n| n.parse::<u32>().ok()) {
                to(&left
                    .checked_sub(1)
                    .map_or("/ok".into(), |n| if n == 0 { "/ok".into() } else { format!("/hops/{n}") }))
            } else if let Some(n) = other.strip_prefix("/slow/").and_then(|n| n.parse::<u32>().ok()) {
                tokio::time::sleep(Duration::from_millis(150)).await;
                to(&format!("/slow/{}", n + 1))
            } else {
                page("404 Not Found", HTML, b"")
            }
        }
    };
    socket.write_all(&bytes).await?;
    socket.flush().await
}
