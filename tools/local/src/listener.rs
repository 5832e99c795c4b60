//! A listener in front of an embedded service, for AWS's tools and for functions in processes of their own. Only
//! started if its port is set. Only accepts requests that are signed with the credentials of this start.

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
use runtime::clock::{RandomSource, SystemRandom};
use rustack_auth::{StaticCredentialProvider, hash_payload, verify_sigv4};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::embedded::{Fault, Service};
use crate::host::ServerNames;

/// Timeout for a head, and for a body, to arrive.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of bytes of a request: DynamoDB's own limit.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Headers that a signature must cover: without them a signed request could be turned into another one.
const SIGNED_HEADERS: [&str; 3] = ["host", "x-amz-date", "x-amz-target"];

/// Credentials that sign requests.
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
    /// Generates credentials for one start.
    pub fn random() -> Credentials {
        let text = |prefix| key_text(prefix, SystemRandom.random(), SystemRandom.random());
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
    /// Serves `service` on `socket` to requests that are signed with `credentials` and use one of `names`.
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
        let signed = Arc::new(SignedService { service, provider, names: names.clone() });
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
                            // Probably out of file descriptors: wait until some are released.
                            tracing::warn!(%error, "could not accept a connection");
                            tokio::time::sleep(Duration::from_millis(50)).await;
                            continue;
                        }
                    },
                    () = ended.cancelled() => return,
                };
                let _ = socket.set_nodelay(true);
                let signed = Arc::clone(&signed);
                let service = service_fn(move |request| {
                    let signed = Arc::clone(&signed);
                    async move { Ok::<_, Infallible>(signed.answer(request).await) }
                });
                let mut http = http1::Builder::new();
                http.timer(TokioTimer::new()).header_read_timeout(READ_TIMEOUT);
                connections.spawn(http.serve_connection(TokioIo::new(socket), service));
            }
        });
        Ok(Listener { address, stop, task })
    }

    /// Returns the address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

/// The listeners whose ports are set, and their credentials.
#[derive(Debug)]
pub struct Listeners {
    /// The credentials that sign requests.
    pub credentials: Credentials,
    /// The one in front of DynamoDB.
    pub dynamodb: Option<Listener>,
    /// The one in front of SQS.
    pub sqs: Option<Listener>,
}

impl Listeners {
    /// Starts a listener for each given socket.
    ///
    /// # Errors
    /// A socket has no address.
    pub(crate) fn start(
        credentials: Credentials,
        names: &ServerNames,
        dynamodb: Option<(TcpListener, &Service)>,
        sqs: Option<(TcpListener, &Service)>,
    ) -> std::io::Result<Listeners> {
        let start = |requested: Option<(TcpListener, &Service)>| {
            let started =
                requested.map(|(socket, service)| Listener::start(socket, service.clone(), &credentials, names));
            started.transpose()
        };
        let (dynamodb, sqs) = (start(dynamodb)?, start(sqs)?);
        Ok(Listeners { credentials, dynamodb, sqs })
    }

    /// Returns the listeners of this process, which may not be fetched as pages, including the API's. Of the API only
    /// the sample pages may be fetched.
    pub(crate) fn own(&self, api: SocketAddr) -> Vec<OwnListener> {
        let closed = [&self.dynamodb, &self.sqs].into_iter().flatten();
        let closed = closed.map(|listener| OwnListener { port: listener.address.port(), allowed_paths: Vec::new() });
        let allowed_paths = vec!["/sample/".to_owned(), "/robots.txt".to_owned()];
        closed.chain([OwnListener { port: api.port(), allowed_paths }]).collect()
    }

    /// Stops them.
    pub(crate) async fn stop(self) {
        for listener in [self.dynamodb, self.sqs].into_iter().flatten() {
            listener.stop().await;
        }
    }
}

struct SignedService {
    service: Service,
    provider: StaticCredentialProvider,
    names: ServerNames,
}

impl SignedService {
    async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes, Error: Into<Fault>>,
    {
        let (parts, body) = request.into_parts();
        if let Err(why) = self.names.check(&parts) {
            return refusal(StatusCode::BAD_REQUEST, "ValidationException", &why);
        }
        if parts.headers.contains_key(ORIGIN) {
            return refusal(StatusCode::FORBIDDEN, "AccessDeniedException", "web pages may not call this service");
        }
        let body = match tokio::time::timeout(READ_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
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
                tracing::warn!(error, "an embedded service gave no response");
                refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "no response")
            }
        }
    }

    /// Checks that this request is signed with the credentials, and that the signature covers [`SIGNED_HEADERS`].
    fn verify(&self, parts: &Parts, body: &[u8]) -> Result<(), String> {
        let want = "sign it (SigV4) with the credentials that the server printed when it started";
        let signed = verify_sigv4(parts, &hash_payload(body), &self.provider)
            .map_err(|error| format!("the request's signature is invalid ({error}); {want}"))?;
        match SIGNED_HEADERS.iter().find(|name| !signed.signed_headers.iter().any(|s| s == *name)) {
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

    const ALL_SIGNED: &str = "host;x-amz-date;x-amz-target";

    fn service() -> (SignedService, Credentials) {
        let credentials = Credentials::random();
        let pair = (credentials.access_key.clone(), credentials.secret_key.clone());
        let service = Service::new(|_| async { Ok(Response::new(Bytes::from("{}"))) });
        let names = ServerNames::parse("host.docker.internal").unwrap();
        (SignedService { service, provider: StaticCredentialProvider::new([pair]), names }, credentials)
    }

    /// Builds a request whose signature covers `names`; `host` has its value, the others fixed ones.
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

    /// A request with the credentials may still come from a web page, or under a rebound host name.
    #[tokio::test]
    async fn signed_requests_need_a_known_host_and_no_origin() {
        let (service, credentials) = service();
        let ask = async |host: &str, origin: Option<&'static str>| {
            let mut parts = signed_for(host, &credentials, ALL_SIGNED, b"{}");
            if let Some(origin) = origin {
                parts.headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            service.answer(Request::from_parts(parts, Full::new(Bytes::from("{}")))).await.status().as_u16()
        };
        assert_eq!(ask("127.0.0.1:1", None).await, 200);
        assert_eq!(ask("host.docker.internal:1", None).await, 200);
        assert_eq!(ask("evil.example", None).await, 400);
        assert_eq!(ask("127.0.0.1:1", Some("https://evil.example")).await, 403);
        assert_eq!(ask("127.0.0.1:1", Some("null")).await, 403);
    }

    #[test]
    fn only_requests_signed_with_the_credentials_are_accepted() {
        let (service, credentials) = service();
        assert_eq!(service.verify(&signed(&credentials, ALL_SIGNED, b"{}"), b"{}"), Ok(()));
        assert!(service.verify(&signed(&credentials, ALL_SIGNED, b"{}"), b"{ }").is_err(), "another body");
        let mut other = signed(&credentials, ALL_SIGNED, b"{}");
        other.headers.insert("x-amz-target", "A.C".parse().unwrap());
        assert!(service.verify(&other, b"{}").is_err(), "another operation");
        let uncovered = signed(&credentials, "host;x-amz-date", b"{}");
        assert!(service.verify(&uncovered, b"{}").unwrap_err().contains("x-amz-target"));
        let forged = Credentials { secret_key: "local".into(), ..credentials.clone() };
        assert!(service.verify(&signed(&forged, ALL_SIGNED, b"{}"), b"{}").is_err(), "another secret");
        assert!(service.verify(&signed(&Credentials::random(), ALL_SIGNED, b"{}"), b"{}").is_err(), "of another start");
        let mut unsigned = signed(&credentials, ALL_SIGNED, b"{}");
        unsigned.headers.remove("authorization");
        assert!(service.verify(&unsigned, b"{}").is_err(), "none at all");
    }
}
