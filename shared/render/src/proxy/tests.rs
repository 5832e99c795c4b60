//! Tests of the proxy without a browser: what it forwards, what it refuses, and for whom.

use std::time::Duration;

use fetch::FetchConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

async fn proxy(allow: &str) -> Proxy {
    let config = FetchConfig { allow: vec![allow.parse().unwrap()], ..FetchConfig::default() };
    Proxy::start(Fetcher::new(config).unwrap()).await.unwrap()
}

/// A site that answers each connection with the same bytes and records what it was sent.
async fn site(at: &str, answer: &'static [u8]) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(at).await.unwrap();
    let (at, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut bytes = vec![0u8; 4096];
            let n = socket.read(&mut bytes).await.unwrap_or(0);
            log.lock().unwrap().push(String::from_utf8_lossy(&bytes[..n]).into_owned());
            let _ = socket.write_all(answer).await;
        }
    });
    (at, seen)
}

/// Returns the proxy's complete answer to a request.
async fn ask(proxy: &Proxy, request: String) -> String {
    let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut answer)).await;
    let _ = read.expect("the proxy ends what it does not serve");
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(access: &ProxyAccess, url: &str) -> String {
    format!("GET {url} HTTP/1.1\r\nHost: x\r\nProxy-Authorization: {}\r\n\r\n", access.key)
}

const HELLO: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello";

#[tokio::test]
async fn a_pages_requests_are_forwarded_without_its_credentials() {
    let proxy = proxy("127.0.0.1/32").await;
    let (site, seen) = site("127.0.0.1:0", HELLO).await;
    let access = proxy.open(&Limits::default()).unwrap();
    let answer = ask(&proxy, get(&access, &format!("http://{site}/a?b"))).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
    assert!(answer.contains("Connection: close") && !answer.contains("103"), "{answer}");
    let sent = seen.lock().unwrap()[0].clone();
    assert!(sent.starts_with("GET /a?b HTTP/1.1\r\nHost: x\r\n") && !sent.contains("Proxy"), "{sent}");
    let tunnel = format!("CONNECT {site} HTTP/1.1\r\nProxy-Authorization: {}\r\n\r\nbytes", access.key);
    let answer = ask(&proxy, tunnel).await;
    assert!(answer.starts_with("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 103"), "{answer}");
    assert_eq!(seen.lock().unwrap()[1], "bytes");
    assert!(access.traffic.bytes() > 100);
}

#[tokio::test]
async fn requests_without_valid_credentials_or_an_http_url_are_not_forwarded() {
    let proxy = proxy("127.0.0.1/32").await;
    let (site, seen) = site("127.0.0.1:0", HELLO).await;
    let open = proxy.open(&Limits::default()).unwrap();
    let ended = get(&proxy.open(&Limits::default()).unwrap(), &format!("http://{site}/"));
    let none = ask(&proxy, format!("GET http://{site}/ HTTP/1.1\r\n\r\n")).await;
    assert!(none.starts_with("HTTP/1.1 407 "), "{none}");
    assert_eq!(ask(&proxy, ended).await, "");
    for bad in ["GET / HTTP/1.1", "GET https://x.test/ HTTP/1.1", "GET ftp://x.test/ HTTP/1.1", "\u{16}\u{3}"] {
        assert_eq!(ask(&proxy, format!("{bad}\r\nProxy-Authorization: {}\r\n\r\n", open.key)).await, "", "{bad}");
    }
    assert_eq!(*seen.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn an_address_that_may_not_be_fetched_is_not_dialled() {
    let proxy = proxy("127.0.0.1/32").await;
    let (site, seen) = site("127.0.0.2:0", HELLO).await;
    let access = proxy.open(&Limits::default()).unwrap();
    for url in [format!("http://{site}/"), format!("http://user@{site}/"), "http://10.0.0.1/".into()] {
        assert_eq!(ask(&proxy, get(&access, &url)).await, "", "{url}");
    }
    let own = proxy.address();
    for target in [site.to_string(), "169.254.169.254:80".into(), "[::1]:443".into(), own.to_string()] {
        let tunnel = format!("CONNECT {target} HTTP/1.1\r\nProxy-Authorization: {}\r\n\r\n", access.key);
        assert!(ask(&proxy, tunnel).await.starts_with("HTTP/1.1 403 "), "{target}");
    }
    assert_eq!(*seen.lock().unwrap(), [""; 0]);
    assert_eq!(access.traffic.refused_count(), 7);
    assert!(matches!(access.traffic.last_failure("10.0.0.1"), Some(fetch::FetchError::Forbidden(_))));
}

#[tokio::test]
async fn a_page_over_its_limit_of_bytes_requests_or_connections_is_cut_off() {
    let proxy = proxy("127.0.0.1/32").await;
    let (site, seen) = site("127.0.0.1:0", HELLO).await;
    let url = format!("http://{site}/");
    let access = proxy.open(&Limits { bytes: 100, ..Limits::default() }).unwrap();
    ask(&proxy, get(&access, &url)).await;
    assert_eq!(access.traffic.exceeded_limit(), Some(ExceededLimit::Bytes(100)));
    assert_eq!(ask(&proxy, get(&access, &url)).await, "");
    let access = proxy.open(&Limits { connections: 1, ..Limits::default() }).unwrap();
    assert!(ask(&proxy, get(&access, &url)).await.ends_with("hello"));
    assert_eq!(ask(&proxy, get(&access, &url)).await, "");
    assert_eq!(access.traffic.exceeded_limit(), Some(ExceededLimit::Connections(1)));
    let access = proxy.open(&Limits { requests: 1, ..Limits::default() }).unwrap();
    let tunnel = format!("CONNECT {site} HTTP/1.1\r\nProxy-Authorization: {}\r\n\r\nbytes", access.key);
    assert!(ask(&proxy, tunnel).await.ends_with("hello"), "a tunnel is no request");
    assert!(ask(&proxy, get(&access, &url)).await.ends_with("hello"));
    assert_eq!(ask(&proxy, get(&access, &url)).await, "");
    assert_eq!(access.traffic.exceeded_limit(), Some(ExceededLimit::Requests(1)));
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn only_the_proxys_own_address_is_refused_not_its_port() {
    let proxy = proxy("127.0.0.0/8").await;
    let (own, access) = (proxy.address(), proxy.open(&Limits::default()).unwrap());
    for host in ["127.0.0.1", "2130706433"] {
        assert_eq!(ask(&proxy, get(&access, &format!("http://{host}:{}/", own.port()))).await, "", "{host}");
    }
    let refused = fetch::guard::Refusal::OwnListener.to_string();
    assert_eq!(access.traffic.refused_count(), 2);
    assert!(
        matches!(access.traffic.last_failure("127.0.0.1"), Some(fetch::FetchError::Forbidden(why)) if why == refused)
    );
    // All of 127/8 is loopback on Linux.
    if cfg!(target_os = "linux") {
        let (site, _) = site(&format!("127.0.0.2:{}", own.port()), HELLO).await;
        assert!(ask(&proxy, get(&access, &format!("http://{site}/"))).await.ends_with("hello"));
    }
}

#[tokio::test]
async fn a_tunnel_ends_with_its_page() {
    let proxy = proxy("127.0.0.1/32").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let access = proxy.open(&Limits::default()).unwrap();
    let head =
        format!("CONNECT {} HTTP/1.1\r\nProxy-Authorization: {}\r\n\r\n", listener.local_addr().unwrap(), access.key);
    let asking = ask(&proxy, head);
    let ending = async {
        let (mut site, _) = listener.accept().await.unwrap();
        drop(access);
        let mut rest = Vec::new();
        site.read_to_end(&mut rest).await.unwrap()
    };
    let (answer, rest) = tokio::join!(asking, ending);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(rest, 0);
}

#[tokio::test]
async fn a_site_cannot_ask_for_the_proxys_credentials() {
    let proxy = proxy("127.0.0.1/32").await;
    let (site, _) = site("127.0.0.1:0", b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n").await;
    let access = proxy.open(&Limits::default()).unwrap();
    assert_eq!(ask(&proxy, get(&access, &format!("http://{site}/"))).await, "");
}
