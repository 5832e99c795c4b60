//! Carries out a tool's calls in this process: each becomes the request that the call's own function would have
//! received.

use std::collections::HashMap;

use api::routes::{self, Found};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use lambda_http::{Body as LambdaBody, Context, Request, RequestExt};
use mcp_tools::{Answer, Call, CallFailed, Carrier};

use crate::{ServeFn, X_API_KEY};

/// The application, with the caller's key.
pub(crate) struct InProcess {
    serve: ServeFn,
    key: Option<HeaderValue>,
    /// The invocation's context, which has its deadline.
    context: Option<Context>,
}

impl InProcess {
    /// Carries out calls with the key in `headers`, within the invocation of `request`.
    pub(crate) fn new(serve: ServeFn, headers: &HeaderMap, request: &Request) -> InProcess {
        InProcess { serve, key: headers.get(X_API_KEY).cloned(), context: request.lambda_context_ref().cloned() }
    }

    fn request(&self, call: Call) -> Request {
        let body = call.body.map_or(LambdaBody::Empty, |body| LambdaBody::Text(body.to_string()));
        let mut request = Request::new(body);
        *request.method_mut() = call.method;
        *request.headers_mut() = call.headers;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.key {
            request.headers_mut().insert(X_API_KEY, key.clone());
        }
        let query: HashMap<String, Vec<String>> =
            call.query.into_iter().map(|(name, value)| (name.to_owned(), vec![value])).collect();
        let request = request.with_raw_http_path(call.path).with_query_string_parameters(query);
        match &self.context {
            Some(context) => request.with_lambda_context(context.clone()),
            None => request,
        }
    }
}

impl Carrier for InProcess {
    async fn carry(&self, call: Call) -> Result<Answer, CallFailed> {
        let found = match routes::find(&call.method, &call.path) {
            Ok(Found::Operation(operation, _)) => Ok(operation.function()),
            Ok(Found::Options(_)) => return Err(CallFailed("no tool sends OPTIONS".to_owned())),
            Err(refusal) => Err(refusal),
        };
        let response = match found {
            Ok(function) => (self.serve)(function, self.request(call)).await,
            Err(refusal) => refusal.into_response(),
        };
        Ok(response.map(|body| body.map_err(|never| match never {}).boxed_unsync()))
    }
}
