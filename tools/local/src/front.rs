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
    /// Most connections at once. Any further one is answered with 503 and closed.
    pub connections: usize,
    /// Longest time for a request's head to arrive; also closes a connection that is idle for that long.
    pub head: Duration,
    /// Longest time for a request's body to arrive.
    pub body: Duration,
    /// Longest time that a client may leave sent data unread.
    pub unread: Duration,
    /// Calls accepted at once: from the request's last byte to the response's head.
    pub entries: usize,
    /// Longest wait of a call to be accepted. After that it is answered with 503, and nothing was done.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 1_000,
            head: Duration::from_secs(30),
            body: Duration::from_secs(60),
            unread: Duration::from_secs(60),
            entries: 32,
            wait: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// Reduces the number of connections to what the file descriptors allow. A call takes one for its client; before
    /// that come those of the pages being fetched: three each (the connection in use, one kept for the next page, the
    /// name lookup).
    #[must_use]
    pub(crate) fn limited_by(self, descriptors: Option<u64>, fetches: u32) -> Limits {
        let Some(descriptors) = descriptors else { return self };
        let others = SPARE + REFUSED_AT_ONCE as u64 + 3 * u64::from(fetches);
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

    /// Returns the most connections of one peer: all but an eighth, which is kept for others.
    fn per_peer(self) -> usize {
        self.connections - self.connections / 8
    }
}

/// Descriptors for the stores' files, logs, listeners and tools.
const SPARE: u64 = 64;
/// Most bytes of a head, and of response data buffered for the network. (API Gateway accepts 10,240 bytes of headers.)
const BUFFER: usize = 64 * 1024;
/// Connections over the limit that are answered with 503 at once; any further one is closed without an answer.
const REFUSED_AT_ONCE: usize = 64;
/// Longest time to send that 503.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);
/// How long connections may take to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until `stop`, then gives open requests a moment to finish.
pub(crate) async fn serve(
    listener: TcpListener,
    app: App,
    limits: Limits,
    names: ServerNames,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let (free, refusals) = (Arc::new(Semaphore::new(limits.connections)), Arc::new(Semaphore::new(REFUSED_AT_ONCE)));
    let entrance = Arc::new(Semaphore::new(limits.entries));
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
        let place = free.clone().try_acquire_owned().ok().zip(peers.enter(peer, limits.per_peer()));
        let Some(place) = place else {
            if let Ok(place) = refusals.clone().try_acquire_owned() {
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(REFUSAL_TIMEOUT, refuse_connection(socket)).await;
                    drop(place);
                });
            }
            continue;
        };
        // Small pieces must be sent at once: the head before the work, and each result when it is ready.
        let _ = socket.set_nodelay(true);
        let mut socket = TimeoutStream::new(socket);
        socket.set_write_timeout(Some(limits.unread));
        let (app, entrance, names) = (app.clone(), Arc::clone(&entrance), names.clone());
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let (app, entrance, names) = (app.clone(), Arc::clone(&entrance), names.clone());
            async move { Ok::<_, Infallible>(answer(app, request, limits, &names, &entrance).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(Box::pin(socket)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
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

/// Whether `Content-Length` is over `max` bytes: then nothing of the body is read.
fn announced_too_large(headers: &HeaderMap, max: usize) -> bool {
    let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    announced.is_some_and(|bytes| bytes > max as u64)
}

/// Whether a request needs a key.
fn needs_key(parts: &http::request::Parts) -> bool {
    let found = routes::find(&parts.method, parts.uri.path());
    !matches!(found, Ok(Found::Operation(operation, _)) if operation.is_open())
}

async fn answer(
    app: App,
    request: hyper::Request<Incoming>,
    limits: Limits,
    names: &ServerNames,
    entrance: &Arc<Semaphore>,
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
    let mut whole = std::pin::pin!(Limited::new(body, max).collect());
    // A body that arrives with its head is ready at once. Any other is waited for only if the request has a valid key.
    let there = tokio::select! {
        biased;
        body = &mut whole => Some(body),
        refusal = app.refuse_unknown_key(&parts.headers), if needs_key(&parts) => match refusal {
            Some(refusal) => return refusal,
            None => None,
        },
    };
    let body = match there {
        Some(body) => Ok(body),
        None => tokio::time::timeout(limits.body, whole).await,
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
        // A tool may take long, so this request takes no entry; the calls that it makes do.
        let (inner, entrance) = (app.clone(), Arc::clone(entrance));
        let serve = Arc::new(move |function, request| {
            let (app, entrance) = (inner.clone(), Arc::clone(&entrance));
            let served: BoxFuture<'static, Response> =
                Box::pin(async move { admit(&app, function, request, limits, &entrance).await });
            served
        });
        return in_own_task(async move { mcp::handle(&app, request, serve).await }).await;
    }
    admit(&app, function, request, limits, entrance).await
}

/// Passes a request to the function that serves it; a POST waits for an entry first.
async fn admit(
    app: &App,
    function: Function,
    request: lambda_http::Request,
    limits: Limits,
    entrance: &Semaphore,
) -> Response {
    // New work waits for an entry, but not for long: under overload some calls are served soon instead of all of them
    // late. In the cloud each call has a process of its own, and the stage's throttling does this.
    let _entry = if request.method() == http::Method::POST {
        match tokio::time::timeout(limits.wait, entrance.acquire()).await {
            Ok(entry) => entry.ok(),
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
        let text = "something is wrong on our side; the call may have been accepted: see GET /v1/jobs";
        ApiError::new(ErrorCode::Internal, text).into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_limited_by_file_descriptors() {
        let asked = |connections| Limits { connections, ..Limits::default() };
        let held = |connections, descriptors| asked(connections).limited_by(descriptors, 32).connections;
        assert_eq!(held(1_000, None), 1_000);
        assert_eq!(held(1_000, Some(65_536)), 1_000);
        assert_eq!(held(1_000, Some(1_024)), 1_024 - 64 - 64 - 96);
        assert_eq!(held(1_000, Some(100)), 1, "one is always served");
        assert_eq!((asked(1_000).per_peer(), asked(3).per_peer(), asked(1).per_peer()), (875, 3, 1));
    }
}
