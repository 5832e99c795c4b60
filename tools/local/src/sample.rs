//! Sample pages to try the API without leaving the machine, served beside the API: `/sample/product`, and
//! `/sample/slow`, the same after three seconds.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

const PRODUCT: &str = include_str!("sample_product.html");

/// Delay of the slow page.
const SLOW_DELAY: Duration = Duration::from_secs(3);

/// Returns the sample page of a path; `None` if the path is not one.
pub(crate) async fn page(path: &str) -> Option<Response<api::Body>> {
    match path {
        "/sample/product" => {}
        "/sample/slow" => tokio::time::sleep(SLOW_DELAY).await,
        _ => return None,
    }
    let mut response = Response::new(api::Body::full(PRODUCT));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Some(response)
}

/// Returns a curl command that extracts the sample page.
pub(crate) fn curl(base: &str, key: &str) -> String {
    format!(
        "curl -sS {base}/v1/extract -H 'X-API-Key: {key}' -H 'Content-Type: application/json' \\\n    \
         -d '{{\"url\":\"{base}/sample/product\",\"schema\":[{{\"field\":\"title\",\"type\":\"string\",\"example\":\"A title\"}},\
         {{\"field\":\"price\",\"type\":\"float\",\"example\":9.99}}]}}'\n  \
         (pages on this machine are fetched only if the server was started with FETCH_ALLOW=127.0.0.0/8)"
    )
}
