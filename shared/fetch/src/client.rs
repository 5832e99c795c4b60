//! The HTTP client: one page per call. Follows redirects itself, and applies one deadline and one size limit to the
//! whole fetch.
//!
//! HTTP/1.1 only. hyper bounds how much of a response's head is kept in memory: `MAX_FIELDS` fields, and 400 KB plus
//! one read beyond that (so 800 KB at worst). A head of up to [`MAX_HEAD`] is accepted.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, HeaderMap, HeaderName, HeaderValue, REFRESH};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use url::{Host, Url};

use crate::body;
use crate::decode::ACCEPTED;
use crate::error::{BuildError, FetchError};
use crate::fault::translate;
use crate::fields::{has_nofollow, languages, product_token};
use crate::guard::{Guard, OwnListener, Refusal, Scope, is_local_name, is_web_port};
use crate::redirect_chain::{RedirectChain, RedirectError, Step, redirect_target};
use crate::refresh;
use crate::request::{FetchConfig, FetchRequest, Page};
use crate::resolver::{GuardedResolver, Lookup};
use crate::system_resolver::SystemResolver;
use crate::target::check_parsed;

/// How long an idle connection is kept. Short: a batch over many hosts must not run out of sockets (1,024 in a Lambda),
/// and many servers close idle connections after five seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Maximum size of a response's header section in bytes: names, values, and four bytes for the punctuation of each
/// line.
pub const MAX_HEAD: usize = 256 * 1024;

/// Maximum number of fields in a response's head.
const MAX_FIELDS: usize = 1_000;

/// `Accept` of a page.
const ACCEPT_PAGE: &str = "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8";

/// Fetches pages. Cheap to clone; keeps connections alive for a moment between pages.
#[derive(Debug, Clone)]
pub struct Fetcher {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    public: Client,
    /// Present if any address that is not public is allowed. Built only then, because building a client reads the
    /// machine's certificates.
    allowed_only: Option<Client>,
    guard: Guard,
    lookup: Lookup,
    connect_timeout: Duration,
    own_listeners: Vec<OwnListener>,
    user_agent: String,
    /// The name of this crawler in robots.txt.
    product_token: String,
    max_body_bytes: usize,
    max_sitemap_bytes: usize,
    max_redirects: usize,
}

/// How a chain of redirects ends.
pub(crate) enum RedirectEnd {
    /// With a response that is not a redirect; the URL is the one that was requested last.
    Response(Url, Response),
    /// Without a page: too many redirects, a loop, or a target that is not a URL.
    DeadEnd(FetchError),
}

/// Why there is no response, and after how many hops.
pub(crate) struct NoResponse {
    pub(crate) error: FetchError,
    pub(crate) hops: usize,
}

/// How a checked URL is fetched.
struct Route<'a> {
    client: &'a Client,
    scope: Scope,
    /// The error if the name resolves to an address that may not be fetched.
    refusal: Refusal,
}

impl Fetcher {
    /// Builds the client.
    ///
    /// # Errors
    /// TLS cannot be set up (the machine has no certificates), or the user agent is not a valid header value.
    pub fn new(config: FetchConfig) -> Result<Fetcher, BuildError> {
        Fetcher::with_lookup(config, Lookup::System(SystemResolver::new()))
    }

    fn with_lookup(config: FetchConfig, lookup: Lookup) -> Result<Fetcher, BuildError> {
        // reqwest uses the process's TLS provider. If another part of the process has installed one, the client uses
        // that one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guard = Guard::new(config.allow);
        let build = |scope| {
            Client::builder()
                .user_agent(&config.user_agent)
                .redirect(Policy::none())
                .no_proxy()
                .referer(false)
                .connect_timeout(config.connect_timeout)
                .pool_idle_timeout(IDLE_TIMEOUT)
                // Tolerates malformed heads, as servers send them. Ambiguous lengths are not tolerated.
                .http1_allow_obsolete_multiline_headers_in_responses(true)
                .http1_allow_spaces_after_header_name_in_responses(true)
                .http1_ignore_invalid_headers_in_responses(true)
                .http1_max_headers(MAX_FIELDS)
                .dns_resolver(GuardedResolver { guard: guard.clone(), scope, lookup: lookup.clone() })
                .build()
                .map_err(|e| BuildError(innermost(&e)))
        };
        let inner = Inner {
            public: build(Scope::Public)?,
            allowed_only: if guard.allows_non_public() { Some(build(Scope::AllowedOnly)?) } else { None },
            guard,
            lookup,
            connect_timeout: config.connect_timeout,
            own_listeners: config.own_listeners,
            product_token: product_token(&config.user_agent).to_owned(),
            user_agent: config.user_agent,
            max_body_bytes: config.max_body_bytes,
            max_sitemap_bytes: config.max_sitemap_bytes,
            max_redirects: config.max_redirects,
        };
        Ok(Fetcher { inner: Arc::new(inner) })
    }

    /// Fetches one page.
    ///
    /// # Errors
    /// Why the page could not be fetched.
    pub async fn fetch(&self, request: FetchRequest<'_>) -> Result<Page, FetchError> {
        match tokio::time::timeout(request.timeout, self.inner.fetch_page(request)).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::Timeout(request.timeout)),
        }
    }

    /// Returns the response at the end of a URL's redirects. For files other than pages; every hop is checked as for a
    /// page.
    pub(crate) async fn follow_redirects(&self, url: &Url, accept: &'static str) -> Result<RedirectEnd, NoResponse> {
        let mut chain = RedirectChain::new(url, accept, self.inner.max_redirects);
        let response = self.inner.follow_redirects(&mut chain).await;
        Ok(match response.map_err(|error| NoResponse { error, hops: chain.hops })? {
            Ok(response) => RedirectEnd::Response(chain.url, response),
            Err(error) => RedirectEnd::DeadEnd(error),
        })
    }

    /// Returns the maximum size of a sitemap file in bytes.
    pub(crate) fn max_sitemap_bytes(&self) -> usize {
        self.inner.max_sitemap_bytes
    }

    /// Returns whether a page's `X-Robots-Tag` (one field per line) asks this crawler not to follow its links.
    pub fn is_nofollow(&self, x_robots_tag: &str) -> bool {
        let fields = x_robots_tag.lines().filter_map(|field| field.parse::<HeaderValue>().ok());
        let fields: HeaderMap = fields.map(|field| (HeaderName::from_static("x-robots-tag"), field)).collect();
        has_nofollow(&fields, &self.inner.product_token)
    }

    /// Returns the `User-Agent`.
    pub fn user_agent(&self) -> &str {
        &self.inner.user_agent
    }

    /// Returns the name of this crawler in robots.txt files: the product token of its user agent (RFC 9309 §2.2.1).
    pub fn product_token(&self) -> &str {
        &self.inner.product_token
    }
}

impl Inner {
    async fn fetch_page(&self, request: FetchRequest<'_>) -> Result<Page, FetchError> {
        let FetchRequest { url, accept_language, headers, redirect_policy, body_resources, .. } = request;
        let mut chain =
            RedirectChain::of_page(url, ACCEPT_PAGE, self.max_redirects, accept_language, headers, redirect_policy);
        let start = chain.url.clone();
        loop {
            let response = self.follow_redirects(&mut chain).await??;
            let status = response.status().as_u16();
            let refresh = response.headers().get(REFRESH).and_then(|value| value.to_str().ok());
            let refresh = refresh.and_then(|value| refresh::target(value, &chain.url));
            let nofollow = has_nofollow(response.headers(), &self.product_token);
            let content = body::read(response, self.max_body_bytes, body_resources).await?;
            let meta_refresh =
                || content.is_markup().then(|| refresh::target_in_page(&content.body, &chain.url)).flatten();
            if let Some(next) = refresh.or_else(meta_refresh)
                && matches!(chain.step(next).await.map_err(RedirectError::into_error)?, Step::Next)
            {
                continue;
            }
            let (content_type, body, final_url) = (content.content_type, content.body, chain.url);
            return Ok(Page { redirected: final_url != start, final_url, status, content_type, nofollow, body });
        }
    }

    /// Follows redirects until a response is not one, or until they lead nowhere (inner `Err`). Reads no body.
    async fn follow_redirects(
        &self,
        chain: &mut RedirectChain<'_>,
    ) -> Result<Result<Response, FetchError>, FetchError> {
        loop {
            let response = self.hop(chain).await.map_err(|e| mark_redirect(e, chain.hops))?;
            chain.store_cookies(&response);
            let next = match redirect_target(&chain.url, &response) {
                Ok(Some(next)) => next,
                Ok(None) => return Ok(Ok(response)),
                Err(error) => return Ok(Err(error)),
            };
            match chain.step(next).await {
                Ok(Step::Next) => {}
                Ok(Step::Stay) => return Ok(Err(FetchError::Unreachable("the site redirects in a loop".into()))),
                Err(RedirectError::DeadEnd(error)) => return Ok(Err(error)),
                Err(RedirectError::Refused(error)) => return Err(error),
            }
        }
    }

    /// Sends one request. Checks its target before and its peer after.
    async fn hop(&self, chain: &RedirectChain<'_>) -> Result<Response, FetchError> {
        let url = &chain.url;
        check_parsed(url).map_err(|fault| FetchError::Forbidden(format!("this URL may not be fetched: {fault}")))?;
        let route = self.route(url).map_err(|refusal| FetchError::Forbidden(refusal.to_string()))?;
        let mut get = route.client.get(url.clone()).header(ACCEPT, chain.accept);
        if let Some(value) = languages(chain.language) {
            get = get.header(ACCEPT_LANGUAGE, value);
        }
        let get = chain.add_headers(get.header(ACCEPT_ENCODING, ACCEPTED));
        let response = get.send().await.map_err(|e| translate(&e, &route.refusal))?;
        self.check_peer(&route, response.remote_addr(), url)?;
        let head: usize = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if head > MAX_HEAD {
            return Err(FetchError::Unreachable(format!(
                "the headers of the site's response are over {MAX_HEAD} bytes"
            )));
        }
        Ok(response)
    }

    /// Checks the peer that was really connected to. An unknown peer is refused.
    fn check_peer(&self, route: &Route<'_>, peer: Option<SocketAddr>, url: &Url) -> Result<(), FetchError> {
        let Some(peer) = peer.filter(|peer| self.guard.admits(route.scope, peer.ip())) else {
            return Err(FetchError::Forbidden(route.refusal.to_string()));
        };
        if self.own_listeners.iter().any(|own| own.refuses_peer(peer, url)) {
            return Err(FetchError::Forbidden(Refusal::OwnListener.to_string()));
        }
        Ok(())
    }

    /// Checks what needs no DNS look-up, and chooses the client whose resolver checks the rest.
    fn route(&self, url: &Url) -> Result<Route<'_>, Refusal> {
        if self.own_listeners.iter().any(|own| own.refuses(url)) {
            return Err(Refusal::OwnListener);
        }
        // http and https have a default port; 0 is not a web port.
        let port = url.port_or_known_default().unwrap_or(0);
        let public = Route { client: &self.public, scope: Scope::Public, refusal: Refusal::Name };
        let local = |refusal: Refusal| match &self.allowed_only {
            Some(client) => Ok(Route { client, scope: Scope::AllowedOnly, refusal }),
            None => Err(refusal),
        };
        match url.host() {
            Some(Host::Ipv4(ip)) => self.guard.check_literal(IpAddr::V4(ip), port).map(|()| public),
            Some(Host::Ipv6(ip)) => self.guard.check_literal(IpAddr::V6(ip), port).map(|()| public),
            Some(Host::Domain(name)) if is_local_name(name) => local(Refusal::LocalName),
            Some(Host::Domain(_)) if !is_web_port(port) => local(Refusal::Port(port)),
            Some(Host::Domain(_)) => Ok(public),
            None => Err(Refusal::LocalName),
        }
    }
}

/// Returns the last cause in an error chain: the errors before it only say that something failed.
fn innermost(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Adds to a refusal that the refused URL is the target of a redirect, because the caller never saw that URL.
fn mark_redirect(error: FetchError, hop: usize) -> FetchError {
    match error {
        FetchError::Forbidden(text) if hop > 0 => FetchError::Forbidden(format!("after a redirect: {text}")),
        other => other,
    }
}

mod dial;
mod post;

pub use post::{Post, PostResponse};

#[cfg(test)]
mod tests;
