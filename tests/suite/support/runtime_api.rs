//! Lambda's Runtime API for one function process: it hands out invocations one after the other and exposes the
//! function's response while it arrives. It knows nothing of what the function does.
//! Source: AWS, "Using the Lambda runtime API for custom runtimes" and its section on response streaming.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use domain::{JobId, Timestamp};
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use runtime::clock::{Clock, SystemClock};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::loopback;

/// Timeout of the next event of an invocation. It is long, because it only detects a response that never comes.
const EVENT_TIMEOUT: Duration = Duration::from_secs(120);
/// Separates the prelude from the body of a streamed HTTP response.
const DELIMITER: [u8; 8] = [0; 8];

/// The API. Ends with the runtime of its test.
#[derive(Clone)]
pub struct RuntimeApi {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    send: UnboundedSender<Invocation>,
    waiting: tokio::sync::Mutex<UnboundedReceiver<Invocation>>,
    /// Invocations that were handed out and are not answered.
    open: Mutex<HashMap<String, UnboundedSender<InvocationEvent>>>,
    polls: AtomicUsize,
    init_errors: Mutex<Vec<String>>,
}

struct Invocation {
    id: String,
    event: String,
    remaining: Duration,
    events: UnboundedSender<InvocationEvent>,
}

/// An event of an invocation.
enum InvocationEvent {
    Delivered(Timestamp),
    Started(ResponseStart),
    Bytes(Bytes),
    /// The request with the response has ended at this time, with these trailers; an error is a broken connection.
    Ended(Timestamp, Result<HeaderMap, String>),
}

/// The beginning of a function's response.
#[derive(Debug, Clone)]
pub struct ResponseStart {
    /// Whether the function reports an error.
    pub error: bool,
    /// The header fields of its request.
    pub headers: HeaderMap,
}

/// The end of a function's response.
struct ResponseEnd {
    at: Timestamp,
    trailers: HeaderMap,
}

/// A function's response to one invocation, as far as it was read.
pub struct Answer {
    events: UnboundedReceiver<InvocationEvent>,
    delivered: Option<Timestamp>,
    start: Option<ResponseStart>,
    ended: Option<ResponseEnd>,
    bytes: Vec<u8>,
}

impl RuntimeApi {
    pub async fn start() -> RuntimeApi {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (send, waiting) = unbounded_channel();
        let state = State {
            send,
            waiting: waiting.into(),
            open: Mutex::default(),
            polls: AtomicUsize::new(0),
            init_errors: Mutex::default(),
        };
        let api = RuntimeApi { address: listener.local_addr().unwrap(), state: Arc::new(state) };
        let served = api.clone();
        loopback::serve(listener, move |request| {
            let api = served.clone();
            async move { Ok::<_, Infallible>(api.serve(request).await) }
        });
        api
    }

    /// The value for `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// How often the function asked for an invocation.
    pub fn polls(&self) -> usize {
        self.state.polls.load(Ordering::SeqCst)
    }

    /// The function's reports of a failed init.
    pub fn init_errors(&self) -> Vec<String> {
        self.state.init_errors.lock().unwrap().clone()
    }

    /// Invokes the function. Its time, `remaining`, starts when it takes the invocation, as Lambda's does.
    pub fn invoke(&self, event: &Value, remaining: Duration) -> Answer {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let id = format!("00000000-0000-4000-8000-{:012x}", COUNT.fetch_add(1, Ordering::SeqCst));
        let (send, events) = unbounded_channel();
        let invocation = Invocation { id, event: event.to_string(), remaining, events: send };
        assert!(self.state.send.send(invocation).is_ok());
        Answer { events, delivered: None, start: None, ended: None, bytes: Vec::new() }
    }

    async fn serve(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.trim_start_matches("/2018-06-01/runtime/").split('/').collect();
        match (request.method(), &parts[..]) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, kind @ ("response" | "error")]) => {
                self.answer(id, *kind == "error", request).await
            }
            (&Method::POST, ["init", "error"]) => {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                self.state.init_errors.lock().unwrap().push(String::from_utf8_lossy(&body).into_owned());
                status(StatusCode::ACCEPTED)
            }
            _ => status(StatusCode::NOT_FOUND),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        self.state.polls.fetch_add(1, Ordering::SeqCst);
        let Some(invocation) = self.state.waiting.lock().await.recv().await else {
            return status(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let Invocation { id, event, remaining, events } = invocation;
        let deadline = SystemClock.now().plus_ms(i64::try_from(remaining.as_millis()).unwrap());
        let _ = events.send(InvocationEvent::Delivered(deadline));
        self.state.open.lock().unwrap().insert(id.clone(), events);
        Response::builder()
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", id)
            .header("Lambda-Runtime-Deadline-Ms", deadline.0)
            .header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:test")
            .header("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000001;Sampled=0")
            .body(Full::from(event))
            .unwrap()
    }

    async fn answer(&self, id: &str, error: bool, request: Request<Incoming>) -> Response<Full<Bytes>> {
        // An invocation is answered once.
        let Some(events) = self.state.open.lock().unwrap().remove(id) else { return status(StatusCode::FORBIDDEN) };
        let (head, mut body) = request.into_parts();
        let _ = events.send(InvocationEvent::Started(ResponseStart { error, headers: head.headers }));
        let mut ended = Ok(HeaderMap::new());
        while let Some(frame) = body.frame().await {
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(bytes)) => drop(events.send(InvocationEvent::Bytes(bytes))),
                Ok(Err(other)) => ended = Ok(other.into_trailers().unwrap_or_default()),
                Err(error) => {
                    ended = Err(error.to_string());
                    break;
                }
            }
        }
        let _ = events.send(InvocationEvent::Ended(SystemClock.now(), ended));
        status(StatusCode::ACCEPTED)
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from("{}"));
    *response.status_mut() = status;
    response
}

impl Answer {
    /// Waits for the next event. Panics if none comes, or if the connection broke.
    async fn step(&mut self) {
        let next = tokio::time::timeout(EVENT_TIMEOUT, self.events.recv()).await;
        let seen = String::from_utf8_lossy(&self.bytes);
        match next.unwrap_or_else(|_| panic!("the function sends nothing more: {seen}")) {
            Some(InvocationEvent::Delivered(deadline)) => self.delivered = Some(deadline),
            Some(InvocationEvent::Started(start)) => self.start = Some(start),
            Some(InvocationEvent::Bytes(bytes)) => self.bytes.extend_from_slice(&bytes),
            Some(InvocationEvent::Ended(at, Ok(trailers))) => self.ended = Some(ResponseEnd { at, trailers }),
            Some(InvocationEvent::Ended(_, Err(error))) => panic!("the response broke off: {error}: {seen}"),
            None => panic!("there is nothing after the end: {seen}"),
        }
    }

    /// The deadline of the invocation, as given to the function.
    pub async fn deadline(&mut self) -> Timestamp {
        while self.delivered.is_none() {
            self.step().await;
        }
        self.delivered.unwrap()
    }

    /// Waits for the response to begin.
    pub async fn response_start(&mut self) -> ResponseStart {
        while self.start.is_none() {
            self.step().await;
        }
        self.start.clone().unwrap()
    }

    /// Waits for the prelude of a streamed HTTP response.
    pub async fn prelude(&mut self) -> Value {
        loop {
            if let Some((prelude, _)) = split(&self.bytes) {
                return serde_json::from_slice(prelude).unwrap();
            }
            assert!(self.ended.is_none(), "no prelude: {}", String::from_utf8_lossy(&self.bytes));
            self.step().await;
        }
    }

    /// Waits for the prelude and returns the id of the job that it names.
    pub async fn job(&mut self) -> JobId {
        let prelude = self.prelude().await;
        let id = prelude["headers"]["x-job-id"].as_str().unwrap_or_else(|| panic!("{prelude}"));
        JobId::parse(id).unwrap()
    }

    /// Status, fields and body of an HTTP response that is not streamed. Panics if it is streamed.
    pub async fn buffered_response(&mut self) -> (u64, BTreeMap<String, String>, String) {
        let answer = self.value().await;
        let fields = answer["multiValueHeaders"].as_object().unwrap().iter();
        let fields = fields.map(|(name, values)| (name.clone(), values[0].as_str().unwrap().to_owned())).collect();
        let body = answer["body"].as_str().unwrap_or_default().to_owned();
        (answer["statusCode"].as_u64().unwrap(), fields, body)
    }

    /// Reads the body of a streamed HTTP response until `enough` returns true.
    pub async fn body_until(&mut self, enough: impl Fn(&str) -> bool) -> String {
        self.prelude().await;
        loop {
            let body = split(&self.bytes).map(|(_, body)| String::from_utf8_lossy(body)).unwrap();
            if enough(&body) {
                return body.into_owned();
            }
            assert!(self.ended.is_none(), "the body ended: {body}");
            self.step().await;
        }
    }

    /// Whether the response is known to have ended.
    pub fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// The whole body of a streamed HTTP response as text.
    pub async fn text(&mut self) -> String {
        self.prelude().await;
        self.end().await;
        split(&self.bytes).map(|(_, body)| String::from_utf8_lossy(body).into_owned()).unwrap()
    }

    /// The whole body of a streamed HTTP response as JSON. Panics if it ended with an error.
    pub async fn body(&mut self) -> Value {
        let prelude = self.prelude().await;
        let trailers = &self.end().await.trailers;
        assert!(!trailers.contains_key("lambda-runtime-function-error-type"), "{trailers:?}");
        let (_, body) = split(&self.bytes).unwrap();
        serde_json::from_slice(body).unwrap_or_else(|e| panic!("{e}: {prelude} {}", String::from_utf8_lossy(body)))
    }

    /// A whole response that is not streamed. Panics if it is an error.
    pub async fn value(&mut self) -> Value {
        self.end().await;
        let (start, text) = (self.start.as_ref().unwrap(), String::from_utf8_lossy(&self.bytes));
        assert!(!start.error, "{text}");
        assert!(!start.headers.contains_key("lambda-runtime-function-response-mode"), "{start:?}");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// When the whole response had arrived, whenever the test reads it.
    pub async fn ended_at(&mut self) -> Timestamp {
        self.end().await.at
    }

    async fn end(&mut self) -> &ResponseEnd {
        while self.ended.is_none() {
            self.step().await;
        }
        self.ended.as_ref().unwrap()
    }
}

/// Splits a streamed HTTP response into prelude and body.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.windows(DELIMITER.len()).position(|window| window == DELIMITER)?;
    Some((&bytes[..at], &bytes[at + DELIMITER.len()..]))
}
