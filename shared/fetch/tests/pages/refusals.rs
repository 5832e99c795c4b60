//! What the guard refuses, seen from outside: never retryable, and refused before anything is connected to.

use std::time::{Duration, Instant};

use domain::ErrorCode::UrlUnreachable;
use fetch::{FetchConfig, Fetcher};

use crate::site::Site;
use crate::{code, fetcher, get};

#[tokio::test]
async fn nothing_local_is_reached_unless_allowed() {
    let site = Site::start().await;
    let strict = Fetcher::new(FetchConfig::default()).unwrap();
    let port = site.address.port();
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "localhost", "localhost.", "[::1]", "[::ffff:127.0.0.1]"]
    {
        let result = get(&strict, &format!("http://{host}:{port}/ok")).await;
        assert_eq!(code(result), (UrlUnreachable, false), "{host}");
        let result = get(&strict, &format!("http://{host}/ok")).await;
        assert_eq!(code(result), (UrlUnreachable, false), "{host} on the web's port");
    }
    assert_eq!(site.connections(), 0);
}

#[tokio::test]
async fn only_the_allowed_range_is_reached() {
    let site = Site::start().await;
    let other = FetchConfig { allow: vec!["127.0.0.2/32".parse().unwrap()], ..FetchConfig::default() };
    let result = get(&Fetcher::new(other).unwrap(), &site.url("/ok")).await;
    assert_eq!(code(result), (UrlUnreachable, false));
    assert_eq!(site.connections(), 0);
}

/// `localhost` resolves to whatever the machine says; the site listens on one of its addresses.
#[tokio::test]
async fn localhost_is_reached_where_loopback_is_allowed() {
    let site = Site::start().await;
    let allow = vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
    let f = Fetcher::new(FetchConfig { allow, ..FetchConfig::default() }).unwrap();
    let page = get(&f, &format!("http://localhost:{}/ok", site.address.port())).await.unwrap();
    assert_eq!(page.status, 200);
}

/// Nothing is connected to after the redirect: the error of a connection that failed would be retryable.
#[tokio::test]
async fn redirects_are_checked_like_the_first_hop() {
    let (site, f) = (Site::start().await, fetcher());
    let start = Instant::now();
    let paths = [
        "/to-file",
        "/to-ftp",
        "/to-script",
        "/to-user",
        "/to-metadata",
        "/to-v6-loopback",
        "/to-mapped",
        "/to-number",
        "/to-hex",
    ];
    for path in paths {
        let error = get(&f, &site.url(path)).await.unwrap_err();
        assert!(error.to_string().starts_with("after a redirect"), "{path}: {error}");
        assert_eq!(code(Err(error)), (UrlUnreachable, false), "{path}");
    }
    assert_eq!(site.connections(), paths.len());
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn invalid_urls_are_not_fetched() {
    let (site, f) = (Site::start().await, fetcher());
    for url in [format!("http://u:p@{}/ok", site.address), "ftp://127.0.0.1/".into(), "file:///etc/passwd".into()] {
        assert_eq!(code(get(&f, &url).await), (UrlUnreachable, false), "{url}");
    }
    assert_eq!(site.connections(), 0);
}
