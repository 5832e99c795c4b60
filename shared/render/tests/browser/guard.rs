//! A page's scripts reach no address that a plain fetch would not: whatever they try, forbidden servers see no
//! connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use render::{RenderError, WaitFor};
use tokio::net::{TcpListener, UdpSocket};

use super::support::{Answer, CLOSED, OPEN, Site, eventually_within, render, request, two_at_once, with_browser};

/// Servers that may not be reached. They count every connection and datagram.
struct Closed {
    site: Site,
    ipv6: Option<u16>,
    udp: u16,
    connections: Arc<AtomicUsize>,
}

impl Closed {
    async fn start() -> Closed {
        let site = Site::start(CLOSED, |_| Answer::js("document.title = 'reached'")).await;
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, udp) = (Arc::clone(&connections), UdpSocket::bind((CLOSED, 0)).await.unwrap());
        let udp_port = udp.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut bytes = [0u8; 2_048];
            while udp.recv_from(&mut bytes).await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        // Some machines have no IPv6.
        let ipv6 = TcpListener::bind("[::1]:0").await.ok();
        let ipv6_port = ipv6.as_ref().map(|ipv6| ipv6.local_addr().unwrap().port());
        if let Some(ipv6) = ipv6 {
            let count = Arc::clone(&connections);
            tokio::spawn(async move {
                while ipv6.accept().await.is_ok() {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Closed { site, ipv6: ipv6_port, udp: udp_port, connections }
    }

    fn assert_untouched(&self, what: &str) {
        assert_eq!(self.site.paths(), [""; 0], "{what}");
        assert_eq!(self.connections.load(Ordering::SeqCst), 0, "{what}");
    }
}

/// Every way in which a page makes a request; `@URL` and `@HOST` stand for the target.
const REQUEST_KINDS: [(&str, &str); 20] = [
    ("script", "<script src=@URL></script>"),
    ("module", "<script type=module>import('@URL').catch(() => 0)</script>"),
    ("image", "<img src=@URL>"),
    ("stylesheet", "<link rel=stylesheet href=@URL>"),
    ("preload", "<link rel=preload as=fetch href=@URL crossorigin>"),
    ("prefetch", "<link rel=prefetch href=@URL>"),
    ("preconnect", "<link rel=preconnect href=@URL><link rel=dns-prefetch href=@URL>"),
    (
        "speculation rules",
        "<script type=speculationrules>{\"prefetch\": [{\"urls\": [\"@URL\"], \"eagerness\": \"immediate\"}]}</script>",
    ),
    ("frame", "<iframe src=@URL></iframe>"),
    (
        "frame in a sandbox",
        "<iframe sandbox=allow-scripts srcdoc='<script>fetch(\"@URL\", {mode: \"no-cors\"})</script>'></iframe>",
    ),
    ("object", "<object data=@URL></object><embed src=@URL>"),
    ("fetch", "<script>fetch('@URL', {mode: 'no-cors'}).catch(() => 0)</script>"),
    ("XHR", "<script>let x = new XMLHttpRequest(); x.open('POST', '@URL'); x.send('y')</script>"),
    ("beacon", "<script>navigator.sendBeacon('@URL', 'x')</script>"),
    ("WebSocket", "<script>new WebSocket('@URL'.replace('http', 'ws'))</script>"),
    ("event source", "<script>new EventSource('@URL')</script>"),
    (
        "worker",
        "<script>new Worker(URL.createObjectURL(new Blob(['fetch(\"' + 'http' + '://@HOST/\", {mode: \"no-cors\"})'])))</script>",
    ),
    (
        "form in a frame",
        "<iframe name=f></iframe><form action=@URL method=post target=f></form><script>document.forms[0].submit()</script>",
    ),
    ("WebTransport", "<script>try { new WebTransport('https://@HOST/').ready.catch(() => 0) } catch {}</script>"),
    ("window", "<script>window.open('@URL')</script>"),
];

#[test]
fn no_kind_of_request_reaches_a_forbidden_address() {
    with_browser(|renderer| async move {
        let closed = Closed::start().await;
        let port = closed.site.at.port();
        let mut hosts = vec![
            format!("{CLOSED}:{port}"),
            format!("localhost:{port}"),
            format!("rebound.example.com:{port}"),
            format!("2130706433:{port}"),
            "169.254.169.254".to_owned(),
            "metadata.example.com".to_owned(),
            "10.0.0.1".to_owned(),
            format!("{CLOSED}:{}", closed.udp),
        ];
        hosts.extend(closed.ipv6.iter().flat_map(|port| [format!("[::1]:{port}"), format!("six.example.com:{port}")]));
        two_at_once(hosts, |host| async move {
            let html = format!("<p>page</p>{}", all_request_kinds(&host));
            let site = Site::start(OPEN, move |_| Answer::html(html.clone())).await;
            let mut page = request(site.url("/"));
            page.wait_for = Some(WaitFor::After(Duration::from_millis(1_000)));
            page.timeout = Duration::from_secs(60);
            let rendered = renderer.render(page).await.unwrap();
            assert!(rendered.html.contains("<p>page</p>"), "{host}");
        })
        .await;
        closed.assert_untouched("no way");
    });
}

fn all_request_kinds(host: &str) -> String {
    REQUEST_KINDS.iter().map(|(_, way)| at(way, host)).collect()
}

fn at(way: &str, host: &str) -> String {
    way.replace("@URL", &format!("http://{host}/")).replace("@HOST", host)
}

/// Checks the table itself: each way makes a request where that is allowed.
#[test]
fn each_kind_of_request_is_made_where_it_is_allowed() {
    with_browser(|renderer| async move {
        // Never fetched: images, beacons and speculative requests are left out, HTTPS is not served here, and windows
        // are not opened.
        let never = ["image", "beacon", "WebTransport", "window", "prefetch", "preconnect", "speculation rules"];
        let made = REQUEST_KINDS.iter().filter(|(what, _)| !never.contains(what));
        two_at_once(made, |(what, way)| async move {
            let other = Site::start(OPEN, |_| Answer::js("0")).await;
            let html = format!("<p>page</p>{}", at(way, &other.at.to_string()));
            let site = Site::start(OPEN, move |_| Answer::html(html.clone())).await;
            let mut page = request(site.url("/"));
            // Shown until it has made its request.
            page.timeout = Duration::from_secs(90);
            page.wait_for = Some(WaitFor::After(page.timeout));
            tokio::select! {
                ended = renderer.render(page) => panic!("{what}: {ended:?}"),
                () = eventually_within(Duration::from_secs(60), what, || !other.paths().is_empty()) => {}
            }
        })
        .await;
    });
}

#[test]
fn redirects_and_scripts_do_not_lead_to_a_forbidden_address() {
    with_browser(|renderer| async move {
        let closed = Closed::start().await;
        let there = closed.site.url("/").to_string();
        let site = Site::start(OPEN, move |asked| match asked.path.as_str() {
            "/302" => Answer::redirect(&there),
            "/js" => Answer::html(format!("<p>x</p><script>location = '{there}'</script>")),
            "/meta" => Answer::html(format!("<p>x</p><meta http-equiv=refresh content='0; url={there}'>")),
            "/script" => Answer::html("<p>x</p><script src=/302></script>"),
            "/frame" => Answer::html("<p>x</p><iframe src=/302></iframe>"),
            "/file" => Answer::redirect("file:///etc/passwd"),
            "/files" => Answer::html(
                "<p>x</p><iframe src=file:///etc/passwd></iframe><iframe src=chrome://version></iframe>
                <iframe src=view-source:http://x.test></iframe><script>location = 'file:///etc/passwd'</script>",
            ),
            _ => Answer::status(404, ""),
        })
        .await;
        for path in ["/302", "/js", "/meta", "/file"] {
            let mut page = request(site.url(path));
            // A page is not read before its script or its refresh has led away. Its error ends the wait.
            page.wait_for = Some(WaitFor::After(Duration::from_secs(10)));
            let refused = renderer.render(page).await;
            assert!(matches!(refused, Err(RenderError::Forbidden(_))), "{path}: {refused:?}");
        }
        for path in ["/script", "/frame", "/files"] {
            let page = render(renderer, site.url(path)).await.unwrap();
            assert!(page.html.contains("<p>x</p>") && !page.html.contains("root:"), "{path}: {}", page.html);
        }
        closed.assert_untouched("redirects");
        for url in [closed.site.url("/"), "http://10.0.0.1/".parse().unwrap(), "http://[::1]/".parse().unwrap()] {
            let refused = render(renderer, url.clone()).await;
            assert!(matches!(refused, Err(RenderError::Forbidden(_))), "{url}: {refused:?}");
        }
        for url in ["file:///etc/passwd", "chrome://version/", "data:text/html,x", "about:blank"] {
            let refused = render(renderer, url.parse().unwrap()).await;
            assert!(refused.is_err(), "{url}: {refused:?}");
        }
        closed.assert_untouched("URLs");
    });
}

/// The name resolves to an allowed address at its first look-up and to a forbidden one from then on.
#[test]
fn a_rebound_name_is_refused() {
    with_browser(|renderer| async move {
        let closed = Closed::start().await;
        let port = closed.site.at.port();
        let listener = TcpListener::bind((OPEN, port)).await;
        let Ok(listener) = listener else { panic!("the port is free at one address of loopback and taken at another") };
        let site = Site::on(listener, move |asked| match asked.path.as_str() {
            "/" => Answer::html("<p id=p>one</p><script>fetch('/two').then(r => r.text()).then(t => { p.textContent = t }, () => { p.textContent = 'failed' })</script>"),
            _ => Answer::html("two"),
        })
        .await;
        let page = render(renderer, format!("http://turning.example.com:{port}/").parse().unwrap()).await.unwrap();
        assert!(page.html.contains(">failed<"), "{}", page.html);
        assert_eq!(site.paths(), ["/"]);
        closed.assert_untouched("rebinding");
    });
}

/// WebRTC uses UDP and no proxy, so it must reach nothing.
#[test]
fn webrtc_reaches_nothing() {
    with_browser(|renderer| async move {
        let closed = Closed::start().await;
        let (udp, tcp) = (closed.udp, closed.site.at.port());
        let site = Site::start(OPEN, move |_| {
            Answer::html(format!(
                "<p id=p></p><script>(async () => {{
                const c = new RTCPeerConnection({{iceServers: [
                    {{urls: ['stun:{CLOSED}:{udp}', 'stun:localhost:{udp}', 'stun:rebound.example.com:{udp}']}},
                    {{urls: ['turn:{CLOSED}:{udp}?transport=udp', 'turn:{CLOSED}:{tcp}?transport=tcp', 'turns:{CLOSED}:{tcp}'],
                    username: 'u', credential: 'c'}}]}});
                let seen = []; c.onicecandidate = e => {{ seen.push(e.candidate ? e.candidate.candidate : 'end');
                    if (!e.candidate) setTimeout(show, 1000) }};
                const show = () => {{ p.textContent = 'seen ' + seen.join('; '); p.className = 'done' }};
                c.createDataChannel('x'); await c.setLocalDescription(await c.createOffer());
                }})()</script>"
            ))
        })
        .await;
        let mut page = request(site.url("/"));
        page.wait_for = Some(WaitFor::Selector("p.done".into()));
        page.timeout = Duration::from_secs(60);
        let rendered = renderer.render(page).await.unwrap();
        assert!(rendered.html.contains(">seen end<"), "it tried and found nothing: {}", rendered.html);
        closed.assert_untouched("WebRTC");
    });
}

#[test]
fn the_proxys_credentials_reach_no_site() {
    with_browser(|renderer| async move {
        let site = Site::start(OPEN, |asked| match asked.path.as_str() {
            "/" => Answer::html(
                "<p id=p>x</p><script>const ends = [fetch('/407').catch(() => 0), fetch('/401').catch(() => 0),
                new Promise(close => { new WebSocket('ws://' + location.host).onclose = close })];
                Promise.all(ends).then(() => { p.className = 'done' })</script>",
            ),
            "/401" => Answer::status(401, "").with("WWW-Authenticate", "Basic realm=\"x\""),
            "/407" => Answer::status(407, "").with("Proxy-Authenticate", "Basic realm=\"x\""),
            _ => Answer::status(404, ""),
        })
        .await;
        let mut page = request(site.url("/"));
        page.wait_for = Some(WaitFor::Selector("p.done".into()));
        page.timeout = Duration::from_secs(60);
        renderer.render(page).await.unwrap();
        assert!(site.paths().len() >= 4, "{:?}", site.paths());
        for asked in site.asked() {
            assert!(!asked.head.to_ascii_lowercase().contains("authorization"), "{}", asked.head);
        }
    });
}
