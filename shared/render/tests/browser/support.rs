//! Sites that answer by path and record their requests, and one browser for all tests.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use fetch::{FetchConfig, Fetcher};
use futures_util::StreamExt as _;
use render::{RenderConfig, RenderError, Rendered, Renderer, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

/// Address of sites that may be fetched. All of 127/8 is loopback on Linux.
pub const OPEN: &str = "127.0.0.2";
/// Address that may not be fetched.
pub const CLOSED: &str = "127.0.0.1";

/// Number of tests that run at once, however many threads the harness has. More hostile pages would take each other's processor time
/// until their own time is over.
const TESTS_AT_ONCE: usize = 3;
/// Number of pages that the shared browser shows at once. A test shows at most two, so no page waits long for a place.
const PAGES: usize = 2 * TESTS_AT_ONCE;
/// Time for a page whose browser has to start first: the first start on a machine reads hundreds of megabytes.
pub const WITH_START: Duration = Duration::from_secs(60);

static TESTS: Semaphore = Semaphore::const_new(TESTS_AT_ONCE);
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static SHARED: OnceCell<Option<Renderer>> = OnceCell::const_new();

/// Returns the machine's browser.
#[allow(clippy::disallowed_methods)] // a test uses the machine's environment
pub fn browser() -> Option<PathBuf> {
    render::find::find(std::env::var("BROWSER").ok().as_deref(), std::env::var_os("PATH").as_deref())
}

pub fn config() -> Option<RenderConfig> {
    let mut config = RenderConfig::new(browser()?, PAGES);
    config.limits.quiet_timeout = Duration::from_secs(3);
    // Longer than any pause between two pages: another start would take time from the next page.
    config.idle_timeout = Duration::from_secs(600);
    Some(config)
}

/// Resolves names from a table, so that no look-up leaves the machine.
fn names(name: &str) -> Vec<SocketAddr> {
    let ip: &str = match name {
        "site.example.com" | "other.example.com" => OPEN,
        "rebound.example.com" => CLOSED,
        "metadata.example.com" => "169.254.169.254",
        "six.example.com" => "::1",
        "ten.example.com" => "10.0.0.1",
        "turning.example.com" => {
            static ASKED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
            if ASKED.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 { OPEN } else { CLOSED }
        }
        _ => return Vec::new(),
    };
    vec![SocketAddr::new(ip.parse().unwrap(), 0)]
}

pub fn fetcher() -> Fetcher {
    let allow = vec![format!("{OPEN}/32").parse().unwrap()];
    Fetcher::with_names(FetchConfig { allow, ..FetchConfig::default() }, names).unwrap()
}

/// Runs a test with the shared browser, or reports that it was skipped.
pub fn with_browser<F: Future<Output = ()>>(test: impl FnOnce(&'static Renderer) -> F) {
    RUNTIME.block_on(async {
        let _permit = TESTS.acquire().await.unwrap();
        let started = SHARED.get_or_init(|| async {
            let renderer = Renderer::new(config()?, fetcher());
            start(&renderer).await;
            Some(renderer)
        });
        match started.await {
            Some(renderer) => test(renderer).await,
            None => skipped(),
        }
    });
}

/// Starts a renderer's browser, so that its start takes nothing of the time of a test's pages.
pub async fn start(renderer: &Renderer) {
    let site = Site::page("<p>started</p>").await;
    render_with_start(renderer, site.url("/")).await.unwrap();
}

/// Runs a test with a browser of its own. It starts with its first page, which needs [`WITH_START`] for that.
pub fn with_own_browser<F: Future<Output = ()>>(set: impl FnOnce(&mut RenderConfig), test: impl FnOnce(Renderer) -> F) {
    let Some(mut config) = config() else { return skipped() };
    set(&mut config);
    RUNTIME.block_on(async {
        let _permit = TESTS.acquire().await.unwrap();
        test(Renderer::new(config, fetcher())).await;
    });
}

/// Reports that a test was skipped.
pub fn skipped() {
    // Not by a macro: the test harness captures its output.
    let _ =
        std::io::stderr().write_all(b"\nSKIPPED: there is no Chromium on this machine (apt-get install chromium)\n");
}

/// A request to a site.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub head: String,
}

impl Asked {
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.head.lines().filter_map(|l| l.split_once(": ")).find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

/// A response.
#[derive(Debug, Clone)]
pub struct Answer {
    head: String,
    body: Vec<u8>,
    after: Duration,
    /// Another part of the body, and the delay after the first.
    later: Option<(Duration, Vec<u8>)>,
    ends: bool,
}

impl Answer {
    pub fn html(body: impl Into<String>) -> Answer {
        Answer::of("text/html; charset=utf-8", body.into())
    }

    pub fn js(body: impl Into<String>) -> Answer {
        Answer::of("text/javascript", body.into())
    }

    pub fn json(body: impl Into<String>) -> Answer {
        Answer::of("application/json", body.into())
    }

    pub fn of(kind: &str, body: impl Into<Vec<u8>>) -> Answer {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nAccess-Control-Allow-Origin: *\r\n");
        Answer { head, body: body.into(), after: Duration::ZERO, later: None, ends: true }
    }

    pub fn status(code: u16, body: &str) -> Answer {
        let head = format!("HTTP/1.1 {code} Said\r\nContent-Type: text/html\r\n");
        Answer { head, body: body.into(), after: Duration::ZERO, later: None, ends: true }
    }

    pub fn redirect(to: &str) -> Answer {
        Answer::status(302, "").with("Location", to)
    }

    pub fn with(mut self, name: &str, value: &str) -> Answer {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    pub fn after(mut self, ms: u64) -> Answer {
        self.after = Duration::from_millis(ms);
        self
    }

    /// Sends more of the body `ms` milliseconds after the first part.
    pub fn later(mut self, ms: u64, more: &str) -> Answer {
        self.later = Some((Duration::from_millis(ms), more.into()));
        self
    }

    /// Keeps the response open after its first bytes.
    pub fn endless(mut self) -> Answer {
        self.ends = false;
        self
    }
}

/// A site. Stops when dropped.
pub struct Site {
    pub at: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Site {
    pub async fn start(ip: &str, answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Site {
        Site::on(TcpListener::bind((ip, 0)).await.unwrap(), answer).await
    }

    pub async fn on(listener: TcpListener, answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Site {
        let (at, asked, answer) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let log = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    while !bytes.windows(4).any(|w| w == b"\r\n\r\n") {
                        if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                            break;
                        }
                    }
                    let head = String::from_utf8_lossy(&bytes).into_owned();
                    let path = head.split(' ').nth(1).unwrap_or("(no request)").to_owned();
                    let asked = Asked { path, head };
                    log.lock().unwrap().push(asked.clone());
                    let Answer { mut head, body, after, later, ends } = answer(&asked);
                    tokio::time::sleep(after).await;
                    if ends {
                        let more = later.as_ref().map_or(0, |(_, more)| more.len());
                        head += &format!("Content-Length: {}\r\n", body.len() + more);
                    }
                    let _ = socket.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await;
                    let _ = socket.write_all(&body).await;
                    if let Some((after, more)) = later {
                        tokio::time::sleep(after).await;
                        let _ = socket.write_all(&more).await;
                    }
                    while !ends && socket.read_buf(&mut bytes).await.unwrap_or(0) > 0 {}
                });
            }
        });
        Site { at, asked, task }
    }

    /// Starts a site with one page and nothing else.
    pub async fn page(html: &'static str) -> Site {
        Site::start(OPEN, move |asked| match asked.path.as_str() {
            "/" => Answer::html(html),
            _ => Answer::status(404, ""),
        })
        .await
    }

    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.at)).unwrap()
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }
}

pub fn request(url: Url) -> Request {
    Request::new(url, "Runo/0.1", Duration::from_secs(20))
}

/// Tests pages, two at once, which is what each test may show.
pub async fn two_at_once<P, F: Future<Output = ()>>(pages: impl IntoIterator<Item = P>, test: impl FnMut(P) -> F) {
    futures_util::stream::iter(pages).for_each_concurrent(2, test).await;
}

/// Renders a page of a site.
pub async fn render(renderer: &Renderer, url: Url) -> Result<Rendered, RenderError> {
    renderer.render(request(url)).await
}

/// Renders a page of a site. Its time is enough for the start of its browser, too.
pub async fn render_with_start(renderer: &Renderer, url: Url) -> Result<Rendered, RenderError> {
    let mut page = request(url);
    page.timeout = WITH_START;
    renderer.render(page).await
}

/// Waits until a condition holds; panics if that takes too long.
pub async fn eventually(what: &str, holds: impl Fn() -> bool) {
    eventually_within(Duration::from_secs(30), what, holds).await;
}

/// Like [`eventually`], with another limit.
pub async fn eventually_within(limit: Duration, what: &str, holds: impl Fn() -> bool) {
    let end = std::time::Instant::now() + limit;
    while !holds() {
        assert!(std::time::Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
