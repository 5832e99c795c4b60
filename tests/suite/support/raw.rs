//! Sends raw bytes to a server and reads the response: for requests that no HTTP client would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Timeout of a response. It is long, because a missing response is detected by the end of the connection.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// A connection to a server.
pub struct RawConnection(TcpStream);

impl RawConnection {
    /// Connects to a base URL like `http://127.0.0.1:8080`.
    pub async fn connect(base: &str) -> RawConnection {
        RawConnection(TcpStream::connect(base.trim_start_matches("http://")).await.unwrap())
    }

    /// The same with a very small receive buffer.
    pub async fn connect_narrow(base: &str) -> RawConnection {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        RawConnection(socket.connect(base.trim_start_matches("http://").parse().unwrap()).await.unwrap())
    }

    /// Sends bytes. It is no error if the server has closed the connection already.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Closes the sending side.
    pub async fn finish(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// Reads to the end of the connection.
    pub async fn read_to_end(&mut self) -> String {
        self.read_until(|_| false).await
    }

    /// Reads until `enough` returns true, or to the end of the connection.
    pub async fn read_until(&mut self, enough: impl Fn(&str) -> bool) -> String {
        let mut got = Vec::new();
        let read = async {
            let mut piece = [0; 16_384];
            loop {
                match self.0.read(&mut piece).await {
                    Ok(0) | Err(_) => return,
                    Ok(n) => got.extend_from_slice(&piece[..n]),
                }
                if enough(&String::from_utf8_lossy(&got)) {
                    return;
                }
            }
        };
        tokio::time::timeout(READ_TIMEOUT, read).await.expect("the connection stays open");
        String::from_utf8_lossy(&got).into_owned()
    }
}

/// Sends bytes and reads to the end of the connection.
pub async fn exchange(base: &str, bytes: impl AsRef<[u8]>) -> String {
    let mut raw = RawConnection::connect(base).await;
    raw.send(bytes).await;
    raw.read_to_end().await
}

/// The status of each response in the text.
pub fn statuses(text: &str) -> Vec<u16> {
    text.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
}
