//! Ports of loopback for servers that a test starts later or starts again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::TcpSocket;

/// Below the range from which systems choose ports (from 32,768 on Linux, from 49,152 on others). Runs at the same time
/// begin at different ports.
static NEXT: LazyLock<AtomicU16> =
    LazyLock::new(|| AtomicU16::new(20_000 + u16::try_from(std::process::id() % 10_000).unwrap()));

/// Returns a port for a server that a test starts later, or starts again. The system does not give it to a socket that
/// asks for any free port.
pub fn free_port() -> u16 {
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(port < 32_000, "all ports are in use");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// A port that refuses connections for as long as this lives. A port that was only free for a moment may belong to another
/// test by then.
pub struct ClosedPort(TcpSocket);

impl ClosedPort {
    pub fn new() -> ClosedPort {
        let socket = TcpSocket::new_v4().unwrap();
        // It never listens.
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        ClosedPort(socket)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}
