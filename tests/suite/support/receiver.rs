//! A webhook receiver on loopback that answers as scripted and records messages; helpers for an account's secrets; and
//! the specification's signature, computed independently.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::webhook::{Secret, Secrets};
use domain::{AccountId, Timestamp};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::Value;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::failures::Failures;
use super::loopback;

/// A message as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    pub path: String,
    pub id: String,
    pub timestamp: String,
    pub signature: String,
    pub body: String,
}

impl ReceivedMessage {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The message's event type.
    pub fn event(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// The number of the message's signatures that this secret made.
    pub fn signed_by(&self, secret: &str) -> usize {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let content = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        let wanted = format!("v1,{}", STANDARD.encode(hmac(&key, content.as_bytes())));
        self.signature.split(' ').filter(|signature| *signature == wanted).count()
    }
}

/// HMAC-SHA256 as in RFC 2104.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    assert!(key.len() <= 64);
    let padded = |with: u8| -> Vec<u8> { (0..64).map(|i| key.get(i).copied().unwrap_or(0) ^ with).collect() };
    let sha256 = |bytes: &[u8]| -> Vec<u8> {
        let hex = domain::digest::sha256_hex(bytes);
        (0..32).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
    };
    let inner = sha256(&[padded(0x36), text.to_vec()].concat());
    sha256(&[padded(0x5c), inner].concat())
}

/// The receiver. Its redirects lead to `/away`.
#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<ReceivedMessage>>>,
    /// Statuses, one for each message; the last one repeats.
    answers: Arc<Mutex<Vec<u16>>>,
    open: watch::Sender<bool>,
    /// The seconds of `Retry-After`.
    retry_after: Arc<Mutex<Option<u64>>>,
    failures: Failures,
}

impl Receiver {
    pub async fn start(answers: &[u16]) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Receiver {
            address: listener.local_addr().unwrap(),
            received: Arc::default(),
            answers: Arc::new(Mutex::new(answers.to_vec())),
            open: watch::Sender::new(true),
            retry_after: Arc::default(),
            failures: Failures::default(),
        };
        let served = receiver.clone();
        loopback::serve(listener, move |request| {
            let receiver = served.clone();
            async move { receiver.failures.record(receiver.answer(request)).await }
        });
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://{}/in?token=QUERYSECRET", self.address)
    }

    /// The messages so far. Panics if one was not as the specification wants it.
    pub fn received(&self) -> Vec<ReceivedMessage> {
        self.failures.assert_none();
        self.received.lock().unwrap().clone()
    }

    /// Holds back responses, or releases them.
    pub fn hold(&self, hold: bool) {
        self.open.send_replace(!hold);
    }

    /// Adds `Retry-After` with these seconds to every response.
    pub fn set_retry_after(&self, seconds: u64) {
        *self.retry_after.lock().unwrap() = Some(seconds);
    }

    /// Returns `None` if the request breaks off, as it does if its sender is killed.
    async fn answer(&self, request: Request<Incoming>) -> Option<Response<Full<Bytes>>> {
        let field = |name: &str| request.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(field("content-type").as_deref(), Some("application/json"));
        let mut received = ReceivedMessage {
            path: request.uri().path().to_owned(),
            id: field("webhook-id").unwrap(),
            timestamp: field("webhook-timestamp").unwrap(),
            signature: field("webhook-signature").unwrap(),
            body: String::new(),
        };
        let body = request.into_body().collect().await.ok()?.to_bytes();
        received.body = String::from_utf8(body.to_vec()).unwrap();
        self.received.lock().unwrap().push(received);
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        let status = {
            let mut answers = self.answers.lock().unwrap();
            if answers.len() > 1 { answers.remove(0) } else { answers[0] }
        };
        let mut answer = Response::builder().status(status).header("location", "/away");
        if let Some(seconds) = *self.retry_after.lock().unwrap() {
            answer = answer.header("retry-after", seconds);
        }
        Some(answer.body(Full::from("noted")).unwrap())
    }
}

/// Replaces an account's secret. The previous one signs for another `keep_secs`. Returns the new one.
pub async fn rotate(store: &Store, account: &str, now: Timestamp, keep_secs: u64, seed: u128) -> String {
    let account = AccountId::parse(account).unwrap();
    let secret = Secret::from_random(seed, !seed);
    let row = store.webhooks.secrets(&account).await.unwrap();
    let secrets = row.secrets.rotated(secret.clone(), now, keep_secs);
    assert!(store.webhooks.put_secrets(&account, &row, &secrets).await.unwrap());
    secret.text()
}

/// Removes all secrets of an account.
pub async fn revoke(store: &Store, account: &str) {
    let account = AccountId::parse(account).unwrap();
    let row = store.webhooks.secrets(&account).await.unwrap();
    assert!(store.webhooks.put_secrets(&account, &row, &Secrets::default()).await.unwrap());
}
