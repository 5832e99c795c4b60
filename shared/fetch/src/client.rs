//! The HTTP client: one page per call, redirects by hand, the whole of it within one deadline and one size.

use std::collections::HashSet;
use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ipnet::IpNet;
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::{Host, Url};

use crate::content::{is_readable_type, looks_readable};
use crate::error::{BuildError, FetchError};
use crate::guard::{Guard, Refusal, is_local_name, is_web_port};
use crate::resolver::{JudgingResolver, Scope};
use crate::target::check_parsed;

/// What may be set.
#[derive(Debug, Clone)]
pub struct FetchConfig {
    /// Ranges that may be fetched though they are not public, on any port.
    pub allow: Vec<IpNet>,
    /// `User-Agent`: names the project and where to reach it.
    pub user_agent: String,
    /// Most bytes of a page, after content decoding.
    pub max_body_bytes: usize,
    /// Most redirects that are followed.
    pub max_redirects: usize,
    /// Longest time for one connection to come about.
    pub connect_timeout: Duration,
}

impl Default for FetchConfig {
    fn default() -> Self {
        FetchConfig {
            allow: Vec::new(),
            user_agent: "Runo/0.1 (+https://github.com/runo-dev/runo)".into(),
            max_body_bytes: 10 * 1024 * 1024,
            max_redirects: 5,
            connect_timeout: Duration::from_secs(10),
        }
    }
}

/// One page that is wanted.
#[derive(Debug, Clone, Copy)]
pub struct FetchRequest<'a> {
    /// Where.
    pub url: &'a Url,
    /// BCP 47 tag that `Accept-Language` is made of.
    pub accept_language: &'a str,
    /// For the whole page: every hop, head and body.
    pub timeout: Duration,
}

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it was found in the end.
    pub final_url: Url,
    /// Whether that is elsewhere than where it was looked for.
    pub redirected: bool,
    /// HTTP status, 200 to 299.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The bytes, content-decoded.
    pub body: Bytes,
}

/// Fetches pages. Cheap to clone; keeps connections alive between pages.
#[derive(Debug, Clone)]
pub struct Fetcher {
    public: Client,
    allowed_only: Client,
    guard: Guard,
    max_body_bytes: usize,
    max_redirects: usize,
}

impl Fetcher {
    /// Builds the client.
    ///
    /// # Errors
    /// TLS could not be set up.
    pub fn new(config: FetchConfig) -> Result<Fetcher, BuildError> {
        // reqwest takes the process's provider. Another part of the process may have installed one: that serves too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guard = Guard::new(config.allow.clone());
        let build = |scope| {
            Client::builder()
                .user_agent(&config.user_agent)
                .redirect(Policy::none())
                .no_proxy()
                .referer(false)
                .connect_timeout(config.connect_timeout)
                .pool_max_idle_per_host(32)
                .dns_resolver(JudgingResolver { guard: guard.clone(), scope })
                .build()
                .map_err(|e| BuildError(e.to_string()))
        };
        Ok(Fetcher {
            public: build(Scope::Public)?,
            allowed_only: build(Scope::AllowedOnly)?,
            guard,
            max_body_bytes: config.max_body_bytes,
            max_redirects: config.max_redirects,
        })
    }

    /// Fetches one page.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn fetch(&self, request: FetchRequest<'_>) -> Result<Page, FetchError> {
        match tokio::time::timeout(request.timeout, self.follow(request)).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::Timeout(request.timeout)),
        }
    }

    async fn follow(&self, request: FetchRequest<'_>) -> Result<Page, FetchError> {
        let mut url = request.url.clone();
        url.set_fragment(None);
        let start = url.clone();
        let mut seen = HashSet::from([url.to_string()]);
        for _ in 0..=self.max_redirects {
            let response = self.hop(&url, request.accept_language).await?;
            let Some(next) = redirect_target(&url, &response)? else {
                let redirected = url != start;
                return self.read(url, redirected, response).await;
            };
            if !seen.insert(next.to_string()) {
                return Err(FetchError::Unreachable("the site redirects in a loop".into()));
            }
            url = next;
        }
        let text = format!("the site redirects more than {} times", self.max_redirects);
        Err(FetchError::Unreachable(text))
    }

    /// One request, its target judged before and its peer after.
    async fn hop(&self, url: &Url, language: &str) -> Result<Response, FetchError> {
        let client = self.judge(url).map_err(|r| FetchError::Forbidden(r.to_string()))?;
        let mut get =
            client.get(url.clone()).header(ACCEPT, "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8");
        if let Ok(value) = HeaderValue::from_str(&languages(language)) {
            get = get.header(ACCEPT_LANGUAGE, value);
        }
        let response = get.send().await.map_err(|e| explain(&e))?;
        let peer = response.remote_addr().map(|a| a.ip());
        match peer {
            Some(ip) => self.guard.judge_ip(ip).map_err(|r| FetchError::Forbidden(r.to_string()))?,
            // Not known is not allowed.
            None => return Err(FetchError::Forbidden("the peer's address is not known".into())),
        }
        Ok(response)
    }

    /// Judges what can be judged without a look-up, and chooses the client whose resolver judges the rest.
    fn judge(&self, url: &Url) -> Result<&Client, Refusal> {
        let port = url.port_or_known_default().unwrap_or(0);
        let literal = |ip: IpAddr| self.guard.judge_literal(ip, port).map(|()| &self.public);
        match url.host() {
            Some(Host::Ipv4(ip)) => literal(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => literal(IpAddr::V6(ip)),
            Some(Host::Domain(name)) if is_local_name(name) => {
                if self.guard.allows_more() {
                    Ok(&self.allowed_only)
                } else {
                    Err(Refusal::LocalName)
                }
            }
            Some(Host::Domain(_)) if is_web_port(port) => Ok(&self.public),
            Some(Host::Domain(_)) => {
                if self.guard.allows_more() {
                    Ok(&self.allowed_only)
                } else {
                    Err(Refusal::Port(port))
                }
            }
            None => Err(Refusal::LocalName),
        }
    }

    async fn read(&self, final_url: Url, redirected: bool, mut response: Response) -> Result<Page, FetchError> {
        check_status(&response)?;
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned);
        if let Some(kind) = content_type.as_deref().filter(|kind| !is_readable_type(kind)) {
            let kind: String = kind.chars().take(80).collect();
            let text = format!("the content is \"{kind}\"; only HTML, JSON and text can be read");
            return Err(FetchError::Unsupported(text));
        }
        let status = response.status().as_u16();
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| explain(&e))? {
            if body.len() + chunk.len() > self.max_body_bytes {
                let text = format!("the page is over {} bytes", self.max_body_bytes);
                return Err(FetchError::Unsupported(text));
            }
            if body.is_empty() && content_type.is_none() && !looks_readable(&chunk) {
                let text = "the content has no type and is neither HTML, JSON nor text";
                return Err(FetchError::Unsupported(text.into()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Page { final_url, redirected, status, content_type, body: body.freeze() })
    }
}

/// Where a response redirects to, if it does (RFC 9110 §15.4).
fn redirect_target(url: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let broken = |why: &str| FetchError::Unreachable(format!("the site redirects {why}"));
    let location = response.headers().get(LOCATION).ok_or_else(|| broken("without saying where to"))?;
    // Servers send UTF-8 here, whatever the RFC says.
    let location = std::str::from_utf8(location.as_bytes()).map_err(|_| broken("to what is no URL"))?;
    let mut next = url.join(location.trim()).map_err(|_| broken("to what is no URL"))?;
    check_parsed(&next)
        .map_err(|fault| FetchError::Forbidden(format!("the site redirects to a URL that is refused: {fault}")))?;
    next.set_fragment(None);
    Ok(Some(next))
}

fn check_status(response: &Response) -> Result<(), FetchError> {
    let status = response.status();
    let code = status.as_u16();
    let walled = status == StatusCode::SERVICE_UNAVAILABLE && response.headers().contains_key("cf-mitigated");
    if matches!(code, 401 | 403 | 407 | 429) || walled {
        return Err(FetchError::Blocked(format!("the site refused with status {code}")));
    }
    if matches!(code, 204 | 205) {
        return Err(FetchError::Unsupported(format!("the site answered with status {code}: it has no content")));
    }
    if !status.is_success() {
        return Err(FetchError::Unreachable(format!("the site answered with status {code}")));
    }
    Ok(())
}

/// `Accept-Language` for a tag: itself, its primary language, anything.
fn languages(tag: &str) -> String {
    match tag.split_once('-') {
        Some((primary, _)) => format!("{tag},{primary};q=0.9,*;q=0.5"),
        None => format!("{tag},*;q=0.5"),
    }
}

/// What a failed request means for the caller. The text names no address and no internals.
fn explain(error: &reqwest::Error) -> FetchError {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(e) = source {
        if let Some(refusal) = e.downcast_ref::<Refusal>() {
            return FetchError::Forbidden(refusal.to_string());
        }
        source = e.source();
    }
    let text = if error.is_timeout() {
        "the site did not take the connection in time"
    } else if error.is_connect() {
        "no connection to the site: its name is not known, nothing listens there, or its certificate is not valid"
    } else if error.is_body() || error.is_decode() {
        "the site broke off its answer, or its encoding is broken"
    } else {
        "the site's answer could not be understood"
    };
    FetchError::Unreachable(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_fall_back() {
        assert_eq!(languages("de-DE"), "de-DE,de;q=0.9,*;q=0.5");
        assert_eq!(languages("fr"), "fr,*;q=0.5");
    }

    #[test]
    fn what_needs_no_look_up_is_judged_before_one() {
        let strict = Fetcher::new(FetchConfig::default()).unwrap();
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://localhost/",
            "http://printer/",
            "http://x.internal/",
            "http://example.com:8080/",
            "http://8.8.8.8:22/",
        ] {
            assert!(strict.judge(&Url::parse(url).unwrap()).is_err(), "{url}");
        }
        assert!(strict.judge(&Url::parse("https://example.com/").unwrap()).is_ok());
    }
}
