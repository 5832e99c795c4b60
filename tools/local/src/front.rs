//! The HTTP server: routes as API Gateway does, passes each request to the function that serves it, and streams the
//! response back unbuffered. It protects functions from what API Gateway protects them from: endless heads, bodies that
//! never arrive, clients that do not read, and too many connections. It also protects from an attack on loopback
//! servers only: pages that make a browser call the server under their own host name (see [`crate::host`]).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use api::routes::{self, Found, Function};
use api::{ApiError, App, Response};
use domain::ErrorCode;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use crate::host::ServerNames;
use crate::peers::Peers;
use crate::{event, sample};

/// Limits on clients.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum number of concurrent connections. Any further one is answered with 503 and closed.
    pub connections: usize,
    /// Timeout for a request's head to arrive. A connection that is idle for that long is closed too.
    pub head: Duration,
    /// Timeout for a request's body to arrive.
    pub body: Duration,
    /// Maximum time for which a client may leave sent data unread.
    pub unread: Duration,
    /// Maximum number of calls that are being accepted, each from the request's last byte to the response's head.
    pub concurrent_accepts: usize,
    /// Maximum wait of a call before it is accepted. After that it is answered with 503, and nothing was done.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 1_000,
            head: Duration::from_secs(30),
            body: Duration::from_secs(60),
            unread: Duration::from_secs(60),
            concurrent_accepts: 32,
            wait: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// Reduces the number of connections to what the file descriptors allow. Each connection takes one descriptor. Each
    /// page that is being fetched takes three, which have precedence: the connection in use, a connection kept for the
    /// next page, and the name lookup.
    #[must_use]
    pub(crate) fn limited_by(self, descriptors: Option<u64>, fetches: u32) -> Limits {
        let Some(descriptors) = descriptors else { return self };
        let others = RESERVED_DESCRIPTORS + REFUSED_AT_ONCE as u64 + 3 * u64::from(fetches);
        let left = usize::try_from(descriptors.saturating_sub(others)).unwrap_or(usize::MAX).max(1);
        if left < self.connections {
            tracing::warn!(
                descriptors,
                connections = left,
                "MAX_CONNECTIONS is limited by the available file descriptors; raise these with \"ulimit -n\""
            );
        }
        Limits { connections: self.connections.min(left), ..self }
    }

    /// Returns the maximum number of connections of one peer: all but an eighth, which is kept for others.
    fn per_peer(self) -> usize {
        self.connections - self.connections / 8
    }
}

/// Descriptors for the stores' files, logs, listeners and tools.
const RESERVED_DESCRIPTORS: u64 = 64;
/// Maximum number of bytes of a head, and of response data buffered for the network. (API Gateway accepts 10,240 bytes
/// of headers.)
const BUFFER_BYTES: usize = 64 * 1024;
/// Connections over the limit that are answered with 503 at once; any further one is closed without an answer.
const REFUSED_AT_ONCE: usize = 64;
/// Timeout for sending that 503.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);
/// How long connections may take to finish when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until `stop`, then waits a limited time for open requests to finish.
pub(crate) async fn serve(
    listener: TcpListener,
    app: App,
    limits: Limits,
    names: ServerNames,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let (free, refusals) = (Arc::new(Semaphore::new(limits.connections)), Arc::new(Semaphore::new(REFUSED_AT_ONCE)));
    let call_permits = Arc::new(Semaphore::new(limits.concurrent_accepts));
    let peers = Peers::default();
    loop {
        let (socket, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => (socket, peer.ip()),
                Err(error) => {
                    // Probably out of file descriptors: wait until some are released.
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        let permit = free.clone().try_acquire_owned().ok().zip(peers.connect(peer, limits.per_peer()));
        let Some(permit) = permit else {
            if let Ok(permit) = refusals.clone().try_acquire_owned() {
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(REFUSAL_TIMEOUT, refuse_connection(socket)).await;
                    drop(permit);
                });
            }
            continue;
        };
        // Small pieces must be sent at once: the head before the work, and each result when it is ready.
        let _ = socket.set_nodelay(true);
        let mut socket = TimeoutStream::new(socket);
        socket.set_write_timeout(Some(limits.unread));
        let (app, call_permits, names) = (app.clone(), Arc::clone(&call_permits), names.clone());
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let (app, call_permits, names) = (app.clone(), Arc::clone(&call_permits), names.clone());
            async move { Ok::<_, Infallible>(answer(app, request, limits, &names, &call_permits).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(BUFFER_BYTES)
            .serve_connection(TokioIo::new(Box::pin(socket)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await;
}

/// Answers that there are too many connections.
async fn refuse_connection(socket: TcpStream) {
    let service = service_fn(|_: hyper::Request<Incoming>| async {
        let text = "this server has too many connections; try again shortly";
        let refusal = ApiError { retry_after: Some(1), ..ApiError::new(ErrorCode::Unavailable, text) };
        Ok::<_, Infallible>(refusal.into_response())
    });
    let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(socket), service);
    // It does not matter whether the client received it.
    let _ = connection.await;
}

/// Whether `Content-Length` is over `max` bytes, in which case the body is not read.
fn announced_too_large(headers: &HeaderMap, max: usize) -> bool {
    let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    announced.is_some_and(|bytes| bytes > max as u64)
}

/// Whether a request needs a key.
fn needs_key(parts: &http::request::Parts) -> bool {
    let found = routes::find(&parts.method, parts.uri.path());
    !matches!(found, Ok(Found::Operation(operation, _)) if operation.is_public())
}

async fn answer(
    app: App,
    request: hyper::Request<Incoming>,
    limits: Limits,
    names: &ServerNames,
    call_permits: &Arc<Semaphore>,
) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Err(why) = names.check(&parts) {
        return ApiError::invalid(why).into_response();
    }
    if parts.method == http::Method::GET
        && let Some(page) = sample::page(parts.uri.path()).await
    {
        return page;
    }
    let function = match routes::find(&parts.method, parts.uri.path()) {
        Ok(Found::Operation(operation, _)) => operation.function(),
        Ok(Found::Options(allow)) => return api::app::options(&allow),
        Err(refusal) => return app.refuse(&parts.headers, refusal).await,
    };
    if function == Function::Mcp {
        mcp::take_bearer(&mut parts.headers);
    }
    let max = api::request::max_body(parts.uri.path());
    if announced_too_large(&parts.headers, max) {
        return app.refuse(&parts.headers, api::request::too_large(max)).await;
    }
    let mut collected = std::pin::pin!(Limited::new(body, max).collect());
    // A body that arrives with its head is ready at once. Any other is waited for only if the request has a valid key.
    let early_body = tokio::select! {
        biased;
        body = &mut collected => Some(body),
        refusal = app.refuse_unknown_key(&parts.headers), if needs_key(&parts) => match refusal {
            Some(refusal) => return refusal,
            None => None,
        },
    };
    let body = match early_body {
        Some(body) => Ok(body),
        None => tokio::time::timeout(limits.body, collected).await,
    };
    let body = match body {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return app.refuse(&parts.headers, api::request::too_large(max)).await;
        }
        Ok(Err(_)) | Err(_) => {
            let text = "the request body was incomplete or took too long to arrive";
            return app.refuse(&parts.headers, ApiError::invalid(text)).await;
        }
    };
    let request = match event::to_lambda(&parts, &body) {
        Ok(request) => request,
        Err(error) => {
            tracing::error!(%error, "a request could not be converted to an event");
            return ApiError::invalid("the request could not be read").into_response();
        }
    };
    if function == Function::Mcp {
        // A tool may take long, so this request takes no permit; the calls that it makes do.
        let (inner, call_permits) = (app.clone(), Arc::clone(call_permits));
        let serve = Arc::new(move |function, request| {
            let (app, call_permits) = (inner.clone(), Arc::clone(&call_permits));
            let served: BoxFuture<'static, Response> =
                Box::pin(async move { admit(&app, function, request, limits, &call_permits).await });
            served
        });
        return in_own_task(async move { mcp::handle(&app, request, serve).await }).await;
    }
    admit(&app, function, request, limits, call_permits).await
}

/// Passes a request to the function that serves it; a POST waits for a permit first.
async fn admit(
    app: &App,
    function: Function,
    request: lambda_http::Request,
    limits: Limits,
    call_permits: &Semaphore,
) -> Response {
    // New work waits for a permit, but only for a short time: under overload some calls are served soon instead of all
    // of them late. In the cloud each call has a process of its own, and the stage's throttling does this.
    let _permit = if request.method() == http::Method::POST {
        match tokio::time::timeout(limits.wait, call_permits.acquire()).await {
            Ok(permit) => permit.ok(),
            Err(_) => {
                let text = "this server is overloaded and did not start the call; try again shortly";
                let refusal = ApiError { retry_after: Some(1), ..ApiError::new(ErrorCode::Unavailable, text) };
                return refusal.into_response();
            }
        }
    } else {
        None
    };
    let app = app.clone();
    in_own_task(async move {
        match function {
            Function::Extract => extract::handle(&app, request).await,
            Function::Batch => batch::handle(&app, request).await,
            Function::Crawl => crawl::handle(&app, request).await,
            Function::Jobs => jobs::handle(&app, request).await,
            Function::Mcp => ApiError::new(ErrorCode::NotFound, "the tools do not call /mcp").into_response(),
        }
    })
    .await
}

/// Runs a handler in a task of its own: a panic ends only that task, as in a Lambda function, and the job, if any, is
/// resumed.
async fn in_own_task(handled: impl Future<Output = Response> + Send + 'static) -> Response {
    tokio::spawn(handled).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a handler failed");
        let text = "an internal error occurred; the call may have been accepted: see GET /v1/jobs";
        ApiError::new(ErrorCode::Internal, text).into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_limited_by_file_descriptors() {
        let requested = |connections| Limits { connections, ..Limits::default() };
        let allowed = |connections, descriptors| requested(connections).limited_by(descriptors, 32).connections;
        assert_eq!(allowed(1_000, None), 1_000);
        assert_eq!(allowed(1_000, Some(65_536)), 1_000);
        assert_eq!(allowed(1_000, Some(1_024)), 1_024 - 64 - 64 - 96);
        assert_eq!(allowed(1_000, Some(100)), 1, "one is always served");
        assert_eq!((requested(1_000).per_peer(), requested(3).per_peer(), requested(1).per_peer()), (875, 3, 1));
    }
}
