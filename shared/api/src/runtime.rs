//! How a function behind API Gateway is run: its answers are streamed, as the template's integrations want them. What has
//! no such integration wants them whole: `sam local start-api` answers 502 to a streamed one, and `sam local invoke`
//! prints the bytes of its framing. Both say of themselves who they are, and get answers of the other format.

use std::convert::Infallible;
use std::future::Future;

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use lambda_http::{Error, Request, run_with_streaming_response, service_fn};

use crate::Response;
use crate::config::{Env, process_env};

/// What tells the runtime that a whole body is text, whatever its type is called.
const ENCODING: HeaderName = HeaderName::from_static("x-lambda-http-content-encoding");

/// Serves invocations with `handle` until the process is ended.
///
/// # Errors
/// The Runtime API cannot be reached.
pub async fn run<F>(handle: impl Fn(Request) -> F) -> Result<(), Error>
where
    F: Future<Output = Response> + Send,
{
    if Env(&process_env).sam_local() {
        let service = service_fn(|request| {
            let answer = handle(request);
            async { Ok::<_, Infallible>(whole(answer.await)) }
        });
        return lambda_http::run(service).await;
    }
    let service = service_fn(|request| {
        let answer = handle(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    run_with_streaming_response(service).await
}

/// An answer that goes out as one piece. Without a mark, what is not called JSON would go in Base64, and stay so behind
/// a gateway that knows of no binary types; pictures have to. The mark is a field of the answer, too.
fn whole(mut response: Response) -> Response {
    let understood =
        |kind: &HeaderValue| ["application/json", "image/"].iter().any(|k| kind.as_bytes().starts_with(k.as_bytes()));
    if !response.headers().get(CONTENT_TYPE).is_none_or(understood) {
        response.headers_mut().insert(ENCODING, HeaderValue::from_static("text"));
    }
    response
}

#[cfg(test)]
mod tests {
    use lambda_http::IntoResponse;
    use lambda_http::aws_lambda_events::encodings;

    use super::*;
    use crate::Body;

    #[tokio::test]
    async fn whole_answers_are_text_but_for_pictures() {
        let answer = async |kind: &'static str| {
            let response = http::Response::builder().header(CONTENT_TYPE, kind).body(Body::full("{}\n")).unwrap();
            whole(response).into_response().await.into_body()
        };
        for kind in ["application/json", "application/x-ndjson", "application/problem+json"] {
            assert_eq!(answer(kind).await, encodings::Body::Text("{}\n".into()), "{kind}");
        }
        assert_eq!(answer("image/png").await, encodings::Body::Binary(b"{}\n".to_vec()));
    }
}
