//! Serves the HTTP of scripted servers on loopback.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// Accepts the next connection. An error does not end the server: probably there are no free file descriptors, so it waits
/// until some are released.
pub async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        if let Ok((socket, _)) = listener.accept().await {
            return socket;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Answers every request with `answer` until the runtime of the test ends. An error breaks the connection.
pub fn serve<A, F, E>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Full<Bytes>>, E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    tokio::spawn(async move {
        loop {
            let socket = accept(&listener).await;
            let service = service_fn(answer.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
        }
    });
}
