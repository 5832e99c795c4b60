//! `local health`: checks whether the server with the same environment answers. For the health check of a container,
//! which must run a program of the image; the image contains no other.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use crate::LocalConfig;
use crate::stack::reachable_address;

/// The argument that runs the check.
pub const ARGUMENT: &str = "health";
/// Timeout of each step.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the check; prints what is wrong to standard error.
#[allow(clippy::print_stderr)] // the program's output, not its log
pub fn main() -> ExitCode {
    let healthy = match LocalConfig::from_env() {
        Ok(config) => is_healthy(reachable_address((config.bind_address, config.port).into()), STEP_TIMEOUT)
            .map_err(|error| format!("the server does not answer: {error}")),
        Err(error) => Err(error.to_string()),
    };
    match healthy {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("the server does not answer /health with 200");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether `GET /health` is answered with 200.
fn is_healthy(address: SocketAddr, step_timeout: Duration) -> std::io::Result<bool> {
    let mut socket = TcpStream::connect_timeout(&address, step_timeout)?;
    socket.set_read_timeout(Some(step_timeout))?;
    socket.set_write_timeout(Some(step_timeout))?;
    socket.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; "HTTP/1.1 200 ".len()];
    socket.read_exact(&mut status)?;
    Ok(&status == b"HTTP/1.1 200 ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_200_is_healthy() {
        for (answer, expected) in
            [("HTTP/1.1 200 OK\r\n\r\n", Some(true)), ("HTTP/1.1 503 No\r\n\r\n", Some(false)), ("", None)]
        {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = std::thread::spawn(move || {
                let (mut socket, _) = listener.accept().unwrap();
                let mut head = [0; 20];
                socket.read_exact(&mut head).unwrap();
                socket.write_all(answer.as_bytes()).unwrap();
                String::from_utf8_lossy(&head).into_owned()
            });
            assert_eq!(is_healthy(address, Duration::from_secs(60)).ok(), expected, "{answer}");
            assert_eq!(server.join().unwrap(), "GET /health HTTP/1.1");
        }
    }
}
