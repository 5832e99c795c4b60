//! The HTTP front door: routes as API Gateway does, hands each request to the function that serves it, and streams
//! the response back unbuffered.

use std::convert::Infallible;
use std::time::Duration;

use api::routes::{self, Function};
use api::{App, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{event, sample};

/// How long a client may take to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take to send the body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long connections may take to finish once the server ends.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until `stop`, then lets what is under way finish for a moment.
pub(crate) async fn serve(listener: TcpListener, app: App, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    // Out of file descriptors, most likely: wait for some to come back.
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        // Small pieces have to leave at once: the head before the work, each result when it is there.
        let _ = socket.set_nodelay(true);
        let app = app.clone();
        let service = service_fn(move |request| {
            let app = app.clone();
            async move { Ok::<_, Infallible>(answer(app, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(socket), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

async fn answer(app: App, request: hyper::Request<Incoming>) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method == http::Method::GET
        && let Some(page) = sample::page(parts.uri.path()).await
    {
        return page;
    }
    let function = match routes::find(&parts.method, parts.uri.path()) {
        Ok((operation, _)) => operation.function(),
        Err(refusal) => return app.refuse(&parts.headers, refusal).await,
    };
    let body = match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, api::request::MAX_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return app.refuse(&parts.headers, api::request::too_large()).await;
        }
        Ok(Err(_)) | Err(_) => {
            return api::ApiError::invalid("the request body could not be read to its end").into_response();
        }
    };
    let request = match event::to_lambda(&parts, &body) {
        Ok(request) => request,
        Err(error) => {
            tracing::error!(%error, "a request could not be made an event");
            return api::ApiError::invalid("the request could not be read").into_response();
        }
    };
    // A task of its own: a panic ends there, as in a Lambda, and the job, if there is one, is taken up.
    let handled = tokio::spawn(async move {
        match function {
            Function::Extract => extract::handle(&app, request).await,
            Function::Batch => batch::handle(&app, request).await,
            Function::Crawl => crawl::handle(&app, request).await,
            Function::Jobs => jobs::handle(&app, request).await,
        }
    });
    handled.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a handler failed");
        let text = "something is wrong on our side; the call may have been accepted: see GET /v1/jobs";
        api::ApiError::new(domain::ErrorCode::Internal, text).into_response()
    })
}
