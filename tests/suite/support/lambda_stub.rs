//! A stub of Lambda's API for one function, as other functions use it: synchronous `Invoke`.
//! Source: AWS, Lambda API reference, "Invoke": if the function fails, the status is 200, with `X-Amz-Function-Error`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::failures::Failures;
use super::loopback;
use super::runtime_api::RuntimeApi;
use super::template::Actions;

/// The function's name.
pub const FUNCTION: &str = "runo-render";

/// The outcome of an invocation.
pub enum Reply {
    /// The function answers.
    Answer(Value),
    /// Its process exited.
    Died,
    /// Lambda throttles the call.
    Throttled,
    /// No response arrives.
    NoResponse,
}

type Serve = dyn Fn(Value) -> BoxFuture<'static, Reply> + Send + Sync;

/// The stub. Ends with the runtime of its test.
#[derive(Clone)]
pub struct LambdaStub {
    url: String,
    serve: Arc<Serve>,
    requests: Arc<AtomicUsize>,
    seen: Arc<Mutex<Actions>>,
    failures: Failures,
}

impl LambdaStub {
    /// Starts a stub. Adds the actions that IAM would check to `seen`.
    pub async fn start(
        seen: Arc<Mutex<Actions>>,
        serve: impl Fn(Value) -> BoxFuture<'static, Reply> + Send + Sync + 'static,
    ) -> LambdaStub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, failures) = (Arc::default(), Failures::default());
        let stub = LambdaStub { url, serve: Arc::new(serve), requests, seen, failures };
        let served = stub.clone();
        loopback::serve(listener, move |request| {
            let stub = served.clone();
            async move { stub.failures.record(stub.invoke(request)).await }
        });
        stub
    }

    /// Starts a stub that passes invocations on to a function's process.
    pub async fn forwarding_to(api: &RuntimeApi) -> LambdaStub {
        let api = api.clone();
        let serve = move |event| -> BoxFuture<'static, Reply> {
            let mut answer = api.invoke(&event, std::time::Duration::from_secs(180));
            Box::pin(async move { Reply::Answer(answer.value().await) })
        };
        LambdaStub::start(Arc::default(), serve).await
    }

    /// The variables that make a function use it.
    pub fn variables(&self) -> [(&'static str, &str); 2] {
        [("RENDER_FUNCTION", FUNCTION), ("AWS_ENDPOINT_URL_LAMBDA", &self.url)]
    }

    /// The number of invocations. Panics if a request was not an invocation, or if the function that serves them
    /// failed.
    pub fn requests(&self) -> usize {
        self.failures.assert_none();
        self.requests.load(Ordering::SeqCst)
    }

    /// Its failures, such as a request that invokes another function.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Returns `None` if the request breaks off, as it does if its sender is killed.
    async fn invoke(&self, request: Request<Incoming>) -> Option<Response<Full<Bytes>>> {
        assert_eq!(request.uri().path(), format!("/2015-03-31/functions/{FUNCTION}/invocations"));
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.seen.lock().unwrap().insert(("lambda:InvokeFunction".to_owned(), "RenderFunction".to_owned()));
        let body = request.into_body().collect().await.ok()?.to_bytes();
        let event = serde_json::from_slice(&body).unwrap();
        let answer = Response::builder().header("Content-Type", "application/json");
        let (answer, body) = match (self.serve)(event).await {
            Reply::Answer(value) => (answer, value),
            Reply::Died => (
                answer.header("X-Amz-Function-Error", "Unhandled"),
                json!({ "errorType": "Runtime.ExitError", "errorMessage": "Error: Runtime exited with error: signal: killed" }),
            ),
            Reply::Throttled => (
                answer.status(429).header("x-amzn-ErrorType", "TooManyRequestsException"),
                json!({ "Reason": "ConcurrentInvocationLimitExceeded", "message": "Rate Exceeded." }),
            ),
            Reply::NoResponse => std::future::pending().await,
        };
        Some(answer.body(Full::from(body.to_string())).unwrap())
    }
}
