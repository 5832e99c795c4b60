//! Decides which of a page's requests are not made, and which fields the others carry. Saves requests and adds the
//! caller's own fields. Protects nothing: the proxy does that. Pure.

use serde_json::{Value, json};
use url::Url;

use crate::request::{Capture, Documents, Fields, Request};

/// Kinds of requests whose result is never read.
const ALWAYS_BLOCKED: [&str; 3] = ["Media", "Ping", "CSPViolationReport"];
/// Kinds that matter for a screenshot only.
const SCREENSHOT_ONLY: [&str; 2] = ["Image", "Font"];

/// The decision about a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Make it unchanged.
    Continue,
    /// Make it with these fields.
    ContinueWith(Value),
    /// Do not make it.
    Block,
    /// Do not make it: the page's window would navigate there, which the request does not allow.
    Divert(Url),
}

/// Decides about the requests of one page.
pub(crate) struct RequestFilter<'r> {
    request: &'r Request,
    /// The page's own frame.
    frame: String,
}

impl<'r> RequestFilter<'r> {
    pub(crate) fn new(request: &'r Request, frame: &str) -> RequestFilter<'r> {
        RequestFilter { request, frame: frame.to_owned() }
    }

    /// Returns patterns of the requests to decide about. Documents are always included, because the proxy's challenge
    /// is answered there.
    pub(crate) fn patterns(&self) -> Value {
        if !caller_fields(&self.request.headers).is_empty() {
            return json!([{ "urlPattern": "*" }]);
        }
        let pictures = SCREENSHOT_ONLY.iter().filter(|_| !self.request.wants(Capture::Screenshot));
        let kinds = ["Document", "Other"].iter().chain(&ALWAYS_BLOCKED).chain(pictures);
        kinds.map(|kind| json!({ "urlPattern": "*", "resourceType": kind })).collect()
    }

    /// Decides about a request; `paused` contains the parameters of `Fetch.requestPaused`.
    pub(crate) fn decide(&self, paused: &Value) -> Verdict {
        let kind = paused["resourceType"].as_str().unwrap_or_default();
        let not_needed = SCREENSHOT_ONLY.contains(&kind) && !self.request.wants(Capture::Screenshot);
        // The favicon.
        let accepted = paused["request"]["headers"]["Accept"].as_str().unwrap_or_default();
        let icon = kind == "Other" && accepted.starts_with("image/");
        if ALWAYS_BLOCKED.contains(&kind) || not_needed || icon {
            return Verdict::Block;
        }
        let Ok(url) = Url::parse(paused["request"]["url"].as_str().unwrap_or_default()) else { return Verdict::Block };
        let document = kind == "Document";
        if document && !matches!(url.scheme(), "http" | "https") {
            return Verdict::Block;
        }
        if document && paused["frameId"] == self.frame.as_str() && self.request.documents == Documents::OnlyThis {
            let mut target = url.clone();
            target.set_fragment(None);
            let mut requested = self.request.url.clone();
            requested.set_fragment(None);
            if target != requested {
                return Verdict::Divert(target);
            }
        }
        self.fields(&url, &paused["request"]["headers"])
    }

    /// Adds the caller's own fields for their origin, and removes them for other origins, because the browser also
    /// sends them to the target of a redirect.
    fn fields(&self, url: &Url, headers: &Value) -> Verdict {
        let own = caller_fields(&self.request.headers);
        if own.is_empty() {
            return Verdict::Continue;
        }
        let ours = |name: &str| own.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let theirs = headers.as_object().into_iter().flatten().filter(|(name, _)| !ours(name));
        let mut fields: Vec<Value> = theirs.map(|(name, value)| json!({ "name": name, "value": value })).collect();
        if url.origin() == self.request.url.origin() {
            fields.extend(own.iter().map(|(name, value)| json!({ "name": name, "value": value })));
        }
        Verdict::ContinueWith(fields.into())
    }
}

/// Returns the caller's fields to add to each request. Cookies are set in the browser, and the browser itself sends the
/// languages.
fn caller_fields(fields: &Fields) -> Vec<(&str, &str)> {
    let own = fields.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    own.filter(|(name, _)| !["cookie", "accept-language"].iter().any(|set| name.eq_ignore_ascii_case(set))).collect()
}

/// Returns a field of the caller.
pub(crate) fn field<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Returns the caller's cookies, as parameters to set them for the page's URL.
pub(crate) fn cookies(fields: &Fields, url: &Url) -> Vec<Value> {
    let pairs = field(fields, "cookie").unwrap_or_default().split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.map(|(name, value)| json!({ "name": name, "value": value, "url": url.as_str(), "path": "/" })).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn request(fields: &[(&str, &str)]) -> Request {
        let mut request = Request::new(Url::parse("https://a.test/x#y").unwrap(), "Runo", Duration::from_secs(1));
        request.headers = Fields(fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect());
        request
    }

    fn paused(kind: &str, url: &str) -> Value {
        json!({ "resourceType": kind, "frameId": "main", "request": { "url": url, "headers": { "Accept": "*/*" } } })
    }

    #[test]
    fn pictures_are_left_out_without_a_screenshot() {
        let mut plain = request(&[]);
        let image = paused("Image", "https://b.test/i.png");
        assert_eq!(RequestFilter::new(&plain, "main").decide(&image), Verdict::Block);
        assert!(RequestFilter::new(&plain, "main").patterns().to_string().contains("Image"));
        plain.capture = vec![Capture::Screenshot];
        let filter = RequestFilter::new(&plain, "main");
        assert_eq!(filter.decide(&image), Verdict::Continue);
        assert!(!filter.patterns().to_string().contains("Image"));
        assert_eq!(filter.decide(&paused("Media", "https://b.test/m")), Verdict::Block);
        assert_eq!(filter.decide(&paused("Script", "https://b.test/s.js")), Verdict::Continue);
        for bad in ["file:///etc/passwd", "chrome://version/", "view-source:https://a.test/", "ftp://a.test/", "x"] {
            assert_eq!(filter.decide(&paused("Document", bad)), Verdict::Block, "{bad}");
        }
    }

    #[test]
    fn navigation_to_another_document_is_diverted() {
        let mut only = request(&[]);
        let other = paused("Document", "https://a.test/z");
        assert_eq!(RequestFilter::new(&only, "main").decide(&other), Verdict::Continue);
        only.documents = Documents::OnlyThis;
        let filter = RequestFilter::new(&only, "main");
        assert_eq!(filter.decide(&other), Verdict::Divert(Url::parse("https://a.test/z").unwrap()));
        assert_eq!(filter.decide(&paused("Document", "https://a.test/x")), Verdict::Continue);
        assert_eq!(RequestFilter::new(&only, "other").decide(&other), Verdict::Continue, "a frame's document");
    }

    #[test]
    fn caller_fields_go_to_their_origin_only() {
        let own = request(&[("authorization", "secret"), ("cookie", "a=1; b=2"), ("accept-language", "de")]);
        let filter = RequestFilter::new(&own, "main");
        let Verdict::ContinueWith(fields) = filter.decide(&paused("Fetch", "https://a.test/api")) else {
            panic!("with fields")
        };
        assert_eq!(
            fields,
            json!([{ "name": "Accept", "value": "*/*" }, { "name": "authorization", "value": "secret" }])
        );
        // After a redirect the browser sends the fields along.
        let mut elsewhere = paused("Fetch", "https://b.test/api");
        elsewhere["request"]["headers"]["Authorization"] = "secret".into();
        let Verdict::ContinueWith(fields) = filter.decide(&elsewhere) else { panic!("with fields") };
        assert_eq!(fields, json!([{ "name": "Accept", "value": "*/*" }]));
        assert_eq!(filter.patterns(), json!([{ "urlPattern": "*" }]));
        let cookies = cookies(&own.headers, &own.url);
        assert_eq!(cookies.len(), 2);
        assert_eq!(cookies[1]["name"], "b");
    }
}
