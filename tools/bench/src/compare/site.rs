//! The generated site, in its own process (`compare site`), and the handle through which the bench controls it. Knows
//! pages and counts, but not its clients.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::page;
use super::process::{self, Process};
use crate::Fault;

const READY_PREFIX: &str = "site on ";

/// Arguments of `compare site`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Number of pages in the tree below /t/.
    #[arg(long)]
    pages: u64,
}

/// Requests that the site has received since it was reset. Times are microseconds before the answer; 0 if the count is
/// 0.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Stats {
    /// Number of requests below /p/; likewise `t` for /t/ and `slow` for /slow/.
    pub(crate) p: u64,
    pub(crate) t: u64,
    pub(crate) slow: u64,
    /// How long ago the first request for any page arrived.
    pub(crate) first_ago_us: u64,
    /// How long ago the last request below /slow/ arrived.
    pub(crate) slow_ago_us: u64,
}

struct Counts {
    start: Instant,
    pages: u64,
    p: AtomicU64,
    t: AtomicU64,
    slow: AtomicU64,
    /// Microseconds since `start`, 0 for none.
    first: AtomicU64,
    slow_last: AtomicU64,
}

impl Counts {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }

    fn hit(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
        if self.first.load(Relaxed) == 0 {
            let _ = self.first.compare_exchange(0, self.now(), Relaxed, Relaxed);
        }
    }

    fn stats(&self) -> Stats {
        let now = self.now();
        let ago = |at: &AtomicU64| Some(at.load(Relaxed)).filter(|at| *at > 0).map_or(0, |at| now - at);
        Stats {
            p: self.p.load(Relaxed),
            t: self.t.load(Relaxed),
            slow: self.slow.load(Relaxed),
            first_ago_us: ago(&self.first),
            slow_ago_us: ago(&self.slow_last),
        }
    }

    fn reset(&self) {
        for counter in [&self.p, &self.t, &self.slow, &self.first, &self.slow_last] {
            counter.store(0, Relaxed);
        }
    }
}

fn answer(status: u16, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

async fn respond(path: &str, counts: &Counts) -> Response<Full<Bytes>> {
    const HTML: &str = "text/html; charset=utf-8";
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let number = |text: &str| text.parse::<u64>().ok();
    match parts[..] {
        ["p", n] if let Some(n) = number(n) => {
            counts.hit(&counts.p);
            answer(200, HTML, page::page(n, &[]))
        }
        ["t", n] if let Some(n) = number(n).filter(|n| *n < counts.pages) => {
            counts.hit(&counts.t);
            answer(200, HTML, page::page(n, &page::links("/t/", n, counts.pages)))
        }
        ["t", count, n] if let (Some(count), Some(n)) = (number(count), number(n)) => {
            counts.hit(&counts.t);
            answer(200, HTML, page::page(n, &page::links(&format!("/t/{count}/"), n, count)))
        }
        ["slow", ms, n] if let (Some(ms), Some(n)) = (number(ms), number(n)) => {
            counts.hit(&counts.slow);
            counts.slow_last.fetch_max(counts.now(), Relaxed);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            answer(200, HTML, page::page(n, &[]))
        }
        ["robots.txt"] => answer(200, "text/plain", "User-agent: *\nAllow: /\n".to_owned()),
        ["stats"] => answer(200, "application/json", serde_json::to_string(&counts.stats()).unwrap_or_default()),
        ["reset"] => {
            counts.reset();
            answer(200, "text/plain", "reset\n".to_owned())
        }
        _ => answer(404, "text/plain", "no such page\n".to_owned()),
    }
}

/// Serves until standard input ends.
pub(crate) async fn serve(args: &Args) -> Result<(), Fault> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    process::write_line(&format!("{READY_PREFIX}http://{}", listener.local_addr()?))?;
    let zero = || AtomicU64::new(0);
    let counts = Arc::new(Counts {
        start: Instant::now(),
        pages: args.pages,
        p: zero(),
        t: zero(),
        slow: zero(),
        first: zero(),
        slow_last: zero(),
    });
    let input_ended = tokio::task::spawn_blocking(process::input_ended);
    tokio::pin!(input_ended);
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            _ = &mut input_ended => return Ok(()),
        };
        let _ = socket.set_nodelay(true);
        let counts = counts.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let counts = counts.clone();
            async move { Ok::<_, Infallible>(respond(request.uri().path(), &counts).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    }
}

/// The running site.
pub(crate) struct Site {
    /// `http://127.0.0.1:PORT`
    pub(crate) base: String,
    http: reqwest::Client,
    _process: Process,
}

impl Site {
    /// Starts the site as its own process.
    ///
    /// # Errors
    /// The site does not start.
    pub(crate) async fn start(pages: u64, http: reqwest::Client) -> Result<Site, Fault> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["site", "--pages", &pages.to_string()]);
        let mut process = Process::start("site", command)?;
        let base = process.line(READY_PREFIX, Duration::from_secs(10)).await?;
        Ok(Site { base, http, _process: process })
    }

    /// Returns what the site has received.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) async fn stats(&self) -> Result<Stats, Fault> {
        let body = self.http.get(format!("{}/stats", self.base)).send().await?.bytes().await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// Resets the counters.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) async fn reset(&self) -> Result<(), Fault> {
        self.http.get(format!("{}/reset", self.base)).send().await?.bytes().await?;
        Ok(())
    }

    /// Returns the URLs of `count` pages below `path`, starting at page `from`.
    pub(crate) fn urls(&self, path: &str, from: u64, count: u64) -> Vec<String> {
        (from..from + count).map(|n| format!("{}{path}{n}", self.base)).collect()
    }
}
