//! Access to a running server's tables for the owner of its data folder only: a socket in that folder.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use crate::embedded::{Fault, Service};
use crate::folder;

/// Returns the path of the socket.
fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("dynamodb.sock")
}

/// Whether a server uses this folder.
pub async fn is_served(data_dir: &Path) -> bool {
    UnixStream::connect(path(data_dir)).await.is_ok()
}

/// Serves `service` on the folder's socket until `stop`.
///
/// # Errors
/// Another server uses the folder, or the socket cannot be created.
pub(crate) async fn serve(data_dir: &Path, service: Service, stop: CancellationToken) -> io::Result<()> {
    let path = path(data_dir);
    if is_served(data_dir).await {
        return Err(io::Error::other(format!(
            "another server already uses {}; stop it, or set DATA_DIR to another folder",
            data_dir.display()
        )));
    }
    // A server that was killed leaves its socket behind.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(|error| {
        io::Error::new(error.kind(), format!("{}: {error} (a shorter or relative DATA_DIR may help)", path.display()))
    })?;
    folder::set_mode(&path, 0o600)?;
    tokio::spawn(async move {
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            };
            let service = service.clone();
            let answer = service_fn(move |request: Request<Incoming>| {
                let service = service.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    Ok::<_, Fault>(service.call(Request::from_parts(parts, body)).await?.map(Full::new))
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
        let _ = std::fs::remove_file(&path);
    });
    Ok(())
}

/// Returns the service behind a folder's socket. Opens a connection per request: it is meant for tools.
pub fn service(data_dir: &Path) -> Service {
    let path = path(data_dir);
    Service::new(move |request| {
        let path = path.clone();
        async move {
            let stream = UnixStream::connect(path).await?;
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            let (parts, body) = sender.send_request(request.map(Full::<Bytes>::new)).await?.into_parts();
            Ok(http::Response::from_parts(parts, body.collect().await?.to_bytes()))
        }
    })
}
