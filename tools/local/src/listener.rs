//! A listener on loopback in front of an embedded service, for whoever asked for one: AWS's tools, functions in
//! processes of their own. It lets nobody in who has not signed with the credentials of this start.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::ids::key_text;
use fetch::guard::OwnListener;
use http::header::ORIGIN;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use runtime::clock::{Ids, SystemIds};
use rustack_auth::{StaticCredentialProvider, hash_payload, verify_sigv4};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::embedded::{Fault, Service};
use crate::host::ServerNames;

/// How long a head, and then a body, may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes of a request: DynamoDB's own limit.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Header fields that a signature must cover: without them a signed request could be turned into another one.
const SIGNED: [&str; 3] = ["host", "x-amz-date", "x-amz-target"];

/// What requests are signed with.
#[derive(Clone)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_key: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

impl Credentials {
    /// New ones, good for one start.
    pub fn random() -> Credentials {
        let text = |prefix| key_text(prefix, SystemIds.random(), SystemIds.random());
        Credentials { access_key: text("local"), secret_key: text("") }
    }
}

/// A running listener.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Listener {
    /// Serves `service` on `socket` to whoever signs with `credentials` and asks by one of `names`.
    ///
    /// # Errors
    /// The socket has no address.
    pub fn start(
        socket: TcpListener,
        service: Service,
        credentials: &Credentials,
        names: &ServerNames,
    ) -> std::io::Result<Listener> {
        let address = socket.local_addr()?;
        let provider =
            StaticCredentialProvider::new([(credentials.access_key.clone(), credentials.secret_key.clone())]);
        let door = Arc::new(Door { service, provider, names: names.clone() });
        let stop = CancellationToken::new();
        let ended = stop.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                while connections.try_join_next().is_some() {}
                let socket = tokio::select! {
                    accepted = socket.accept() => match accepted {
                        Ok((socket, _)) => socket,
                        Err(error) => {
                            // Out of file descriptors, most likely: wait for some to come back.
                            tracing::warn!(%error, "could not accept a connection");
                            tokio::time::sleep(Duration::from_millis(50)).await;
                            continue;
                        }
                    },
                    () = ended.cancelled() => return,
                };
                let _ = socket.set_nodelay(true);
                let door = Arc::clone(&door);
                let service = service_fn(move |request| {
                    let door = Arc::clone(&door);
                    async move { Ok::<_, Infallible>(door.answer(request).await) }
                });
                let mut http = http1::Builder::new();
                http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                connections.spawn(http.serve_connection(TokioIo::new(socket), service));
            }
        });
        Ok(Listener { address, stop, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

/// The listeners that were asked for, and what requests to them are signed with.
#[derive(Debug)]
pub struct Listeners {
    /// What requests are signed with.
    pub credentials: Credentials,
    /// In front of DynamoDB.
    pub dynamodb: Option<Listener>,
    /// In front of SQS.
    pub sqs: Option<Listener>,
}

impl Listeners {
    /// Starts those whose socket there is.
    ///
    /// # Errors
    /// A socket has no address.
    pub(crate) fn start(
        credentials: Credentials,
        names: &ServerNames,
        dynamodb: Option<(TcpListener, &Service)>,
        sqs: Option<(TcpListener, &Service)>,
    ) -> Result<Listeners, crate::stack::StartError> {
        let start = |asked: Option<(TcpListener, &Service)>| {
            let started = asked.map(|(socket, service)| Listener::start(socket, service.clone(), &credentials, names));
            started.transpose().map_err(|e| crate::stack::StartError::Io(e.to_string()))
        };
        let (dynamodb, sqs) = (start(dynamodb)?, start(sqs)?);
        Ok(Listeners { credentials, dynamodb, sqs })
    }

    /// What of this process may not be fetched, the API's address included; of that, the sample pages may.
    pub(crate) fn own(&self, api: SocketAddr) -> Vec<OwnListener> {
        let closed = [&self.dynamodb, &self.sqs].into_iter().flatten();
        let closed = closed.map(|listener| OwnListener { port: listener.address.port(), open: Vec::new() });
        let open = vec!["/sample/".to_owned(), "/robots.txt".to_owned()];
        closed.chain([OwnListener { port: api.port(), open }]).collect()
    }

    /// Ends them.
    pub(crate) async fn stop(self) {
        for listener in [self.dynamodb, self.sqs].into_iter().flatten() {
            listener.stop().await;
        }
    }
}

struct Door {
    service: Service,
    provider: StaticCredentialProvider,
    names: ServerNames,
}

impl Door {
    async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes, Error: Into<Fault>>,
    {
        let (parts, body) = request.into_parts();
        if let Err(why) = self.names.check(&parts) {
            return refusal(StatusCode::BAD_REQUEST, "ValidationException", &why);
        }
        if parts.headers.contains_key(ORIGIN) {
            return refusal(StatusCode::FORBIDDEN, "AccessDeniedException", "a web page may not ask this service");
        }
        let body = match tokio::time::timeout(PATIENCE, Limited::new(body, MAX_BODY).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) | Err(_) => {
                return refusal(StatusCode::BAD_REQUEST, "ValidationException", "the request body could not be read");
            }
        };
        if let Err(why) = self.verify(&parts, &body) {
            return refusal(StatusCode::FORBIDDEN, "UnrecognizedClientException", &why);
        }
        match self.service.call(Request::from_parts(parts, body)).await {
            Ok(answer) => answer.map(Full::new),
            Err(error) => {
                tracing::warn!(error, "an embedded service gave no answer");
                refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "no answer")
            }
        }
    }

    /// Whether the holder of the credentials has signed just this request.
    fn verify(&self, parts: &Parts, body: &[u8]) -> Result<(), String> {
        let want = "sign it (SigV4) with the credentials that the server printed at its start";
        let signed = verify_sigv4(parts, &hash_payload(body), &self.provider)
            .map_err(|error| format!("the request's signature does not hold ({error}); {want}"))?;
        match SIGNED.iter().find(|name| !signed.signed_headers.iter().any(|s| s == *name)) {
            Some(name) => Err(format!("the request's signature does not cover {name}; {want}")),
            None => Ok(()),
        }
    }
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Full<Bytes>> {
    let text = serde_json::json!({ "__type": format!("com.amazon.coral.service#{code}"), "message": message });
    let mut response = Response::new(Full::from(text.to_string()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method};
    use rustack_auth::canonical::build_canonical_request;
    use rustack_auth::sigv4::{build_string_to_sign, compute_signature, derive_signing_key};

    use super::*;

    const SIGNED_WITH: &str = "host;x-amz-date;x-amz-target";

    fn door() -> (Door, Credentials) {
        let credentials = Credentials::random();
        let pair = (credentials.access_key.clone(), credentials.secret_key.clone());
        let service = Service::new(|_| async { Ok(Response::new(Bytes::from("{}"))) });
        let names = ServerNames::parse("host.docker.internal").unwrap();
        (Door { service, provider: StaticCredentialProvider::new([pair]), names }, credentials)
    }

    /// A request whose signature covers `names`, the values of which are `host`'s and fixed ones.
    fn signed(credentials: &Credentials, names: &str, body: &[u8]) -> Parts {
        signed_for("127.0.0.1:1", credentials, names, body)
    }

    fn signed_for(host: &str, credentials: &Credentials, names: &str, body: &[u8]) -> Parts {
        let all = [("host", host), ("x-amz-date", "20261124T000000Z"), ("x-amz-target", "A.B")];
        let names: Vec<&str> = names.split(';').collect();
        let covered: Vec<(&str, &str)> = all.into_iter().filter(|(name, _)| names.contains(name)).collect();
        let canonical = build_canonical_request("POST", "/", "", &covered, &names, &hash_payload(body));
        let scope = "20261124/us-east-1/dynamodb/aws4_request";
        let text = build_string_to_sign("20261124T000000Z", scope, &hash_payload(canonical.as_bytes()));
        let key = derive_signing_key(&credentials.secret_key, "20261124", "us-east-1", "dynamodb").unwrap();
        let signature = compute_signature(&key, &text).unwrap();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
            credentials.access_key,
            names.join(";")
        );
        let request = all.iter().fold(Request::builder().method(Method::POST).uri("/"), |r, (n, v)| r.header(*n, *v));
        request.header("authorization", authorization).body(()).unwrap().into_parts().0
    }

    /// Who has the credentials may be a web page's program all the same, or be led here by a name of its own.
    #[tokio::test]
    async fn what_is_signed_is_for_this_machine_and_from_no_web_page() {
        let (door, credentials) = door();
        let ask = async |host: &str, origin: Option<&'static str>| {
            let mut parts = signed_for(host, &credentials, SIGNED_WITH, b"{}");
            if let Some(origin) = origin {
                parts.headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            door.answer(Request::from_parts(parts, Full::new(Bytes::from("{}")))).await.status().as_u16()
        };
        assert_eq!(ask("127.0.0.1:1", None).await, 200);
        assert_eq!(ask("host.docker.internal:1", None).await, 200);
        assert_eq!(ask("evil.example", None).await, 400);
        assert_eq!(ask("127.0.0.1:1", Some("https://evil.example")).await, 403);
        assert_eq!(ask("127.0.0.1:1", Some("null")).await, 403);
    }

    #[test]
    fn only_the_holder_of_the_credentials_is_let_in_and_only_with_what_was_signed() {
        let (door, credentials) = door();
        assert_eq!(door.verify(&signed(&credentials, SIGNED_WITH, b"{}"), b"{}"), Ok(()));
        assert!(door.verify(&signed(&credentials, SIGNED_WITH, b"{}"), b"{ }").is_err(), "another body");
        let mut other = signed(&credentials, SIGNED_WITH, b"{}");
        other.headers.insert("x-amz-target", "A.C".parse().unwrap());
        assert!(door.verify(&other, b"{}").is_err(), "another operation");
        let uncovered = signed(&credentials, "host;x-amz-date", b"{}");
        assert!(door.verify(&uncovered, b"{}").unwrap_err().contains("x-amz-target"));
        let forged = Credentials { secret_key: "local".into(), ..credentials.clone() };
        assert!(door.verify(&signed(&forged, SIGNED_WITH, b"{}"), b"{}").is_err(), "another secret");
        assert!(door.verify(&signed(&Credentials::random(), SIGNED_WITH, b"{}"), b"{}").is_err(), "of another start");
        let mut unsigned = signed(&credentials, SIGNED_WITH, b"{}");
        unsigned.headers.remove("authorization");
        assert!(door.verify(&unsigned, b"{}").is_err(), "none at all");
    }
}
