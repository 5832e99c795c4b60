//! Pages, redirects, statuses and content types.

use domain::ErrorCode::{FetchBlocked, UnsupportedContent, UrlUnreachable};
use fetch::FetchError;

use crate::scripted::{Answer, Scripted};
use crate::site::Site;
use crate::{closed_port, code, fetcher, get, get_within};

#[tokio::test]
async fn a_page_is_returned_as_the_site_sends_it() {
    let (site, f) = (Site::start().await, fetcher());
    let ok = get(&f, &site.url("/ok?q=1#part")).await.unwrap();
    assert_eq!((&ok.body[..], ok.status, ok.redirected), (&b"<h1>Hi</h1>"[..], 200, false));
    assert_eq!(ok.content_type.as_deref(), Some("text/html; charset=iso-8859-1"));
    assert_eq!(ok.final_url.as_str(), site.url("/ok?q=1"));
    assert!(get(&f, &site.url("/blank")).await.unwrap().body.is_empty());
    assert_eq!(&get(&f, &site.url("/json")).await.unwrap().body[..], b"{}");
    let untyped = get(&f, &site.url("/untyped")).await.unwrap();
    assert_eq!((&untyped.body[..], untyped.content_type), (&b"<p>x"[..], None));
}

#[tokio::test]
async fn a_request_names_the_crawler_and_the_language() {
    let (site, f) = (Site::start().await, fetcher());
    let echo = get(&f, &site.url("/echo")).await.unwrap();
    let echo = String::from_utf8_lossy(&echo.body).to_lowercase();
    for line in ["get /echo http/1.1\r\n", "accept-language: de-de,de;q=0.9,*;q=0.5\r\n", "user-agent: runo/0.1\r\n"] {
        assert!(echo.contains(line), "{line} {echo}");
    }
    let encodings = echo.lines().find(|l| l.starts_with("accept-encoding:")).unwrap();
    assert!(["gzip", "br", "deflate"].iter().all(|e| encodings.contains(e)), "{encodings}");
    assert!(!echo.contains("referer") && !echo.contains("cookie"), "{echo}");
}

#[tokio::test]
async fn redirects_are_followed_five_deep() {
    let (site, f) = (Site::start().await, fetcher());
    let moved = get(&f, &site.url("/chain#x")).await.unwrap();
    assert!(moved.redirected);
    assert_eq!(moved.final_url.as_str(), site.url("/ok"));
    assert!(get(&f, &site.url("/hops/5")).await.is_ok());
    let before = site.connections();
    let six = get(&f, &site.url("/hops/6")).await;
    assert!(matches!(&six, Err(FetchError::Unreachable(text)) if text.contains("too many redirects")), "{six:?}");
    assert_eq!(site.connections() - before, 6);
    for path in ["/loop", "/self"] {
        let round = get(&f, &site.url(path)).await;
        assert!(matches!(&round, Err(FetchError::Unreachable(text)) if text.contains("loop")), "{round:?}");
    }
    for path in ["/to-nowhere", "/to-nonsense"] {
        assert_eq!(code(get(&f, &site.url(path)).await), (UrlUnreachable, true), "{path}");
    }
}

#[tokio::test]
async fn error_statuses_have_error_codes() {
    let (site, f) = (Site::start().await, fetcher());
    for (path, want) in [
        ("/status/401", (FetchBlocked, true)),
        ("/403", (FetchBlocked, true)),
        ("/status/407", (FetchBlocked, true)),
        ("/status/429", (FetchBlocked, true)),
        ("/cloudflare", (FetchBlocked, true)),
        ("/aws", (FetchBlocked, true)),
        ("/status/304", (UrlUnreachable, true)),
        ("/status/300", (UrlUnreachable, true)),
        ("/status/400", (UrlUnreachable, true)),
        ("/404", (UrlUnreachable, true)),
        ("/status/500", (UrlUnreachable, true)),
        ("/status/503", (UrlUnreachable, true)),
        ("/status/204", (UnsupportedContent, false)),
        ("/status/205", (UnsupportedContent, false)),
    ] {
        assert_eq!(code(get(&f, &site.url(path)).await), want, "{path}");
    }
    let gone = get(&f, &site.url("/404")).await.unwrap_err().into_unit_error();
    assert!(gone.message.contains("404"), "{}", gone.message);
}

#[tokio::test]
async fn binary_content_and_broken_responses_are_not_pages() {
    let (site, f) = (Site::start().await, fetcher());
    for path in ["/pdf", "/endless-image", "/untyped-pdf", "/untyped-zeros", "/untyped-slow-pdf"] {
        assert_eq!(code(get(&f, &site.url(path)).await), (UnsupportedContent, false), "{path}");
    }
    for path in ["/broken", "/no-http", "/closed"] {
        assert_eq!(code(get(&f, &site.url(path)).await), (UrlUnreachable, true), "{path}");
    }
}

#[tokio::test]
async fn a_site_that_refuses_connections_or_tls_is_unreachable() {
    let (site, f) = (Site::start().await, fetcher());
    let closed = closed_port();
    let refused = get(&f, &format!("http://{}/", closed.local_addr().unwrap())).await.unwrap_err();
    assert!(refused.to_string().contains("connection to the site failed"), "{refused}");
    assert_eq!(code(Err(refused)), (UrlUnreachable, true));
    let plain = get_within(&f, &format!("https://{}/no-http", site.address), 5_000).await.unwrap_err();
    assert!(plain.to_string().contains("TLS"), "{plain}");
    assert_eq!(code(Err(plain)), (UrlUnreachable, true));
}

/// A response counts for the host that sent it, not for one that redirected there.
#[tokio::test]
async fn a_request_to_slow_down_counts_for_the_host_that_sent_it() {
    let f = fetcher();
    let busy = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n";
    let busy = Scripted::start_on("127.0.0.2", |_| vec![("/busy", Answer::Bytes(busy.into()))]).await;
    let location = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", busy.url("/busy"));
    let victim = Scripted::start(vec![("/", Answer::Bytes(location.into_bytes()))]).await;
    let error = get(&f, &victim.url("/")).await.unwrap_err();
    assert_eq!(error.throttled_at().map(url::Url::as_str), Some(busy.url("/busy").as_str()));
    assert_eq!(error.throttled().unwrap().retry_after, Some(std::time::Duration::from_secs(3_600)));
}
