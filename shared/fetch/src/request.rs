//! The configuration of a fetcher, its requests and its results.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use ipnet::IpNet;
use reqwest::header::HeaderMap;
use url::Url;

use crate::body_resources::SharedBodyResources;
use crate::guard::OwnListener;

/// Configuration of a fetcher.
#[derive(Debug, Clone)]
pub struct FetchConfig {
    /// Address ranges that may be fetched, on any port, although they are not public.
    pub allow: Vec<IpNet>,
    /// Listeners of this process. They may not be fetched, whatever else is allowed.
    pub own_listeners: Vec<OwnListener>,
    /// `User-Agent`: a product token, which robots.txt rules are matched against, and contact details of the operator.
    pub user_agent: String,
    /// Maximum size of a page in bytes, both as sent and after content decoding.
    pub max_body_bytes: usize,
    /// Maximum size of a sitemap file in bytes: as sent, between layers of compression, and uncompressed.
    pub max_sitemap_bytes: usize,
    /// Maximum number of redirects that are followed.
    pub max_redirects: usize,
    /// Timeout for establishing one connection: DNS, TCP and TLS.
    pub connect_timeout: Duration,
}

impl Default for FetchConfig {
    fn default() -> Self {
        FetchConfig {
            allow: Vec::new(),
            own_listeners: Vec::new(),
            user_agent: "Runo/0.1".into(),
            max_body_bytes: 10 * 1024 * 1024,
            max_sitemap_bytes: 50 * 1024 * 1024,
            max_redirects: 5,
            connect_timeout: Duration::from_secs(10),
        }
    }
}

/// A request for one page.
#[derive(Clone, Copy)]
pub struct FetchRequest<'a> {
    /// The page's URL.
    pub url: &'a Url,
    /// BCP 47 tag, such as `de-DE`, from which `Accept-Language` is made. An invalid tag is not sent.
    pub accept_language: &'a str,
    /// Timeout for the whole fetch: every hop, head and body.
    pub timeout: Duration,
    /// The caller's own header fields. Sent only to the URL's origin; they replace the fetcher's fields of the same
    /// name.
    pub headers: Option<&'a HeaderMap>,
    /// Decides which redirects are followed; `None` follows all.
    pub redirect_policy: Option<&'a dyn RedirectPolicy>,
    /// Grants memory to a large body; with `None` there is no limit besides the maximum size.
    pub body_resources: Option<&'a SharedBodyResources>,
}

/// Decides which redirects are followed. The guard decides separately whether the target may be fetched at all.
pub trait RedirectPolicy: Send + Sync {
    /// Returns whether to follow a redirect to `url`.
    fn decide<'a>(&'a self, url: &'a Url) -> BoxFuture<'a, RedirectDecision>;
}

/// The decision about a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectDecision {
    /// Follow it.
    Follow,
    /// Do not follow it: the caller does not want its target.
    Reject,
    /// Do not follow it: robots.txt disallows its target.
    Denied,
}

/// A fetched page.
#[derive(Debug, Clone)]
pub struct Page {
    /// URL of the page after redirects, without a fragment.
    pub final_url: Url,
    /// Whether `final_url` differs from the requested URL.
    pub redirected: bool,
    /// HTTP status, 200 to 299.
    pub status: u16,
    /// The `Content-Type` header as received, including parameters.
    pub content_type: Option<String>,
    /// Whether its `X-Robots-Tag` asks this crawler not to follow its links.
    pub nofollow: bool,
    /// The body, content-decoded.
    pub body: Bytes,
}
