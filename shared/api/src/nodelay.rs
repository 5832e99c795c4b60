//! Turns off Nagle's algorithm (RFC 896) on connections to the Runtime API.
//!
//! `lambda_runtime` writes a streamed answer in three or four small parts, and its client leaves the algorithm on, without an
//! option to change it. So each part waits until the other side has acknowledged the part before, which Linux delays by 40 ms:
//! behind AWS's Runtime Interface Emulator, an answer that is ready in 3 ms arrives after 47 ms. The client does not expose
//! its sockets, so this module duplicates them: an option of a duplicate is an option of the socket.

use std::net::SocketAddr;

/// The connections of this process to one address.
#[derive(Debug)]
pub(crate) struct Connections {
    #[cfg(target_os = "linux")]
    process: std::os::fd::OwnedFd,
    #[cfg(target_os = "linux")]
    peer: SocketAddr,
}

impl Connections {
    /// Returns the connections to the Runtime API at `AWS_LAMBDA_RUNTIME_API`. Returns `None` if that has a name instead of an
    /// IP address, or if the system has no `pidfd_open`. Without `pidfd_getfd` (Linux 5.6), or if it is forbidden, the connections
    /// stay as they are. Answers are only later then.
    pub(crate) fn to(address: &str) -> Option<Connections> {
        let peer: SocketAddr = address.parse().ok()?;
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{PidfdFlags, getpid, pidfd_open};
            let process = pidfd_open(getpid(), PidfdFlags::empty()).ok()?;
            Some(Connections { process, peer })
        }
        #[cfg(not(target_os = "linux"))]
        {
            _ = peer;
            None
        }
    }

    /// Turns the algorithm off on each connection that is open now. A connection on which that fails keeps it on.
    #[cfg(target_os = "linux")]
    pub(crate) fn send_at_once(&self) {
        use rustix::net::{getpeername, sockopt::set_tcp_nodelay};
        use rustix::process::{PidfdGetfdFlags, pidfd_getfd};
        for entry in std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
            let is_socket = std::fs::read_link(entry.path())
                .is_ok_and(|file| file.as_os_str().as_encoded_bytes().starts_with(b"socket:"));
            let number = entry.file_name().to_str().filter(|_| is_socket).and_then(|name| name.parse().ok());
            let socket = number.and_then(|n| pidfd_getfd(&self.process, n, PidfdGetfdFlags::empty()).ok());
            let Some(socket) = socket else { continue };
            let peer = getpeername(&socket).ok().flatten();
            if peer.and_then(|peer| SocketAddr::try_from(peer).ok()) == Some(self.peer) {
                _ = set_tcp_nodelay(&socket, true);
            }
        }
    }

    /// Does nothing on other systems.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn send_at_once(&self) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use rustix::io::Errno;
    use rustix::process::{PidfdGetfdFlags, pidfd_getfd};

    use super::*;

    #[test]
    fn only_connections_to_the_address_send_at_once() {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (runtime_api, other) = (listen(), listen());
        let connect = |to: &TcpListener| TcpStream::connect(to.local_addr().unwrap()).unwrap();
        let (first, second, elsewhere) = (connect(&runtime_api), connect(&runtime_api), connect(&other));
        let Some(connections) = Connections::to(&runtime_api.local_addr().unwrap().to_string()) else {
            return eprintln!("SKIPPED: processes have no file descriptors here");
        };
        connections.send_at_once();
        let at_once = [first, second, elsewhere].map(|connection| connection.nodelay().unwrap());
        match pidfd_getfd(&connections.process, 0, PidfdGetfdFlags::empty()) {
            Err(error @ (Errno::PERM | Errno::NOSYS)) => {
                eprintln!("SKIPPED: file descriptors cannot be duplicated here: {error}");
            }
            _ => assert_eq!(at_once, [true, true, false]),
        }
    }

    #[test]
    fn an_address_with_a_name_is_not_looked_up() {
        assert!(Connections::to("localhost:9001").is_none());
        assert!(Connections::to("").is_none());
    }
}
