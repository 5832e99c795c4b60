//! An embedded service, and the transport by which our own SDK clients call it: within this process and without a
//! socket, so that nothing else can reach it.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use store::client::Connection;

/// Why a request got no response.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

type Handler = dyn Fn(Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, Fault>> + Send + Sync;

/// A service that speaks an AWS protocol: a request in, a response out. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Handler>);

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Service")
    }
}

impl Service {
    /// Creates a service that answers with `handler`.
    pub fn new<F>(handler: impl Fn(Request<Bytes>) -> F + Send + Sync + 'static) -> Service
    where
        F: Future<Output = Result<Response<Bytes>, Fault>> + Send + 'static,
    {
        Service(Arc::new(move |request| Box::pin(handler(request))))
    }

    /// Sends a request.
    ///
    /// # Errors
    /// There is no response. An error response of the service is a response.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Fault> {
        (self.0)(request).await
    }

    /// Returns an HTTP client for the SDK that sends every request to this service.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    /// Returns the connection for SDK clients to this service.
    pub fn connection(&self) -> Connection {
        // The host is never resolved: the HTTP client has no network.
        let endpoint = Some("http://embedded.invalid".to_owned());
        Connection { endpoint, http: Some(self.http_client()), ..Connection::default() }
    }
}

impl HttpClient for Service {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Service {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let service = self.clone();
        HttpConnectorFuture::new(async move {
            let answered = async {
                let request =
                    request.try_into_http1x()?.map(|body| Bytes::copy_from_slice(body.bytes().unwrap_or(&[])));
                let (parts, body) = service.call(request).await?.into_parts();
                let response: Result<HttpResponse, Fault> =
                    HttpResponse::try_from(Response::from_parts(parts, body.into())).map_err(Into::into);
                response
            };
            answered.await.map_err(ConnectorError::io)
        })
    }
}
