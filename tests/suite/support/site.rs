//! A scripted site on loopback that records its requests.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::loopback;

/// The site. Paths:
/// `/p/N` a page with the title `Page N`; `/slow/MS/N` the same after a delay; `/gate/N` the same once the gate is
/// open; `/tree/0` to `/tree/4` a small tree of links; `/count` a page with the number of its requests; `/large/N` a
/// page with a title of 60,000 characters; `/busy/STATUS/SECS` that status with `Retry-After`; `/robots.txt` what was
/// set; `/flaky/STATUSES/SECS/N` those statuses one by one (`503,200`; `0` drops the connection), the last one repeats,
/// with `Retry-After` unless `SECS` is `-`; `/spa/N` a page whose program fetches `/api/N`, `/spa-gate/N` one whose
/// program waits for the gate, `/ssr/N` the same with its content; `/picture/BYTES/N` a picture of that size,
/// `/slow-picture/MS` one after a delay; `/fields/NAMES` a page that shows those request fields (`a,b`);
/// `/to/HOST/PATH` a redirect to and `/link/HOST/PATH` a page with a link to that URL; `/wall` a page of bot protection;
/// `/404`, `/403`, `/pdf`, `/loop`, `/hang`, `/moved` (to `/p/0`).
#[derive(Clone)]
pub struct Site {
    address: SocketAddr,
    hits: Arc<Mutex<Vec<(String, Instant)>>>,
    gate: watch::Sender<bool>,
    /// Number of requests after which pages wait at the gate.
    held_after: Arc<AtomicUsize>,
    /// Status and text of `/robots.txt`.
    robots: Arc<Mutex<(u16, String)>>,
    /// Pages added by a test, by name.
    pages: Arc<Mutex<HashMap<String, String>>>,
}

impl Site {
    pub async fn start() -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let site = Site {
            address,
            hits: Arc::default(),
            gate: watch::Sender::new(false),
            held_after: Arc::new(AtomicUsize::new(usize::MAX)),
            robots: Arc::new(Mutex::new((404, String::new()))),
            pages: Arc::default(),
        };
        let served = site.clone();
        loopback::serve(listener, move |request| {
            let site = served.clone();
            async move { site.answer(&request).await.ok_or_else(|| io::Error::other("scripted failure")) }
        });
        site
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Adds a page and returns its URL.
    pub fn add_page(&self, name: &str, page: &str) -> String {
        self.pages.lock().unwrap().insert(name.to_owned(), page.to_owned());
        self.url(&format!("/shown/{name}"))
    }

    /// `/PREFIX/0` to `/PREFIX/n-1`.
    pub fn urls(&self, prefix: &str, n: usize) -> Vec<String> {
        (0..n).map(|i| self.url(&format!("{prefix}/{i}"))).collect()
    }

    /// Releases all requests at the gate, and those to come.
    pub fn open_gate(&self) {
        self.gate.send_replace(true);
    }

    /// Holds back requests that arrive from now on.
    pub fn close_gate(&self) {
        self.gate.send_replace(false);
    }

    /// Lets every page wait at the gate after the first `n` requests, counted from the start of the site. So a job does
    /// not end before a test has interrupted it.
    pub fn hold_after(&self, n: usize) {
        self.held_after.store(n, Ordering::SeqCst);
    }

    /// Sets the response of `/robots.txt`, which is 404 by default.
    pub fn set_robots(&self, status: u16, text: &str) {
        *self.robots.lock().unwrap() = (status, text.to_owned());
    }

    /// The number of requests.
    pub fn hits(&self) -> usize {
        self.hits.lock().unwrap().len()
    }

    /// How often each path was requested.
    pub fn counts(&self) -> HashMap<String, usize> {
        self.hits.lock().unwrap().iter().fold(HashMap::new(), |mut counts, (path, _)| {
            *counts.entry(path.clone()).or_default() += 1;
            counts
        })
    }

    /// When each request of a path arrived.
    pub fn times(&self, path: &str) -> Vec<Instant> {
        self.hits.lock().unwrap().iter().filter(|(target, _)| target == path).map(|(_, at)| *at).collect()
    }

    /// The site's authority in a URL: address and port.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Returns `None` if the connection is to be dropped.
    async fn answer<B>(&self, request: &Request<B>) -> Option<Response<Full<Bytes>>> {
        let path = request.uri().path().to_owned();
        let number = {
            let mut hits = self.hits.lock().unwrap();
            hits.push((path.clone(), Instant::now()));
            hits.len()
        };
        if number > self.held_after.load(Ordering::SeqCst) && path != "/robots.txt" {
            self.gate.subscribe().wait_for(|open| *open).await.unwrap();
        }
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        Some(match parts[..] {
            ["p", n] => page(n),
            ["shown", name] => html(self.pages.lock().unwrap()[name].clone()),
            ["spa", n] => html(spa(&format!("/api/{n}"))),
            ["spa-gate", n] => html(spa(&format!("/gate-api/{n}"))),
            ["ssr", n] => html(format!("<title>Kettle {n}</title><body>{}{}</body>", product(n), PROGRAM)),
            ["program"] => html(String::new()),
            ["api", n] => {
                tokio::time::sleep(Duration::from_millis(150)).await;
                html(product(n))
            }
            ["gate-api", n] => {
                self.gate.subscribe().wait_for(|open| *open).await.unwrap();
                html(product(n))
            }
            ["count"] => titled(&format!("Visit {}", self.counts()["/count"])),
            ["tree", n] => tree(n.parse().unwrap()),
            ["slow", ms, n] => {
                tokio::time::sleep(Duration::from_millis(ms.parse().unwrap())).await;
                page(n)
            }
            ["gate", n] => {
                self.gate.subscribe().wait_for(|open| *open).await.unwrap();
                page(n)
            }
            ["busy", code, secs] => {
                let mut response = status(code.parse().unwrap());
                response.headers_mut().insert("retry-after", secs.parse().unwrap());
                response
            }
            ["flaky", statuses, secs, n] => {
                let statuses: Vec<u16> = statuses.split(',').map(|code| code.parse().unwrap()).collect();
                let code = statuses[(self.counts()[&path] - 1).min(statuses.len() - 1)];
                let mut response = match code {
                    0 => return None,
                    200 => page(n),
                    code => status(code),
                };
                if secs != "-" {
                    response.headers_mut().insert("retry-after", secs.parse().unwrap());
                }
                response
            }
            ["fields", names] => {
                let field = |name: &str| request.headers().get(name).map(|v| format!("{name}={}", v.to_str().unwrap()));
                let fields: Vec<String> = names.split(',').filter_map(field).collect();
                titled(if fields.is_empty() { "none".to_owned() } else { fields.join(" ") }.as_str())
            }
            ["to", host, ..] => redirect(&format!("http://{host}/{}", parts[2..].join("/"))),
            ["link", host, ..] => {
                html(format!("<h1>Links</h1><a href='http://{host}/{}'>there</a>", parts[2..].join("/")))
            }
            ["wall"] => {
                let mut response = status(503);
                response.headers_mut().insert("cf-mitigated", "challenge".parse().unwrap());
                response
            }
            ["robots.txt"] => {
                let (code, text) = self.robots.lock().unwrap().clone();
                let mut response = Response::new(Full::from(text));
                *response.status_mut() = StatusCode::from_u16(code).unwrap();
                response
            }
            ["picture", size, ..] => picture(size.parse().unwrap()),
            ["slow-picture", ms] => {
                tokio::time::sleep(Duration::from_millis(ms.parse().unwrap())).await;
                picture(100)
            }
            ["large", n] => large(n),
            ["403"] => status(403),
            ["pdf"] => {
                let mut response = Response::new(Full::from("%PDF-1.7"));
                response.headers_mut().insert("content-type", "application/pdf".parse().unwrap());
                response
            }
            ["loop"] => redirect("/loop2"),
            ["loop2"] => redirect("/loop"),
            ["moved"] => redirect("/p/0"),
            ["hang"] => std::future::pending().await,
            _ => status(404),
        })
    }
}

/// A body of this size that begins like a PNG.
fn picture(size: usize) -> Response<Full<Bytes>> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.resize(size, 0);
    let mut response = Response::new(Full::from(bytes));
    response.headers_mut().insert("content-type", "image/png".parse().unwrap());
    response
}

/// Five pages, each linking to its children and back to the first.
fn tree(n: usize) -> Response<Full<Bytes>> {
    let links: String = [2 * n + 1, 2 * n + 2, 0]
        .iter()
        .filter(|c| **c < 5)
        .fold(String::new(), |links, c| links + &format!("<a href='/tree/{c}?utm_source={n}'>{c}</a>"));
    let mut response = Response::new(Full::from(format!("<title>Page {n}</title><h1>Page {n}</h1>{links}")));
    response.headers_mut().insert("content-type", "text/html; charset=utf-8".parse().unwrap());
    response
}

fn titled(title: &str) -> Response<Full<Bytes>> {
    html(format!("<title>{title}</title><h1>{title}</h1>"))
}

/// A program without effect, for a page that shows its content without a program.
const PROGRAM: &str = "<script src=/program></script>";

/// The content of a product page.
fn product(n: &str) -> String {
    let words = "<p>Made by hand of one sheet of copper, with a handle of beech that stays cool over any fire.</p>";
    format!("<h1>Kettle {n}</h1><p class='price'>Price: $19.50</p>{}<a href='/ssr/{n}1'>like it</a>", words.repeat(6))
}

/// A page that shows what its program fetches, and nothing without it.
fn spa(api: &str) -> String {
    format!(
        "<!doctype html><title>Shop</title><body><div id='root'></div><script>
        fetch('{api}').then(r => r.text()).then(text => {{ document.getElementById('root').innerHTML = text;
        document.title = document.querySelector('h1').textContent }})
        </script></body>"
    )
}

fn large(n: &str) -> Response<Full<Bytes>> {
    html(format!("<h1>{n} {}</h1>", "x".repeat(60_000)))
}

fn html(body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    response.headers_mut().insert("content-type", "text/html; charset=utf-8".parse().unwrap());
    response
}

fn page(n: &str) -> Response<Full<Bytes>> {
    let body = format!(
        "<!doctype html><title>Page {n} | Site</title><meta property='og:title' content='Page {n}'>\
         <script type='application/ld+json'>{{\"@type\":\"Product\",\"name\":\"Page {n}\",\
         \"offers\":{{\"price\":\"{n}.50\"}}}}</script><h1>Page {n}</h1>"
    );
    let mut response = Response::new(Full::from(body));
    response.headers_mut().insert("content-type", "text/html; charset=utf-8".parse().unwrap());
    response
}

fn status(code: u16) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from("<h1>no</h1>"));
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response.headers_mut().insert("content-type", "text/html".parse().unwrap());
    response
}

fn redirect(to: &str) -> Response<Full<Bytes>> {
    let mut response = status(302);
    response.headers_mut().insert("location", to.parse().unwrap());
    response
}
