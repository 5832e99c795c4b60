//! The state of one fetch across its redirects: visited URLs, cookies, remaining hops, and the caller's own fields.
//! Opens no connection.

use std::collections::HashSet;

use reqwest::header::{COOKIE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{RequestBuilder, Response};
use url::{Origin, Url};

use crate::cookies::CookieJar;
use crate::error::FetchError;
use crate::request::{RedirectDecision, RedirectPolicy};

/// A chain of redirects: the current URL, and what is sent with each request.
pub(crate) struct RedirectChain<'a> {
    pub(crate) url: Url,
    /// Number of hops taken.
    pub(crate) hops: usize,
    pub(crate) accept: &'static str,
    pub(crate) language: &'a str,
    max: usize,
    policy: Option<&'a dyn RedirectPolicy>,
    jar: CookieJar,
    seen: HashSet<(String, Option<HeaderValue>)>,
    /// The caller's fields and their origin. `None` after the first hop to another origin.
    caller_fields: Option<(&'a HeaderMap, Origin)>,
}

/// What to do with a redirect.
pub(crate) enum Step {
    /// Fetch the chain's URL, which is now the target.
    Next,
    /// The page leads to itself, so it is the result.
    Stay,
}

impl<'a> RedirectChain<'a> {
    pub(crate) fn new(url: &Url, accept: &'static str, max: usize) -> RedirectChain<'a> {
        let mut url = url.clone();
        url.set_fragment(None);
        let seen = HashSet::from([(url.to_string(), None)]);
        let jar = CookieJar::default();
        RedirectChain { url, hops: 0, accept, language: "", max, policy: None, jar, seen, caller_fields: None }
    }

    /// Starts the chain of a page: with its language, the caller's fields and the policy for its redirects.
    pub(crate) fn of_page(
        url: &Url,
        accept: &'static str,
        max: usize,
        language: &'a str,
        headers: Option<&'a HeaderMap>,
        policy: Option<&'a dyn RedirectPolicy>,
    ) -> RedirectChain<'a> {
        let caller_fields = headers.map(|headers| (headers, url.origin()));
        RedirectChain { language, policy, caller_fields, ..RedirectChain::new(url, accept, max) }
    }

    /// Adds cookies and the caller's fields to a request for the current URL.
    pub(crate) fn add_headers(&self, mut request: RequestBuilder) -> RequestBuilder {
        let caller_fields = self.caller_fields.as_ref().map(|(headers, _)| *headers);
        if let Some(headers) = caller_fields {
            // A field of the caller replaces ours of the same name.
            request = request.headers(headers.clone());
        }
        let jar = self.jar.cookie_field(&self.url);
        match (caller_fields.and_then(|headers| headers.get(COOKIE)), jar) {
            (_, None) => request,
            (None, Some(jar)) => request.header(COOKIE, jar),
            (Some(own), Some(jar)) => {
                let both = [own.as_bytes(), b"; ", jar.as_bytes()].concat();
                let both = HeaderValue::from_bytes(&both).unwrap_or(jar);
                request.headers(HeaderMap::from_iter([(COOKIE, both)]))
            }
        }
    }

    /// Stores the cookies of a response from the current URL.
    pub(crate) fn store_cookies(&mut self, response: &Response) {
        self.jar.store(&self.url, response.headers());
    }

    /// Moves on to `next`, or returns why not. A URL that comes again with other cookies is not a loop: a site that
    /// sets a cookie and redirects to the same page expects the cookie back.
    ///
    /// # Errors
    /// A loop, too many hops, or a refusal by the policy.
    pub(crate) async fn step(&mut self, next: Url) -> Result<Step, RedirectError> {
        let key = (next.to_string(), self.jar.cookie_field(&next));
        if self.seen.contains(&key) {
            if next == self.url {
                return Ok(Step::Stay);
            }
            return Err(RedirectError::DeadEnd(FetchError::Unreachable("the site redirects in a loop".into())));
        }
        if self.hops == self.max {
            let text = format!("the site has too many redirects; at most {} are followed", self.max);
            return Err(RedirectError::DeadEnd(FetchError::Unreachable(text)));
        }
        if let Some(policy) = self.policy
            && next != self.url
        {
            let refused = |why: fn(Box<Url>) -> FetchError, next| Err(RedirectError::Refused(why(Box::new(next))));
            match policy.decide(&next).await {
                RedirectDecision::Follow => {}
                RedirectDecision::Reject => return refused(FetchError::Diverted, next),
                RedirectDecision::Denied => return refused(FetchError::Denied, next),
            }
        }
        self.seen.insert(key);
        self.caller_fields.take_if(|(_, origin)| next.origin() != *origin);
        self.hops += 1;
        self.url = next;
        Ok(Step::Next)
    }
}

/// Why a chain of redirects ends without a response.
pub(crate) enum RedirectError {
    /// The site's redirects lead nowhere.
    DeadEnd(FetchError),
    /// The policy refuses the target.
    Refused(FetchError),
}

impl RedirectError {
    pub(crate) fn into_error(self) -> FetchError {
        match self {
            RedirectError::DeadEnd(error) | RedirectError::Refused(error) => error,
        }
    }
}

/// Returns the target of a response's redirect, if it is one (RFC 9110 §15.4). The target is checked when it is
/// requested.
pub(crate) fn redirect_target(url: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let broken = |why: &str| FetchError::Unreachable(format!("the site redirects {why}"));
    let location = response.headers().get(LOCATION).ok_or_else(|| broken("without a Location"))?;
    resolve(url, location.as_bytes()).map(Some).ok_or_else(|| broken("to something that is not a URL"))
}

/// Resolves a `Location` as browsers do. Escapes non-ASCII bytes unchanged, whatever their charset, because the server
/// expects exactly these bytes in the path. Only the host must be text.
fn resolve(base: &Url, location: &[u8]) -> Option<Url> {
    let location = location.trim_ascii();
    // "///host" is "//host" to a browser (WHATWG URL, "special authority ignore slashes state").
    let slashes = location.iter().take_while(|b| matches!(b, b'/' | b'\\')).count();
    let location = &location[slashes.saturating_sub(2)..];
    let escaped: String =
        location.iter().map(|b| if b.is_ascii() { char::from(*b).to_string() } else { format!("%{b:02X}") }).collect();
    let latin1 = || location.iter().map(|b| char::from(*b)).collect::<String>();
    let mut next = base.join(&escaped).or_else(|_| base.join(&latin1())).ok()?;
    next.set_fragment(None);
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_resolved_as_browsers_do() {
        let base = Url::parse("https://e.test/dir/page?q").unwrap();
        for (location, want) in [
            (&b"/z"[..], Some("https://e.test/z")),
            (b"  x  ", Some("https://e.test/dir/x")),
            (b"?a=1", Some("https://e.test/dir/page?a=1")),
            (b"//o.test/x", Some("https://o.test/x")),
            (b"///o.test/x", Some("https://o.test/x")),
            (b"\\/\\o.test/x", Some("https://o.test/x")),
            (b"\\z\\y", Some("https://e.test/z/y")),
            (b"/a b?c d#e", Some("https://e.test/a%20b?c%20d")),
            ("/caf\u{e9}".as_bytes(), Some("https://e.test/caf%C3%A9")),
            (b"/caf\xe9", Some("https://e.test/caf%E9")),
            (b"/?q=caf\xe9", Some("https://e.test/?q=caf%E9")),
            ("https://b\u{fc}cher.test/".as_bytes(), Some("https://xn--bcher-kva.test/")),
            (b"https://b\xfccher.test/", Some("https://xn--bcher-kva.test/")),
            (b"HTTPS:/o.test/x", Some("https://e.test/o.test/x")),
            (b"http://[::", None),
        ] {
            assert_eq!(resolve(&base, location).as_ref().map(Url::as_str), want, "{location:?}");
        }
    }
}
