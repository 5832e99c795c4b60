//! `runo mcp`: serves the API as tools to an agent that starts this program and talks to it over standard streams.

use std::io::IsTerminal;

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderValue};
use http_body_util::BodyExt;
use mcp_tools::{Answer, Call, CallFailed, Carrier, Tools};
use runo_client::Client;
use url::form_urlencoded;

use crate::config;
use crate::exit::{CommandError, FAILURE, SUCCESS};
use crate::terminal::notice;

/// Serves an agent until it closes standard input. Jobs that it started keep running.
pub(super) async fn mcp() -> Result<u8, CommandError> {
    let service = Service(config::client()?);
    if std::io::stdin().is_terminal() {
        notice(
            "runo mcp is started by an agent, which speaks the Model Context Protocol to it; press Ctrl-D to end it",
        );
    }
    let served = mcp_tools::serve(Tools::new(service), tokio::io::stdin(), tokio::io::stdout()).await;
    served.map(|()| SUCCESS).map_err(|error| CommandError::new(FAILURE, error.to_string()))
}

/// Carries calls to the service over HTTP. A call whose connection breaks is repeated and charged once.
struct Service(Client);

impl Carrier for Service {
    async fn carry(&self, call: Call) -> Result<Answer, CallFailed> {
        let answer = self.0.raw(request(call)?).await.map_err(|error| CallFailed(error.message))?;
        Ok(answer.map(|body| body.map_err(|error| CallFailed(error.message)).boxed_unsync()))
    }
}

fn request(call: Call) -> Result<Request<Bytes>, CallFailed> {
    let mut target = call.path;
    if !call.query.is_empty() {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&call.query).finish();
        target = format!("{target}?{query}");
    }
    let body = call.body.map_or_else(Bytes::new, |body| body.to_string().into());
    let malformed = |error| CallFailed(format!("the call cannot be made: {error}"));
    let mut request = Request::builder().method(call.method).uri(target).body(body).map_err(malformed)?;
    *request.headers_mut() = call.headers;
    if !request.body().is_empty() {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(request)
}
