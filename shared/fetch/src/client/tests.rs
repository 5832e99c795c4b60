//! Tests of the client with its own resolver: the test decides the addresses of a name, and no look-up leaves the
//! machine.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// The address that tests allow, and one that they do not. Both are loopback: if the guard breaks, these tests still
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
    fetcher_with_lookup(allow, Lookup::Fixed(names), Duration::from_secs(10))
}

fn fetcher_with_lookup(allow: &[&str], lookup: Lookup, connect_timeout: Duration) -> Fetcher {
    let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
    Fetcher::with_lookup(FetchConfig { allow, connect_timeout, ..FetchConfig::default() }, lookup).unwrap()
}

/// A site that counts its connections and redirects `/to/TARGET` to `http://TARGET`.
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
        .fetch(FetchRequest {
            url: &url,
            accept_language: "en-US",
            timeout: Duration::from_secs(5),
            headers: None,
            redirect_policy: None,
            body_resources: None,
        })
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
async fn one_forbidden_address_refuses_the_name_and_nothing_is_connected_to() {
    let (site, count) = site().await;
    let (f, port) = (fetcher(&ALLOW), site.port());
    let mixed = get(&f, &format!("http://mixed.example.com:{port}/")).await;
    assert!(is_refused(&mixed, Refusal::Port(port)), "{mixed:?}");
    let local = get(&f, &format!("http://mixed.internal:{port}/")).await;
    assert!(is_refused(&local, Refusal::LocalName), "{local:?}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
    // Nothing is allowed and the ports are web ports, so the resolver refuses. The client must report its refusal.
    let strict = fetcher(&[]);
    for name in ["good.example.com", "mixed.example.com", "private.example.com"] {
        for scheme in ["http", "https"] {
            let result = get(&strict, &format!("{scheme}://{name}/")).await;
            assert!(is_refused(&result, Refusal::Name), "{name}: {result:?}");
            assert!(!result.unwrap_err().into_unit_error().retryable);
        }
    }
}

/// A name that resolves to an allowed address first and to another one at the next look-up.
#[tokio::test]
async fn a_connection_goes_to_the_addresses_that_were_checked() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    fn rebinding(_: &str) -> Vec<SocketAddr> {
        let first = ASKED.fetch_add(1, Ordering::SeqCst) == 0;
        vec![SocketAddr::from((if first { ALLOWED } else { OTHER }, 0))]
    }
    let (site, count) = site().await;
    // A listener on the same port of the other address.
    let other = TcpListener::bind((std::net::IpAddr::from(OTHER), site.port())).await.unwrap();
    let f = fetcher_with_lookup(&ALLOW, Lookup::Fixed(rebinding), Duration::from_secs(10));
    let url = format!("http://rebinding.example.com:{}/", site.port());
    assert_eq!(get(&f, &url).await.unwrap().status, 200);
    assert_eq!((ASKED.load(Ordering::SeqCst), count.load(Ordering::SeqCst)), (1, 1));
    // The site closed its connection, so the next fetch resolves the name again.
    let again = get(&f, &url).await;
    assert!(matches!(again, Err(FetchError::Forbidden(_))), "{again:?}");
    assert_eq!((ASKED.load(Ordering::SeqCst), count.load(Ordering::SeqCst)), (2, 1));
    let reached = tokio::time::timeout(Duration::from_millis(50), other.accept()).await;
    assert!(reached.is_err(), "the other address was connected to");
}

/// Tests the check of the peer. The client's resolver accepts every address, as a resolver with a bug would.
#[tokio::test]
async fn a_forbidden_peer_is_refused_before_its_body_is_read() {
    let (site, count) = site().await;
    let unguarded = Arc::into_inner(fetcher(&["127.0.0.0/8"]).inner).unwrap();
    let strict_guard = Guard::new(vec!["127.0.0.2/32".parse().unwrap()]);
    let f = Fetcher { inner: Arc::new(Inner { guard: strict_guard, ..unguarded }) };
    let result = get(&f, &format!("http://good.example.com:{}/", site.port())).await;
    assert!(is_refused(&result, Refusal::Port(site.port())), "{result:?}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_silent_dns_server_ends_at_the_connect_timeout() {
    let f = fetcher_with_lookup(&[], Lookup::Silent, Duration::from_millis(300));
    let result = get(&f, "https://silent.example.com/").await;
    // The timeout of the page is another error.
    let Err(FetchError::Transient(error)) = &result else { panic!("{result:?}") };
    assert!(matches!(&**error, FetchError::ConnectFailed(text) if text.contains("in time")), "{result:?}");
}

#[tokio::test]
async fn a_redirect_to_a_name_is_checked_by_its_addresses() {
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

/// An error must not reveal whether an internal network has a name: both errors are the same, word for word.
#[tokio::test]
async fn a_name_without_addresses_gives_the_same_error_as_a_forbidden_one() {
    let f = fetcher(&[]);
    let nobody = get(&f, "http://nobody.example.com/").await.unwrap_err().into_unit_error();
    let private = get(&f, "http://private.example.com/").await.unwrap_err().into_unit_error();
    assert_eq!(nobody, private);
    assert!(!nobody.retryable);
    let f = fetcher(&ALLOW);
    let nobody = get(&f, "http://nobody.internal/").await;
    assert!(is_refused(&nobody, Refusal::LocalName), "{nobody:?}");
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
fn addresses_ports_and_local_names_are_checked_before_any_look_up() {
    let scope = |f: &Fetcher, url: &str| f.inner.route(&Url::parse(url).unwrap()).map(|route| route.scope);
    let (strict, open) = (fetcher(&[]), fetcher(&["127.0.0.0/8"]));
    let loopback = "127.0.0.1/ 2130706433/ 0x7f.1/ 0177.0.0.1/ 127.1/ 127.0.0.1./ %31%32%37.0.0.1/ [::ffff:127.0.0.1]/ \
        [::ffff:7f00:1]/ 127.0.0.0x/ 127.0.0.1:8080/";
    for rest in loopback.split_whitespace() {
        assert!(scope(&strict, &format!("http://{rest}")).is_err(), "{rest}");
        assert_eq!(scope(&open, &format!("http://{rest}")), Ok(Scope::Public), "{rest}");
    }
    let never = "[::1]/ [::]/ 0/ 10.0.0.1/ [::ffff:10.0.0.1]/ [64:ff9b::a00:1]/ [2002:a00:1::]/ [fd00:ec2::254]/ \
        169.254.169.254/ 169.254.169.254:8080/ 2852039166/ 8.8.8.8:22/ 8.8.8.8:8080/ 8.8.8.8:0/ [2606:4700::1111]:25/";
    for rest in never.split_whitespace() {
        assert!(scope(&strict, &format!("http://{rest}")).is_err(), "{rest}");
        assert!(scope(&open, &format!("http://{rest}")).is_err(), "{rest}");
    }
    // Spellings that only a URL parser reads as an address.
    let disguised = "0300.0250.1/ 0xC0A80001/ 0xc0.0250.0.1/ 3232235521/ 192.168.1/ １９２.168.0.1/ 192。168。0。1/ \
        192.168.0.1./ ①92.168.0.1/ %3192.168.0.1/ %EF%BC%91%EF%BC%99%EF%BC%92.168.0.1/ 0000300.168.0.1/ [0:0::ffff:c0a8:1]/ \
        [::FFFF:192.168.0.1]/ [0000:0000:0000:0000:0000:ffff:c0a8:0001]/ [::c0a8:1]/ [::192.168.0.1]/ [64:ff9b::c0a8:1]/ \
        [64:ff9b:1::c0a8:1]/ [2002:c0a8:1::]/ [2001:0:c0a8:1::]/ [::ffff:0:c0a8:1]/ [2606:4700::5efe:c0a8:1]/ [fec0::1]/";
    for rest in disguised.split_whitespace() {
        for at in [format!("http://{rest}"), format!("https:\\\\{rest}"), format!("http:{rest}")] {
            let result = scope(&open, &at);
            assert!(matches!(result, Err(Refusal::Address(_))), "{at}: {result:?}");
        }
    }
    // What is not an address is not a URL either: no other parser can read it as an address.
    let nothing = "http://[fe80::1%25eth0]/ http://[fe80::1%eth0]/ http://256.1.1.1/ http://1.2.3.4.5/ http://0x100000000/ \
        http://[::ffff:127.0.0.256]/ http://[127.0.0.1]/ http://09.1.1.1/ http://127.0.0.1%00/ \
        http://1.1.1.1%2f@127.0.0.1/ http://127.0.0.1:99999/ http://127.0.0.1:8a/ http://a%25.test/ http://exa%23mple/";
    for text in nothing.split_whitespace() {
        let fetched = Url::parse(text).ok().filter(|url| check_parsed(url).is_ok());
        assert!(fetched.is_none_or(|url| scope(&open, url.as_str()).is_err()), "{text}");
    }
    // Names that may only resolve to allowed addresses.
    let local = "localhost/ localhost./ localhost../ LOCALHOST/ ｌｏｃａｌｈｏｓｔ/ l%6fcalhost/ a.localhost/ printer/ \
        metadata.google.internal/  x.internal/ x.local./ example.com:8080/";
    for rest in local.split_whitespace() {
        assert!(scope(&strict, &format!("http://{rest}")).is_err(), "{rest}");
        assert_eq!(scope(&open, &format!("http://{rest}")), Ok(Scope::AllowedOnly), "{rest}");
    }
    for url in ["https://example.com/", "http://example.com:443/", "https://8.8.8.8/", "http://[2606:4700::1111]/"] {
        assert_eq!(scope(&strict, url), Ok(Scope::Public), "{url}");
        assert_eq!(scope(&open, url), Ok(Scope::Public), "{url}");
    }
}
