//! Limits on time and size.

use std::time::{Duration, Instant};

use domain::ErrorCode::{Timeout, UnsupportedContent, UrlUnreachable};

use crate::site::Site;
use crate::{MAX_BODY, code, fetcher, get, get_within};

/// A response that comes late, one that drips, and one in which each hop is in time.
#[tokio::test]
async fn the_timeout_covers_the_whole_page() {
    let (site, f) = (Site::start().await, fetcher());
    for path in ["/hang", "/drip", "/slow/0"] {
        let start = Instant::now();
        assert_eq!(code(get_within(&f, &site.url(path), 400).await), (Timeout, true), "{path}");
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(400) && took < Duration::from_secs(60), "{path}: {took:?}");
    }
}

#[tokio::test]
async fn size_is_limited() {
    let (site, f) = (Site::start().await, fetcher());
    assert_eq!(get(&f, &site.url("/full")).await.unwrap().body.len(), MAX_BODY);
    for path in ["/large", "/endless"] {
        assert_eq!(code(get(&f, &site.url(path)).await), (UnsupportedContent, false), "{path}");
    }
    assert_eq!(code(get(&f, &site.url("/endless-head")).await), (UrlUnreachable, true));
}
