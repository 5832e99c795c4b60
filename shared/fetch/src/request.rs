//! What a fetcher is set to, what is asked of it and what comes of it.

use std::time::Duration;

use bytes::Bytes;
use ipnet::IpNet;
use reqwest::header::HeaderMap;
use url::Url;

use crate::growth::Room;
use crate::guard::OwnListener;

/// What may be set.
#[derive(Debug, Clone)]
pub struct FetchConfig {
    /// Ranges that may be fetched though they are not public, on any port.
    pub allow: Vec<IpNet>,
    /// Where this process listens itself, which may not be fetched whatever is allowed.
    pub own: Vec<OwnListener>,
    /// `User-Agent`: a product token, which robots.txt files are asked about, and where to reach whoever operates it.
    pub user_agent: String,
    /// Most bytes of a page, as sent and after content decoding.
    pub max_body_bytes: usize,
    /// Most bytes of a sitemap file, as sent, between its packings and unpacked.
    pub max_sitemap_bytes: usize,
    /// Most redirects that are followed.
    pub max_redirects: usize,
    /// Longest time for one connection to come about: DNS, TCP and TLS.
    pub connect_timeout: Duration,
}

impl Default for FetchConfig {
    fn default() -> Self {
        FetchConfig {
            allow: Vec::new(),
            own: Vec::new(),
            user_agent: "Runo/0.1".into(),
            max_body_bytes: 10 * 1024 * 1024,
            max_sitemap_bytes: 50 * 1024 * 1024,
            max_redirects: 5,
            connect_timeout: Duration::from_secs(10),
        }
    }
}

/// One page that is wanted.
#[derive(Clone, Copy)]
pub struct FetchRequest<'a> {
    /// Where.
    pub url: &'a Url,
    /// BCP 47 tag, such as `de-DE`, that `Accept-Language` is made of; one that is none is not sent.
    pub accept_language: &'a str,
    /// For the whole page: every hop, head and body.
    pub timeout: Duration,
    /// The caller's own fields: sent to the URL's origin only, and in place of ours of the same name.
    pub headers: Option<&'a HeaderMap>,
    /// Who is asked before a redirect is followed; all are where nobody is.
    pub hops: Option<&'a dyn Hops>,
    /// Who gives a large body room; without one there always is some.
    pub room: Option<&'a Room>,
}

/// A boxed future.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Judges redirects before they are followed. Whether their target may be fetched at all is the guard's to say.
pub trait Hops: Send + Sync {
    /// Whether to go to `url`.
    fn may_go<'a>(&'a self, url: &'a Url) -> BoxFuture<'a, Hop>;
}

/// What becomes of a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// It is followed.
    Go,
    /// It leads where whoever asks does not want to go.
    Elsewhere,
    /// robots.txt denies its target.
    Denied,
}

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it was found in the end, without a fragment.
    pub final_url: Url,
    /// Whether that is elsewhere than where it was looked for.
    pub redirected: bool,
    /// HTTP status, 200 to 299.
    pub status: u16,
    /// The `Content-Type` header as it came, charset and all.
    pub content_type: Option<String>,
    /// Whether its `X-Robots-Tag` asks this crawler not to follow its links.
    pub nofollow: bool,
    /// The bytes, content-decoded.
    pub body: Bytes,
}
