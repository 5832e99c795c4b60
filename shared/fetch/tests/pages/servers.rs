//! Real servers' habits: heads that no RFC allows, redirects without a redirect status, and sites that require their
//! cookie back.

use std::sync::{Arc, Mutex};

use domain::ErrorCode::UrlUnreachable;
use fetch::FetchRequest;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use crate::scripted::{Answer, Scripted, to};
use crate::site::page;
use crate::{code, fetcher, get};

const HTML: &str = "Content-Type: text/html\r\n";

fn html(headers: &str, body: &str) -> Answer {
    Answer::Bytes(page("200 OK", &format!("{HTML}{headers}"), body.as_bytes()))
}

#[tokio::test]
async fn heads_that_browsers_read() {
    let many = (0..900).map(|i| format!("X-{i}: v\r\n")).collect::<String>();
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Type : text/html\r\nContent-Length:2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Policy:\r\n  a;\r\n\tb\r\nContent-Type: text/html\r\nContent-Length:2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nnonsense\r\nContent-Length:2\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: x\r\nA b: c\r\nContent-Type: text/html\r\nContent-Length:2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-\u{e9}t\u{e9}: \u{e9}\r\nContent-Type: text/html\r\nContent-Length:2\r\n\r\n",
        "HTTP/1.1 200 \u{e9}t\u{e9}\r\nContent-Type: text/html\r\nContent-Length:2\r\n\r\n",
        "HTTP/1.1 200\r\nContent-Type: text/html\r\nContent-Length:2\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length:2\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\u{1}b\r\nContent-Type: text/html\r\nContent-Length:2\r\n\r\n",
        &format!("HTTP/1.1 200 OK\r\n{many}Content-Type: text/html\r\nContent-Length:2\r\n\r\n"),
    ] {
        let site = Scripted::start(vec![("/", Answer::Hang([head.as_bytes(), b"ok"].concat()))]).await;
        let got = get(&fetcher(), &site.url("/")).await;
        assert_eq!(got.as_ref().map(|page| &page.body[..]), Ok(&b"ok"[..]), "{head}");
    }
}

/// Tolerance must not extend to where a body ends.
#[tokio::test]
async fn ambiguous_lengths_are_refused() {
    for fields in ["Content-Length: 2\r\nContent-Length: 3\r\n", "Content-Length: -2\r\n", "Content-Length: two\r\n"] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{HTML}{fields}\r\nok");
        let site = Scripted::start(vec![("/", Answer::Bytes(bytes.into()))]).await;
        assert_eq!(code(get(&fetcher(), &site.url("/")).await), (UrlUnreachable, true), "{fields}");
    }
    let many = (0..1_100).map(|i| format!("X-{i}: v\r\n")).collect::<String>();
    let site = Scripted::start(vec![("/", html(&many, "ok"))]).await;
    assert_eq!(code(get(&fetcher(), &site.url("/")).await), (UrlUnreachable, true));
}

#[tokio::test]
async fn a_prompt_refresh_to_another_page_is_a_redirect() {
    let site = Scripted::start(vec![
        ("/z", html("", "<h1>there")),
        ("/field", html("Refresh: 3; url=/z\r\n", "<p>wait")),
        ("/meta", html("", "<meta http-equiv=refresh content='0;url=/z'>")),
        ("/two", html("", "<meta http-equiv=refresh content='0;url=/meta'>")),
        ("/late", html("Refresh: 300; url=/z\r\n", "late")),
        ("/itself", html("", "<meta http-equiv=refresh content='5;url=/itself'>itself")),
        ("/loop", html("", "<meta http-equiv=refresh content='0;url=/loop2'>")),
        ("/loop2", to("/loop")),
        (
            "/json",
            Answer::Bytes(page(
                "200 OK",
                "Content-Type: application/json\r\n",
                b"\"<meta http-equiv=refresh content='0;url=/z'>\"",
            )),
        ),
        ("/forbidden", html("Refresh: 0; url=http://10.0.0.1/\r\n", "x")),
        ("/script", html("Refresh: 0; url=javascript:alert(1)\r\n", "x")),
        ("/deep", html("Refresh: 0; url=/deep1\r\n", "")),
        ("/deep1", to("/deep2")),
        ("/deep2", html("Refresh: 0; url=/deep3\r\n", "")),
        ("/deep3", to("/deep4")),
        ("/deep4", html("Refresh: 0; url=/deep5\r\n", "")),
        ("/deep5", to("/z")),
    ])
    .await;
    let f = fetcher();
    for path in ["/field", "/meta", "/two"] {
        let page = get(&f, &site.url(path)).await.unwrap();
        assert_eq!(
            (&page.body[..], page.redirected, page.final_url.as_str()),
            (&b"<h1>there"[..], true, &*site.url("/z")),
            "{path}"
        );
    }
    assert_eq!(&get(&f, &site.url("/late")).await.unwrap().body[..], b"late");
    assert!(get(&f, &site.url("/itself")).await.unwrap().body.ends_with(b"itself"));
    assert!(get(&f, &site.url("/json")).await.unwrap().body.starts_with(b"\""));
    let looped = get(&f, &site.url("/loop")).await.unwrap_err();
    assert!(looped.to_string().contains("loop"), "{looped}");
    let deep = get(&f, &site.url("/deep")).await.unwrap_err();
    assert!(deep.to_string().contains("too many redirects"), "{deep}");
    for path in ["/forbidden", "/script"] {
        assert_eq!(code(get(&f, &site.url(path)).await), (UrlUnreachable, false), "{path}");
    }
}

/// Starts a site that sets a cookie and redirects to the same page until it gets the cookie. Records the head of each
/// request.
async fn gate(ip: &str, heads: &Arc<Mutex<Vec<String>>>) -> std::net::SocketAddr {
    let listener = TcpListener::bind((ip, 0)).await.unwrap();
    let (address, heads) = (listener.local_addr().unwrap(), Arc::clone(heads));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0u8; 8_192];
            let n = socket.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..n]).to_lowercase();
            heads.lock().unwrap().push(head.clone());
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let answer = match path.strip_prefix("/to/") {
                Some(target) => page("302 Found", &format!("Location: http://{target}\r\n"), b""),
                None if head.contains("seen=1") => page("200 OK", HTML, b"in"),
                None if path == "/never" => page("302 Found", "Location: /never\r\n", b""),
                None => page("302 Found", &format!("Set-Cookie: seen=1; Path=/\r\nLocation: {path}\r\n"), b""),
            };
            let _ = socket.write_all(&answer).await;
        }
    });
    address
}

#[tokio::test]
async fn a_cookie_is_returned_only_within_its_chain_and_host() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let (site, other, f) = (gate("127.0.0.1", &heads).await, gate("127.0.0.2", &heads).await, fetcher());
    for _ in 0..2 {
        // Each fetch begins without cookies.
        let page = get(&f, &format!("http://{site}/shop")).await.unwrap();
        assert_eq!((&page.body[..], page.redirected), (&b"in"[..], false));
    }
    let sent: Vec<bool> = heads.lock().unwrap().iter().map(|head| head.contains("cookie: seen=1")).collect();
    assert_eq!(sent, [false, true, false, true]);
    let looped = get(&f, &format!("http://{site}/never")).await.unwrap_err();
    assert!(looped.to_string().contains("loop"), "{looped}");
    // Another host's cookie stays there.
    heads.lock().unwrap().clear();
    get(&f, &format!("http://{site}/to/{other}/x")).await.unwrap();
    assert_eq!(heads.lock().unwrap().iter().filter(|head| head.contains("cookie:")).count(), 1);
}

#[tokio::test]
async fn a_callers_fields_are_sent_to_the_first_origin_only() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let (site, other, f) = (gate("127.0.0.1", &heads).await, gate("127.0.0.1", &heads).await, fetcher());
    let headers: HeaderMap = [("authorization", "Bearer secret"), ("cookie", "own=2"), ("accept-language", "xx")]
        .into_iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    let url = Url::parse(&format!("http://{site}/to/{other}/to/{site}/x")).unwrap();
    let request = FetchRequest {
        url: &url,
        accept_language: "de",
        timeout: std::time::Duration::from_secs(10),
        headers: Some(&headers),
        redirect_policy: None,
        body_resources: None,
    };
    assert_eq!(&f.fetch(request).await.unwrap().body[..], b"in");
    let heads = heads.lock().unwrap();
    let sent: Vec<bool> = heads.iter().map(|head| head.contains("bearer secret")).collect();
    // To another port and back: once the fields are dropped, they are not sent again.
    assert_eq!(sent, [true, false, false, false]);
    assert!(heads[0].contains("cookie: own=2") && heads[0].contains("accept-language: xx\r\n"), "{}", heads[0]);
    assert!(heads[1].contains("accept-language: de,*;q=0.5\r\n") && !heads[1].contains("own=2"), "{}", heads[1]);
    assert!(heads[3].contains("cookie: seen=1\r\n"), "{}", heads[3]);
}
