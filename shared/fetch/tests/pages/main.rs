//! Complete fetches of pages, robots.txt and sitemaps from a site on loopback that misbehaves on purpose. Nothing but
//! loopback is ever connected to.

// Helpers outside test functions may panic to fail a test, too.
#![allow(clippy::unwrap_used)]

mod answers;
mod encodings;
mod hostile;
mod limits;
mod odd;
mod packed;
mod proxies;
mod refusals;
mod robots;
mod scripted;
mod servers;
mod site;
mod sitemaps;
mod tls;

use std::time::Duration;

use domain::ErrorCode;
use fetch::{FetchConfig, FetchError, FetchRequest, Fetcher, Page};
use tokio::net::TcpSocket;
use url::Url;

/// The size limit of [`fetcher`].
const MAX_BODY: usize = 100_000;
/// The sitemap size limit of [`fetcher`].
const MAX_SITEMAP: usize = 1_000_000;

/// Builds a fetcher that may fetch from loopback.
fn fetcher() -> Fetcher {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let limits = FetchConfig { max_body_bytes: MAX_BODY, max_sitemap_bytes: MAX_SITEMAP, ..FetchConfig::default() };
    Fetcher::new(FetchConfig { allow, ..limits }).unwrap()
}

/// Fetches within `ms` milliseconds.
async fn get_within(fetcher: &Fetcher, url: &str, ms: u64) -> Result<Page, FetchError> {
    let url = Url::parse(url).unwrap();
    let timeout = Duration::from_millis(ms);
    fetcher
        .fetch(FetchRequest {
            url: &url,
            accept_language: "de-DE",
            timeout,
            headers: None,
            redirect_policy: None,
            body_resources: None,
        })
        .await
}

/// Fetches with ample time.
async fn get(fetcher: &Fetcher, url: &str) -> Result<Page, FetchError> {
    get_within(fetcher, url, 20_000).await
}

/// Returns a socket that does not listen. Its address refuses connections for as long as the socket lives. An address
/// that was only free for a moment may be another test's by then.
fn closed_port() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket
}

/// Returns the unit error of a failed fetch: code and whether it may be retried.
fn code(result: Result<Page, FetchError>) -> (ErrorCode, bool) {
    let error = result.unwrap_err().into_unit_error();
    (error.code, error.retryable)
}
