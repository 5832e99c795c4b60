//! Whole fetches against a site on loopback that behaves badly on purpose.

use std::net::SocketAddr;
use std::time::Duration;

use domain::ErrorCode;
use fetch::{FetchConfig, FetchError, FetchRequest, Fetcher, Page};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

/// A site that answers each path with fixed bytes; `drip` and `hang` never end.
async fn site() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = vec![0u8; 4096];
                let n = socket.read(&mut head).await.unwrap_or(0);
                let text = String::from_utf8_lossy(&head[..n]).into_owned();
                let path = text.split(' ').nth(1).unwrap_or("/").to_owned();
                let _ = answer(&mut socket, &path, &text, address).await;
            });
        }
    });
    address
}

fn page(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn answer(
    socket: &mut tokio::net::TcpStream,
    path: &str,
    request: &str,
    address: SocketAddr,
) -> std::io::Result<()> {
    const HTML: &str = "Content-Type: text/html; charset=iso-8859-1\r\n";
    let to = |target: &str| page("302 Found", &format!("Location: {target}\r\n"), b"");
    let bytes = match path {
        "/ok" => page("200 OK", HTML, b"<h1>Hi</h1>"),
        "/echo" => page("200 OK", "Content-Type: text/plain\r\n", request.as_bytes()),
        "/chain" => to("/chain2"),
        "/chain2" => to("/ok#part"),
        "/loop" => to("/loop2"),
        "/loop2" => to("/loop"),
        "/nowhere" => page("302 Found", "", b""),
        "/meta" => to("http://169.254.169.254/latest/meta-data/"),
        "/six" => to("http://[::1]/"),
        "/mapped" => to("http://[::ffff:10.0.0.1]/"),
        "/file" => to("file:///etc/passwd"),
        "/user" => to(&format!("http://u:p@{address}/ok")),
        "/403" => page("403 Forbidden", HTML, b"no"),
        "/429" => page("429 Too Many Requests", HTML, b"no"),
        "/404" => page("404 Not Found", HTML, b"no"),
        "/500" => page("500 Oops", HTML, b"no"),
        "/wall" => page("503 Service Unavailable", "cf-mitigated: challenge\r\nContent-Type: text/html\r\n", b"no"),
        "/pdf" => page("200 OK", "Content-Type: application/pdf\r\n", b"%PDF-1.7"),
        "/untyped-pdf" => page("200 OK", "", b"%PDF-1.7"),
        "/untyped" => page("200 OK", "", b"<p>x"),
        "/empty" => page("204 No Content", "", b""),
        "/large" => page("200 OK", HTML, &vec![b'a'; 200_000]),
        "/broken" => b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nshort".to_vec(),
        "/drip" => {
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n").await?;
            loop {
                socket.write_all(b"x").await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        "/hang" => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            vec![]
        }
        other => match other.strip_prefix("/hop") {
            Some(n) => to(&format!("/hop{}", n.parse::<u32>().unwrap_or(0) + 1)),
            None => page("404 Not Found", HTML, b""),
        },
    };
    socket.write_all(&bytes).await?;
    socket.flush().await
}

fn fetcher() -> Fetcher {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    Fetcher::new(FetchConfig { allow, max_body_bytes: 100_000, ..FetchConfig::default() }).unwrap()
}

async fn get(fetcher: &Fetcher, url: &str, ms: u64) -> Result<Page, FetchError> {
    let url = Url::parse(url).unwrap();
    let timeout = Duration::from_millis(ms);
    fetcher.fetch(FetchRequest { url: &url, accept_language: "de-DE", timeout }).await
}

fn code(result: Result<Page, FetchError>) -> (ErrorCode, bool) {
    let error = result.unwrap_err().into_unit_error();
    (error.code, error.retryable)
}

#[tokio::test]
async fn pages_and_redirects() {
    let (site, f) = (site().await, fetcher());
    let ok = get(&f, &format!("http://{site}/ok"), 5_000).await.unwrap();
    assert_eq!((&ok.body[..], ok.status, ok.redirected), (&b"<h1>Hi</h1>"[..], 200, false));
    assert_eq!(ok.content_type.as_deref(), Some("text/html; charset=iso-8859-1"));
    let moved = get(&f, &format!("http://{site}/chain#x"), 5_000).await.unwrap();
    assert!(moved.redirected);
    assert_eq!(moved.final_url.as_str(), format!("http://{site}/ok"));
    let untyped = get(&f, &format!("http://{site}/untyped"), 5_000).await.unwrap();
    assert_eq!(&untyped.body[..], b"<p>x");
    let echo = get(&f, &format!("http://{site}/echo"), 5_000).await.unwrap();
    let echo = String::from_utf8_lossy(&echo.body).to_lowercase();
    assert!(echo.contains("accept-language: de-de,de;q=0.9"), "{echo}");
    assert!(echo.contains("user-agent: runo/") && !echo.contains("referer"), "{echo}");
    let by_name = get(&f, &format!("http://localhost:{}/ok", site.port()), 5_000).await;
    // Where the machine gives localhost an IPv6 address too, one of its addresses is not allowed and the name is refused.
    assert!(by_name.is_ok() || matches!(by_name, Err(FetchError::Forbidden(_))));
}

#[tokio::test]
async fn errors_of_the_contract() {
    use ErrorCode::*;
    let (site, f) = (site().await, fetcher());
    for (path, want) in [
        ("/403", (FetchBlocked, true)),
        ("/429", (FetchBlocked, true)),
        ("/wall", (FetchBlocked, true)),
        ("/404", (UrlUnreachable, true)),
        ("/500", (UrlUnreachable, true)),
        ("/loop", (UrlUnreachable, true)),
        ("/hop1", (UrlUnreachable, true)),
        ("/nowhere", (UrlUnreachable, true)),
        ("/broken", (UrlUnreachable, true)),
        ("/meta", (UrlUnreachable, false)),
        ("/six", (UrlUnreachable, false)),
        ("/mapped", (UrlUnreachable, false)),
        ("/file", (UrlUnreachable, false)),
        ("/user", (UrlUnreachable, false)),
        ("/pdf", (UnsupportedContent, false)),
        ("/untyped-pdf", (UnsupportedContent, false)),
        ("/empty", (UnsupportedContent, false)),
        ("/large", (UnsupportedContent, false)),
    ] {
        assert_eq!(code(get(&f, &format!("http://{site}{path}"), 5_000).await), want, "{path}");
    }
}

#[tokio::test]
async fn the_deadline_is_the_whole_pages() {
    let (site, f) = (site().await, fetcher());
    for path in ["/drip", "/hang"] {
        assert_eq!(code(get(&f, &format!("http://{site}{path}"), 300).await), (ErrorCode::Timeout, true), "{path}");
    }
}

#[tokio::test]
async fn nothing_local_is_reached_unless_allowed() {
    let site = site().await;
    let strict = Fetcher::new(FetchConfig::default()).unwrap();
    for url in [format!("http://{site}/ok"), format!("http://localhost:{}/ok", site.port())] {
        assert_eq!(code(get(&strict, &url, 5_000).await), (ErrorCode::UrlUnreachable, false), "{url}");
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(code(get(&fetcher(), &format!("http://{free}/"), 5_000).await), (ErrorCode::UrlUnreachable, true));
}
