//! What takes a resolver of one's own: names whose addresses the test decides. No name leaves the machine.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// The address that tests allow, and one that they do not. Both are loopback: should the guard break, these tests still
/// connect to nothing else.
const ALLOWED: [u8; 4] = [127, 0, 0, 1];
const OTHER: [u8; 4] = [127, 0, 0, 2];
const ALLOW: [&str; 1] = ["127.0.0.1/32"];

fn names(name: &str) -> Vec<SocketAddr> {
    let addresses: &[[u8; 4]] = match name.trim_end_matches('.') {
        "good.example.com" | "printer" | "db.internal" => &[ALLOWED],
        "mixed.example.com" | "mixed.internal" => &[ALLOWED, OTHER],
        "private.example.com" => &[OTHER],
        _ => &[],
    };
    addresses.iter().map(|ip| SocketAddr::from((*ip, 0))).collect()
}

fn fetcher(allow: &[&str]) -> Fetcher {
    let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
    Fetcher::with_lookup(FetchConfig { allow, ..FetchConfig::default() }, Lookup::Fixed(names)).unwrap()
}

/// A site that counts its connections and redirects to whatever the path says after `/to/`.
async fn site() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut head = vec![0u8; 4096];
            let n = socket.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..n]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default();
            let answer = match path.strip_prefix("/to/") {
                Some(target) => format!("HTTP/1.1 302 Found\r\nLocation: http://{target}\r\nContent-Length: 0\r\n"),
                None => "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n".into(),
            };
            let _ = socket.write_all(format!("{answer}Connection: close\r\n\r\n").as_bytes()).await;
        }
    });
    (address, count)
}

async fn get(fetcher: &Fetcher, url: &str) -> Result<Page, FetchError> {
    let url = Url::parse(url).unwrap();
    fetcher
        .fetch(FetchRequest { url: &url, accept_language: "en-US", timeout: Duration::from_secs(5), hops: None })
        .await
}

fn is_refused(result: &Result<Page, FetchError>, refusal: Refusal) -> bool {
    matches!(result, Err(FetchError::Forbidden(text)) if text.ends_with(&refusal.to_string()))
}

#[tokio::test]
async fn a_name_whose_addresses_are_all_allowed_is_fetched_on_any_port() {
    let (site, count) = site().await;
    let f = fetcher(&ALLOW);
    for name in ["good.example.com", "printer", "db.internal", "db.internal."] {
        let page = get(&f, &format!("http://{name}:{}/", site.port())).await.unwrap();
        assert_eq!(page.status, 200, "{name}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn one_bad_address_refuses_the_name_and_nothing_is_connected() {
    let (site, count) = site().await;
    let (f, port) = (fetcher(&ALLOW), site.port());
    let mixed = get(&f, &format!("http://mixed.example.com:{port}/")).await;
    assert!(is_refused(&mixed, Refusal::Port(port)), "{mixed:?}");
    let local = get(&f, &format!("http://mixed.internal:{port}/")).await;
    assert!(is_refused(&local, Refusal::LocalName), "{local:?}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
    // Without anything allowed, on the web's own ports: the resolver's refusal comes through the client's errors.
    let strict = fetcher(&[]);
    for name in ["good.example.com", "mixed.example.com", "private.example.com"] {
        for scheme in ["http", "https"] {
            let result = get(&strict, &format!("{scheme}://{name}/")).await;
            assert!(is_refused(&result, Refusal::Name), "{name}: {result:?}");
            assert!(!result.unwrap_err().into_unit_error().retryable);
        }
    }
}

#[tokio::test]
async fn a_redirect_to_a_name_is_judged_by_its_addresses() {
    let (site, count) = site().await;
    let f = fetcher(&ALLOW);
    for (target, refusal) in [
        ("private.example.com/", Refusal::Name),
        ("mixed.example.com/", Refusal::Name),
        ("mixed.internal/", Refusal::LocalName),
        ("private.example.com:8080/", Refusal::Port(8080)),
    ] {
        let result = get(&f, &format!("http://{site}/to/{target}")).await;
        assert!(is_refused(&result, refusal), "{target}: {result:?}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 4);
    let good = get(&f, &format!("http://{site}/to/good.example.com:{}/", site.port())).await.unwrap();
    assert!(good.redirected && good.final_url.host_str() == Some("good.example.com"));
}

#[tokio::test]
async fn a_name_without_addresses_is_unreachable() {
    let result = get(&fetcher(&[]), "http://nobody.example.com/").await;
    assert!(matches!(result, Err(FetchError::Unreachable(_))), "{result:?}");
}

#[test]
fn languages_fall_back() {
    assert_eq!(languages("de-DE").unwrap(), "de-DE,de;q=0.9,*;q=0.5");
    assert_eq!(languages("zh-Hant-TW").unwrap(), "zh-Hant-TW,zh;q=0.9,*;q=0.5");
    assert_eq!(languages("fr").unwrap(), "fr,*;q=0.5");
    for none in ["", "de DE", "de,en", "de\r\nX-Evil: 1", "dé"] {
        assert!(languages(none).is_none(), "{none:?}");
    }
}

#[test]
fn what_needs_no_look_up_is_judged_before_one() {
    let judged = |f: &Fetcher, url: &str| f.inner.judge(&Url::parse(url).unwrap()).map(|route| route.scope);
    let (strict, open) = (fetcher(&[]), fetcher(&["127.0.0.0/8"]));
    let loopback = "127.0.0.1/ 2130706433/ 0x7f.1/ 0177.0.0.1/ 127.1/ 127.0.0.1./ %31%32%37.0.0.1/ [::ffff:127.0.0.1]/ \
        [::ffff:7f00:1]/ 127.0.0.1:8080/";
    for rest in loopback.split_whitespace() {
        assert!(judged(&strict, &format!("http://{rest}")).is_err(), "{rest}");
        assert_eq!(judged(&open, &format!("http://{rest}")), Ok(Scope::Public), "{rest}");
    }
    let never = "[::1]/ [::]/ 0/ 10.0.0.1/ [::ffff:10.0.0.1]/ [64:ff9b::a00:1]/ [2002:a00:1::]/ [fd00:ec2::254]/ \
        169.254.169.254/ 169.254.169.254:8080/ 2852039166/ 8.8.8.8:22/ 8.8.8.8:8080/ 8.8.8.8:0/ [2606:4700::1111]:25/";
    for rest in never.split_whitespace() {
        assert!(judged(&strict, &format!("http://{rest}")).is_err(), "{rest}");
        assert!(judged(&open, &format!("http://{rest}")).is_err(), "{rest}");
    }
    // Names that only allowed addresses may have.
    let local = "localhost/ localhost./ LOCALHOST/ a.localhost/ printer/ x.internal/ x.local./ example.com:8080/";
    for rest in local.split_whitespace() {
        assert!(judged(&strict, &format!("http://{rest}")).is_err(), "{rest}");
        assert_eq!(judged(&open, &format!("http://{rest}")), Ok(Scope::AllowedOnly), "{rest}");
    }
    for url in ["https://example.com/", "http://example.com:443/", "https://8.8.8.8/", "http://[2606:4700::1111]/"] {
        assert_eq!(judged(&strict, url), Ok(Scope::Public), "{url}");
        assert_eq!(judged(&open, url), Ok(Scope::Public), "{url}");
    }
}
