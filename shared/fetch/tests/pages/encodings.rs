//! Content-Encoding: at most two layers are decoded, a decompression bomb ends at the limit, anything else is refused.

use domain::ErrorCode::{UnsupportedContent, UrlUnreachable};

use crate::site::Site;
use crate::{code, fetcher, get};

#[tokio::test]
async fn layers_are_decoded() {
    let (site, f) = (Site::start().await, fetcher());
    for path in ["/gzip", "/deflate", "/gzip-gzip"] {
        assert_eq!(&get(&f, &site.url(path)).await.unwrap().body[..], b"<h1>packed</h1>", "{path}");
    }
    assert_eq!(&get(&f, &site.url("/identity")).await.unwrap().body[..], b"<p>plain");
}

#[tokio::test]
async fn unknown_and_undeclared_codings_are_refused() {
    let (site, f) = (Site::start().await, fetcher());
    for path in ["/gzip-twice", "/gzip-thrice", "/compress"] {
        assert_eq!(code(get(&f, &site.url(path)).await), (UnsupportedContent, false), "{path}");
    }
    assert_eq!(code(get(&f, &site.url("/gzip-cut")).await), (UrlUnreachable, true));
    let twice = get(&f, &site.url("/gzip-twice")).await.unwrap_err();
    assert!(twice.to_string().contains("more times than its Content-Encoding says"), "{twice}");
}

/// The bomb has no end, so a result at all shows that it is not buffered.
#[tokio::test]
async fn a_decompression_bomb_ends_at_the_limit() {
    let (site, f) = (Site::start().await, fetcher());
    assert_eq!(code(get(&f, &site.url("/bomb")).await), (UnsupportedContent, false));
}
