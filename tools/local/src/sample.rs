//! Pages to try the API on without leaving the machine, served beside the API: `/sample/product`, and
//! `/sample/slow`, the same after three seconds.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

const PRODUCT: &str = include_str!("sample_product.html");

/// How long the slow page takes.
const SLOW: Duration = Duration::from_secs(3);

/// The sample page for a path, if it is one.
pub(crate) async fn page(path: &str) -> Option<Response<api::Body>> {
    match path {
        "/sample/product" => {}
        "/sample/slow" => tokio::time::sleep(SLOW).await,
        _ => return None,
    }
    let mut response = Response::new(api::Body::full(PRODUCT));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Some(response)
}

/// A curl line that extracts the sample page.
pub(crate) fn curl(base: &str, key: &str) -> String {
    format!(
        "curl -sS {base}/v1/extract -H 'X-API-Key: {key}' -H 'Content-Type: application/json' \\\n    \
         -d '{{\"url\":\"{base}/sample/product\",\"schema\":[{{\"field\":\"title\",\"type\":\"string\",\"example\":\"A title\"}},\
         {{\"field\":\"price\",\"type\":\"float\",\"example\":9.99}}]}}'\n  \
         (a page on this machine may only be fetched when the server was started with FETCH_ALLOW=127.0.0.0/8)"
    )
}
