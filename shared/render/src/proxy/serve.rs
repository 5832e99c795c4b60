//! Serves one connection of the browser: a tunnel, or one request with its response.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use fetch::FetchError;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use url::Url;

use super::Shared;
use super::head::{self, MAX_HEAD, ProxyRequest};
use super::traffic::PageTraffic;

/// Timeout for reading a connection's request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
const AUTH_REQUIRED: &[u8] =
    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"runo\"\r\n\
    Content-Length: 0\r\nProxy-Connection: close\r\nConnection: close\r\n\r\n";
const FORBIDDEN: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// Serves one connection. Closes it on any failure; the browser sees a failed request.
pub(super) async fn serve(shared: Arc<Shared>, mut socket: TcpStream, permit: OwnedSemaphorePermit) {
    let _ = socket.set_nodelay(true);
    let Ok(Ok(Some((head, rest)))) = tokio::time::timeout(HEAD_TIMEOUT, read_head(&mut socket)).await else { return };
    let Some(request) = head::request(&head) else { return };
    let Some(key) = request.authorization.as_deref() else {
        let _ = tokio::time::timeout(HEAD_TIMEOUT, refuse(&mut socket, AUTH_REQUIRED)).await;
        return;
    };
    // Credentials of a page that has ended, or unknown ones.
    let Some(traffic) = shared.pages().get(key).cloned() else { return };
    drop(permit);
    let Some(_permit) = traffic.acquire_connection().await else { return };
    let forwarded = ForwardedRequest { shared: &shared, traffic: &traffic, head: &head, rest: &rest };
    tokio::select! {
        () = traffic.closed() => {}
        _ = forwarded.run(socket, &request) => {}
    }
}

/// A request that is forwarded.
struct ForwardedRequest<'a> {
    shared: &'a Shared,
    traffic: &'a PageTraffic,
    head: &'a [u8],
    /// Bytes that arrived after its head.
    rest: &'a [u8],
}

impl ForwardedRequest<'_> {
    async fn run(&self, mut socket: TcpStream, request: &ProxyRequest) -> io::Result<()> {
        let tunnel = request.method == "CONNECT";
        // Only the address and port are checked: the protocol inside a tunnel is unknown.
        let url =
            if tunnel { Url::parse(&format!("https://{}/", request.target)) } else { Url::parse(&request.target) };
        let Ok(url) = url else { return Ok(()) };
        if !tunnel && (url.scheme() != "http" || !self.traffic.admit_request()) {
            return Ok(());
        }
        let mut site = match self.dial(&url).await {
            Ok(site) => site,
            Err(error) => {
                tracing::info!(%error, "a page's connection was refused or failed");
                self.traffic.record_failure(url.host_str().unwrap_or_default(), error);
                return if tunnel { refuse(&mut socket, FORBIDDEN).await } else { Ok(()) };
            }
        };
        let _ = site.set_nodelay(true);
        if tunnel {
            socket.write_all(ESTABLISHED).await?;
            site.write_all(self.rest).await?;
        } else {
            let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
            let head = head::for_origin(self.head, &request.method, path);
            self.traffic.add_bytes(head.len() + self.rest.len());
            site.write_all(&head).await?;
            site.write_all(self.rest).await?;
        }
        let (mut from_site, mut to_site) = site.split();
        let (mut from_browser, mut to_browser) = socket.split();
        let down = async {
            if !tunnel {
                self.forward_response_head(&mut from_site, &mut to_browser).await?;
            }
            self.copy(&mut from_site, &mut to_browser).await
        };
        let up = async {
            self.copy(&mut from_browser, &mut to_site).await?;
            // The browser sends nothing more: a tunnel has ended, but a response may still arrive.
            if tunnel { Ok(()) } else { to_site.shutdown().await.and(std::future::pending().await) }
        };
        tokio::select! {
            ended = down => ended,
            ended = up => ended,
        }
    }

    async fn dial(&self, url: &Url) -> Result<TcpStream, FetchError> {
        let site = self.shared.fetcher.dial(url).await?;
        // This is the proxy itself, which is refused even if the operator allows loopback. It has one address of loopback: a
        // site at another one may have the same port.
        let own = (self.shared.address.ip(), self.shared.address.port());
        if site.peer_addr().is_ok_and(|peer| (peer.ip().to_canonical(), peer.port()) == own) {
            return Err(FetchError::Forbidden(fetch::guard::Refusal::OwnListener.to_string()));
        }
        Ok(site)
    }

    /// Forwards the head of a response. Drops interim responses.
    async fn forward_response_head<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &self,
        from: &mut R,
        to: &mut W,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = head::end(&bytes) {
                    break end;
                }
                let start = bytes.len();
                if start > MAX_HEAD || from.read_buf(&mut bytes).await? == 0 {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                self.traffic.add_bytes(bytes.len() - start);
            };
            let Some(status) = head::status(&bytes[..end]) else { return Err(io::ErrorKind::InvalidData.into()) };
            // A site must not ask for the proxy's credentials.
            if status == 407 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if (100..200).contains(&status) && status != 101 {
                bytes.drain(..end);
                continue;
            }
            to.write_all(&head::for_browser(&bytes[..end])).await?;
            return to.write_all(&bytes[end..]).await;
        }
    }

    async fn copy<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(&self, from: &mut R, to: &mut W) -> io::Result<()> {
        let mut piece = vec![0u8; 16 << 10];
        loop {
            let count = from.read(&mut piece).await?;
            if count == 0 {
                return Ok(());
            }
            self.traffic.add_bytes(count);
            to.write_all(&piece[..count]).await?;
        }
    }
}

/// Sends a refusal and waits until the browser closes the connection.
async fn refuse(socket: &mut TcpStream, answer: &[u8]) -> io::Result<()> {
    socket.write_all(answer).await?;
    socket.shutdown().await?;
    let mut rest = [0u8; 512];
    while socket.read(&mut rest).await? > 0 {}
    Ok(())
}

/// Reads a head. Returns it with the bytes that arrived after it; `None` if the connection ends first or the head is
/// too long.
async fn read_head(socket: &mut TcpStream) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut bytes = Vec::with_capacity(2 << 10);
    loop {
        if let Some(end) = head::end(&bytes) {
            let rest = bytes.split_off(end);
            return Ok(Some((bytes, rest)));
        }
        if bytes.len() > MAX_HEAD || socket.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}
