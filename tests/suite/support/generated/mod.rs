//! A site generated from numbers: a tree of pages, linked in many spellings if wanted, with traps and further pages as
//! a test needs them. It listens on loopback and records its requests.

mod html;
mod model;

pub use model::{Tree, item};

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::loopback;

/// The response of a path outside the tree. `{origin}` in a text is the site's scheme and authority.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A page with this in its body.
    Page(String),
    /// A 302 to this address.
    Redirect(String),
    /// This status, with this in its body.
    Status(u16, String),
    /// A sitemap of these addresses.
    Sitemap(Vec<String>),
    /// A body with these header fields.
    Headed(Vec<(&'static str, &'static str)>, String),
}

/// The properties of a site.
#[derive(Debug, Clone)]
pub struct Spec {
    pub tree: Tree,
    /// Whether pages link to their children twice, in changing spellings, and back to earlier pages.
    pub respelled: bool,
    /// How long a page of the tree takes, in milliseconds.
    pub slow_ms: u64,
    /// Whether all pages of the tree except the first wait until the gate is open.
    pub gated: bool,
    /// The page of the tree that answers its first request with 429 and `Retry-After: 1`.
    pub busy: Option<usize>,
    /// Without this the site has no robots.txt.
    pub robots: Option<String>,
    pub files: BTreeMap<String, Answer>,
}

impl Spec {
    pub fn tree(pages: usize, branching: usize) -> Spec {
        Spec {
            tree: Tree { pages, branching },
            respelled: false,
            slow_ms: 0,
            gated: false,
            busy: None,
            robots: None,
            files: BTreeMap::new(),
        }
    }

    /// A page with links to these addresses.
    pub fn links(self, path: &str, to: &[&str]) -> Spec {
        let links: Vec<String> = to.iter().map(|href| format!("<a href=\"{href}\">x</a>")).collect();
        self.file(path, Answer::Page(links.join("\n")))
    }

    pub fn file(mut self, path: &str, answer: Answer) -> Spec {
        self.files.insert(path.to_owned(), answer);
        self
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Path and query as sent.
    pub target: String,
    pub host: String,
    pub agent: String,
    pub at: Instant,
    /// 0 until it is answered.
    pub status: u16,
}

/// The running site. Besides the tree (`/item/N`) and the files of its [`Spec`] it has traps: `/calendar?month=N` links
/// to the next month, `/session/N?sid=S` to itself with session ids that are new each time, `/deep/1/1` to
/// `/deep/1/1/1`.
#[derive(Clone)]
pub struct GeneratedSite {
    pub spec: Arc<Spec>,
    address: SocketAddr,
    log: Arc<Mutex<Vec<Hit>>>,
    gate: watch::Sender<bool>,
    /// Number of requests after which pages of the tree wait at the gate.
    held_after: Arc<AtomicUsize>,
}

impl GeneratedSite {
    pub async fn start(spec: Spec) -> GeneratedSite {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (gate, held_after) = (watch::Sender::new(false), Arc::new(AtomicUsize::new(usize::MAX)));
        let site = GeneratedSite { spec: Arc::new(spec), address, log: Arc::default(), gate, held_after };
        let served = site.clone();
        loopback::serve(listener, move |request| {
            let site = served.clone();
            async move { Ok::<_, Infallible>(site.answer(&request).await) }
        });
        site
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    pub fn open_gate(&self) {
        self.gate.send_replace(true);
    }

    pub fn close_gate(&self) {
        self.gate.send_replace(false);
    }

    /// Lets every page of the tree wait at the gate after the first `n` requests in the log.
    pub fn hold_after(&self, n: usize) {
        self.held_after.store(n, Ordering::SeqCst);
    }

    /// Clears the log.
    pub fn clear_log(&self) {
        self.log.lock().unwrap().clear();
    }

    pub fn log(&self) -> Vec<Hit> {
        self.log.lock().unwrap().clone()
    }

    /// The requests for anything but robots.txt and sitemaps, in order.
    pub fn page_hits(&self) -> Vec<Hit> {
        let is_page = |hit: &Hit| !hit.target.starts_with("/robots.txt") && !hit.target.ends_with(".xml");
        self.log().into_iter().filter(is_page).collect()
    }

    /// How often each page was requested, by name.
    pub fn fetched(&self) -> BTreeMap<String, usize> {
        self.page_hits().iter().fold(BTreeMap::new(), |mut counts, hit| {
            *counts.entry(model::page_name(&hit.target)).or_default() += 1;
            counts
        })
    }

    /// The names of the requested pages. Panics if one was requested more than once.
    pub fn fetched_once(&self) -> BTreeSet<String> {
        let counts = self.fetched();
        let twice: Vec<_> = counts.iter().filter(|(_, n)| **n > 1).collect();
        assert!(twice.is_empty(), "fetched more than once: {twice:?}");
        counts.into_keys().collect()
    }

    /// How often this target was requested.
    pub fn requests_to(&self, target: &str) -> usize {
        self.log().iter().filter(|hit| hit.target == target).count()
    }

    /// The name of the page that a URL of this site shows.
    pub fn name_of(&self, url: &str) -> String {
        let target = url.strip_prefix(&self.origin()).unwrap_or_else(|| panic!("{url} is not on {}", self.origin()));
        model::page_name(target)
    }

    async fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let header =
            |name: &str| request.headers().get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
        let name = model::page_name(&target);
        let (index, nth) = {
            let mut log = self.log.lock().unwrap();
            let nth = log.iter().filter(|hit| model::page_name(&hit.target) == name).count();
            log.push(Hit {
                target: target.clone(),
                host: header("host"),
                agent: header("user-agent"),
                at: Instant::now(),
                status: 0,
            });
            (log.len() - 1, nth)
        };
        let response = self.respond(request.uri().path(), &name, nth, index).await;
        if let Some(hit) = self.log.lock().unwrap().get_mut(index) {
            hit.status = response.status().as_u16();
        }
        response
    }

    async fn respond(&self, path: &str, name: &str, nth: usize, index: usize) -> Response<Full<Bytes>> {
        let spec = &self.spec;
        if let Some(answer) = spec.files.get(path).or_else(|| spec.files.get(name)) {
            return html::file(answer, name, &self.origin());
        }
        if path == "/robots.txt" {
            let origin = self.origin();
            let text = spec.robots.as_ref().map(|text| text.replace("{origin}", &origin));
            return text.map_or_else(|| html::status(404, "<h1>no</h1>"), |text| html::text(text, "text/plain"));
        }
        let steps: Vec<&str> = name.trim_start_matches('/').split('/').collect();
        match steps[..] {
            ["item", n] => match n.parse::<usize>() {
                Ok(n) if n < spec.tree.pages => self.page(n, path, nth, index).await,
                _ => html::status(404, "<h1>no such page</h1>"),
            },
            ["deep", ..] => html::page(name, &html::link(&format!("{}/1", path.trim_end_matches('/')))),
            ["session", ..] => {
                let n = name.trim_start_matches("/session/").split('?').next().unwrap_or_default().to_owned();
                let links: Vec<String> = (0..2).map(|k| html::link(&format!("/session/{n}?sid={index}-{k}"))).collect();
                html::page(name, &links.join("\n"))
            }
            _ => match name.strip_prefix("/calendar?month=").and_then(|month| month.parse::<u64>().ok()) {
                Some(month) => html::page(name, &html::link(&format!("/calendar?month={}", month + 1))),
                None => html::status(404, "<h1>no such page</h1>"),
            },
        }
    }

    async fn page(&self, n: usize, path: &str, nth: usize, index: usize) -> Response<Full<Bytes>> {
        if self.spec.busy == Some(n) && nth == 0 {
            let mut response = html::status(429, "<h1>later</h1>");
            response.headers_mut().insert("retry-after", "1".parse().unwrap());
            return response;
        }
        if self.spec.slow_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.spec.slow_ms)).await;
        }
        if (self.spec.gated && n > 0) || index >= self.held_after.load(Ordering::SeqCst) {
            // The site holds the gate's sender, so this cannot fail.
            self.gate.subscribe().wait_for(|open| *open).await.unwrap();
        }
        html::item(&self.spec, n, path, &self.address.to_string())
    }
}

impl GeneratedSite {
    /// Sends a plain HTTP request. Returns the status, and head and body as received.
    async fn get(&self, target: &str) -> (u16, String) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut socket = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "GET {target} HTTP/1.1\r\nhost: {}\r\nuser-agent: probe\r\nconnection: close\r\n\r\n",
            self.address
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).await.unwrap();
        (text[9..12].parse().unwrap(), text)
    }
}

/// Tests the site itself: its pages and its log.
#[tokio::test]
async fn a_site_serves_its_model_and_logs_requests() {
    let mut spec = Spec::tree(30, 3).links("/hub", &["{origin}/item/1"]);
    spec = spec.file("/r/4", Answer::Redirect("/item/4".into()));
    spec = spec.file("/sitemap.xml", Answer::Sitemap(vec!["{origin}/item/9".into()]));
    spec = spec.file("/gone", Answer::Status(404, "<h1>gone</h1>".into()));
    spec.robots = Some("User-agent: *\nSitemap: {origin}/sitemap.xml\n".into());
    (spec.respelled, spec.busy) = (true, Some(2));
    let site = GeneratedSite::start(spec).await;
    let get = async |path: &str| site.get(path).await;
    for path in ["/item/5", "/item/5/", "/item/5/index.html?utm_source=x"] {
        let (status, text) = get(path).await;
        assert!(status == 200 && text.contains("<title>Page 5") && text.contains("\"5.50\""), "{path}: {text}");
    }
    let links = async |path: &str| {
        let text = get(path).await.1;
        text.matches("href").count()
    };
    assert!(links("/item/0").await >= 6, "three children, twice each");
    assert_eq!([get("/item/2").await.0, get("/item/2").await.0], [429, 200]);
    assert_eq!([get("/item/30").await.0, get("/gone").await.0, get("/nothing").await.0], [404, 404, 404]);
    let (status, text) = get("/r/4").await;
    assert!(status == 302 && text.contains("location: /item/4\r\n"), "{text}");
    assert!(get("/hub").await.1.contains(&site.url("/item/1")));
    assert!(get("/sitemap.xml").await.1.contains(&format!("<loc>{}</loc>", site.url("/item/9"))));
    assert!(get("/robots.txt").await.1.contains(&site.url("/sitemap.xml")));
    assert!(get("/calendar?month=3").await.1.contains("/calendar?month=4"));
    assert!(get("/deep/1").await.1.contains("\"/deep/1/1\""));
    assert_ne!(get("/session/1?sid=a").await.1, get("/session/1?sid=a").await.1);
    let fetched = site.fetched();
    assert_eq!((fetched["/item/5"], fetched["/item/2"], fetched["/calendar?month=3"]), (3, 2, 1));
    assert!(!fetched.contains_key("/robots.txt") && !fetched.contains_key("/sitemap.xml"));
    assert!(site.log().iter().all(|hit| hit.agent == "probe" && hit.status != 0 && site.origin().ends_with(&hit.host)));
    assert_eq!(site.name_of(&site.url("/item/7/?gclid=3")), "/item/7");
}

/// The pages match the model: a walk over their links finds exactly the tree's pages, each as many hops from the first
/// as its number says.
#[tokio::test]
async fn a_walk_over_the_links_finds_the_models_pages() {
    for respelled in [false, true] {
        let site = GeneratedSite::start(Spec { respelled, ..Spec::tree(300, 6) }).await;
        let mut depths = BTreeMap::from([(item(0), 0)]);
        let mut open = std::collections::VecDeque::from([site.url("/item/0")]);
        let mut addresses = BTreeSet::new();
        while let Some(url) = open.pop_front() {
            let url = reqwest::Url::parse(&url).unwrap();
            let depth = depths[&site.name_of(url.as_str().split('#').next().unwrap())];
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            let text = site.get(&format!("{}{query}", url.path())).await.1;
            let hrefs: Vec<&str> = text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
            let based = text.contains("<base href");
            let base = if based { url.join(hrefs[0]).unwrap() } else { url };
            for href in &hrefs[usize::from(based)..] {
                let mut to = base.join(href).unwrap();
                to.set_fragment(None);
                let name = site.name_of(to.as_str());
                addresses.insert(to.to_string());
                depths.entry(name).or_insert_with(|| {
                    open.push_back(to.to_string());
                    depth + 1
                });
            }
        }
        let tree = site.spec.tree;
        assert_eq!(depths, (0..300).map(|n| (item(n), tree.depth(n))).collect());
        assert_eq!(site.fetched_once(), tree.all());
        assert_eq!(addresses.len() > 2 * 300, respelled, "{} addresses of 300 pages", addresses.len());
        assert!(
            (0..4).all(|depth| tree.reached(depth, |_| true).len() == depths.values().filter(|d| **d <= depth).count())
        );
    }
}
