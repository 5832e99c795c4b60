//! Raw HTTP calls, for endpoints without a method in this crate.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use reqwest::Method;

use crate::call::{Call, IDEMPOTENCY_KEY, new_idempotency_key};
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::send::error_chain;

impl Client {
    /// Sends a request as it is (method, path with query, headers, body) with the API key added. Returns any response,
    /// errors included, and does not wait for a `Retry-After`.
    ///
    /// Retries if the connection fails before a response. A POST without an `Idempotency-Key` gets one, so it is
    /// charged once.
    ///
    /// # Errors
    /// There was no response, or the request cannot be sent.
    pub async fn raw(&self, request: Request<Bytes>) -> Result<Response<RawBody>> {
        let (parts, body) = request.into_parts();
        let mut headers = Vec::with_capacity(parts.headers.len() + 1);
        for (name, value) in &parts.headers {
            let text = value.to_str().map_err(|_| Error::invalid(format!("the header {name} is not visible ASCII")))?;
            headers.push((name.clone(), text.to_owned()));
        }
        if parts.method == Method::POST && !parts.headers.contains_key(&IDEMPOTENCY_KEY) {
            headers.push((IDEMPOTENCY_KEY, new_idempotency_key()?));
        }
        let target = parts.uri.path_and_query().ok_or_else(|| Error::invalid("the request has no path"))?;
        let body = (!body.is_empty()).then_some(body);
        let call = Call { method: parts.method, path: target.to_string(), headers, body };
        let response: Response<reqwest::Body> = self.sender.first_response(&call).await?.into();
        Ok(response.map(RawBody))
    }
}

/// The body of a response, streamed. Dropping it unread cancels no job.
#[derive(Debug)]
pub struct RawBody(reqwest::Body);

impl Body for RawBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let broken = |error| Error {
            retryable: true,
            ..Error::new(
                ErrorKind::ConnectionFailed,
                "CONNECTION_FAILED",
                format!("the response broke off: {}", error_chain(error)),
            )
        };
        Pin::new(&mut self.0).poll_frame(context).map_err(broken)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
