//! Runs a function behind API Gateway. Answers are streamed, as the template's integrations expect. Two cases need a
//! buffered answer instead:
//!
//! - `sam local`: `start-api` answers 502 to a streamed answer, and `invoke` prints the bytes of its framing. It sets
//!   `AWS_SAM_LOCAL`.
//! - `HEAD`, everywhere: a stream without a body is known to stay open until the function's time is over
//!   (aws-lambda-web-adapter, issue 499). The template has a buffered integration for each HEAD.

use std::convert::Infallible;
use std::future::Future;

use futures_util::future::Either;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use lambda_http::lambda_runtime::{self, FunctionResponse};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Error, LambdaEvent, Request, Service, StreamAdapter, service_fn};

use crate::env::{Env, process_env};
use crate::nodelay::Connections;
use crate::{Body, Response};

/// Tells the runtime that a buffered body is text, whatever its content type.
const ENCODING: HeaderName = HeaderName::from_static("x-lambda-http-content-encoding");

/// Serves invocations with `handle` until the process ends.
///
/// # Errors
/// The Runtime API cannot be reached.
pub async fn run<F>(handle: impl Fn(Request) -> F) -> Result<(), Error>
where
    F: Future<Output = Response> + Send,
{
    let (handle, env) = (&handle, Env(&process_env));
    let sam_local = env.sam_local();
    let runtime_api = &env.text("AWS_LAMBDA_RUNTIME_API").and_then(|address| Connections::to(&address));
    lambda_runtime::run(service_fn(|event: LambdaEvent<LambdaRequest>| {
        let head = method(&event.payload) == Some(&Method::HEAD);
        let service = service_fn(move |mut request: Request| {
            // `sam local` would get compressed bytes in Base64.
            if sam_local {
                request.headers_mut().remove(ACCEPT_ENCODING);
            }
            let answer = handle(request);
            async move {
                let answer = answer.await;
                Ok::<_, Infallible>(match (head, sam_local) {
                    (true, _) => answer.map(Body::left_out),
                    (false, true) => mark_as_text(answer),
                    (false, false) => with_line_feed(answer),
                })
            }
        });
        let answer = if head || sam_local {
            Either::Left(Adapter::from(service).call(event))
        } else {
            // The connection that delivered the event also carries the answer.
            if let Some(connections) = runtime_api {
                connections.send_at_once();
            }
            Either::Right(StreamAdapter::from(service).call(event))
        };
        async {
            match answer {
                Either::Left(whole) => whole.await.map(FunctionResponse::BufferedResponse),
                Either::Right(streamed) => streamed.await.map(FunctionResponse::StreamingResponse),
            }
        }
    }))
    .await
}

/// Returns the method of a request from a gateway of either kind.
fn method(request: &LambdaRequest) -> Option<&Method> {
    match request {
        LambdaRequest::ApiGatewayV1(request) => Some(&request.http_method),
        LambdaRequest::ApiGatewayV2(request) => Some(&request.request_context.http.method),
        _ => None,
    }
}

/// Gives a streamed answer without a body a line feed. An example is the 202 to a notification of MCP, whose body
/// nobody reads. Leaves 204 and 304 without a body: only OPTIONS has one of these, and the gateway answers it itself.
fn with_line_feed(answer: Response) -> Response {
    match answer.status() {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => answer,
        _ => answer.map(Body::never_empty),
    }
}

/// Marks a buffered answer as text. Without the mark, the runtime encodes everything but JSON in Base64, and a gateway
/// without binary types does not decode that. Only pictures need the encoding. The mark is also sent as a header of the
/// answer.
fn mark_as_text(mut response: Response) -> Response {
    let is_known_type = |kind: &HeaderValue| {
        ["application/json", "image/png"].iter().any(|k| kind.as_bytes().starts_with(k.as_bytes()))
    };
    if !response.headers().get(CONTENT_TYPE).is_none_or(is_known_type) {
        response.headers_mut().insert(ENCODING, HeaderValue::from_static("text"));
    }
    response
}

#[cfg(test)]
mod tests {
    use lambda_http::IntoResponse;
    use lambda_http::aws_lambda_events::encodings;

    use super::*;

    #[tokio::test]
    async fn buffered_answers_are_text_except_pictures() {
        let answer = async |kind: &'static str| {
            let response = http::Response::builder().header(CONTENT_TYPE, kind).body(Body::full("{}\n")).unwrap();
            mark_as_text(response).into_response().await.into_body()
        };
        for kind in ["application/json", "application/x-ndjson", "application/problem+json", "image/svg+xml"] {
            assert_eq!(answer(kind).await, encodings::Body::Text("{}\n".into()), "{kind}");
        }
        assert_eq!(answer("image/png").await, encodings::Body::Binary(b"{}\n".to_vec()));
    }
}
