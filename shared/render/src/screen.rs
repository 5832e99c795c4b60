//! Decides which of a page's requests are not made, and which fields the others carry. It saves requests and adds the
//! caller's own fields; it is not a safety measure, which the proxy is. Pure.

use serde_json::{Value, json};
use url::Url;

use crate::ask::{Capture, Documents, Fields, Request};

/// Kinds of requests whose result is never read.
const ALWAYS_OUT: [&str; 3] = ["Media", "Ping", "CSPViolationReport"];
/// Kinds that matter for a screenshot only.
const PICTURES: [&str; 2] = ["Image", "Font"];

/// The decision about a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Make it unchanged.
    Pass,
    /// Make it with these fields.
    With(Value),
    /// Do not make it.
    Out,
    /// Do not make it: the page's window would navigate there, which the request does not allow.
    Divert(Url),
}

/// Judges the requests of one page.
pub(crate) struct Screen<'r> {
    request: &'r Request,
    /// The page's own frame.
    frame: String,
}

impl<'r> Screen<'r> {
    pub(crate) fn new(request: &'r Request, frame: &str) -> Screen<'r> {
        Screen { request, frame: frame.to_owned() }
    }

    /// Returns patterns of the requests to judge. Documents are always included, because the proxy's challenge is
    /// answered there.
    pub(crate) fn patterns(&self) -> Value {
        if !own_fields(&self.request.headers).is_empty() {
            return json!([{ "urlPattern": "*" }]);
        }
        let pictures = PICTURES.iter().filter(|_| !self.request.wants(Capture::Screenshot));
        let kinds = ["Document", "Other"].iter().chain(&ALWAYS_OUT).chain(pictures);
        kinds.map(|kind| json!({ "urlPattern": "*", "resourceType": kind })).collect()
    }

    /// Judges a request; `paused` holds the parameters of `Fetch.requestPaused`.
    pub(crate) fn judge(&self, paused: &Value) -> Verdict {
        let kind = paused["resourceType"].as_str().unwrap_or_default();
        let pictures_out = PICTURES.contains(&kind) && !self.request.wants(Capture::Screenshot);
        // The favicon.
        let accepted = paused["request"]["headers"]["Accept"].as_str().unwrap_or_default();
        let icon = kind == "Other" && accepted.starts_with("image/");
        if ALWAYS_OUT.contains(&kind) || pictures_out || icon {
            return Verdict::Out;
        }
        let Ok(url) = Url::parse(paused["request"]["url"].as_str().unwrap_or_default()) else { return Verdict::Out };
        let document = kind == "Document";
        if document && !matches!(url.scheme(), "http" | "https") {
            return Verdict::Out;
        }
        if document && paused["frameId"] == self.frame.as_str() && self.request.documents == Documents::OnlyThis {
            let mut there = url.clone();
            there.set_fragment(None);
            let mut asked = self.request.url.clone();
            asked.set_fragment(None);
            if there != asked {
                return Verdict::Divert(there);
            }
        }
        self.fields(&url, &paused["request"]["headers"])
    }

    /// Adds the caller's own fields for their origin, and removes them for others: after a redirect the browser sends
    /// them along.
    fn fields(&self, url: &Url, headers: &Value) -> Verdict {
        let own = own_fields(&self.request.headers);
        if own.is_empty() {
            return Verdict::Pass;
        }
        let ours = |name: &str| own.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let theirs = headers.as_object().into_iter().flatten().filter(|(name, _)| !ours(name));
        let mut fields: Vec<Value> = theirs.map(|(name, value)| json!({ "name": name, "value": value })).collect();
        if url.origin() == self.request.url.origin() {
            fields.extend(own.iter().map(|(name, value)| json!({ "name": name, "value": value })));
        }
        Verdict::With(fields.into())
    }
}

/// Returns the caller's fields to add to each request. Cookies are set in the browser, and the browser itself sends the
/// languages.
fn own_fields(fields: &Fields) -> Vec<(&str, &str)> {
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
        assert_eq!(Screen::new(&plain, "main").judge(&image), Verdict::Out);
        assert!(Screen::new(&plain, "main").patterns().to_string().contains("Image"));
        plain.capture = vec![Capture::Screenshot];
        let screen = Screen::new(&plain, "main");
        assert_eq!(screen.judge(&image), Verdict::Pass);
        assert!(!screen.patterns().to_string().contains("Image"));
        assert_eq!(screen.judge(&paused("Media", "https://b.test/m")), Verdict::Out);
        assert_eq!(screen.judge(&paused("Script", "https://b.test/s.js")), Verdict::Pass);
        for bad in ["file:///etc/passwd", "chrome://version/", "view-source:https://a.test/", "ftp://a.test/", "x"] {
            assert_eq!(screen.judge(&paused("Document", bad)), Verdict::Out, "{bad}");
        }
    }

    #[test]
    fn navigation_to_another_document_is_diverted() {
        let mut only = request(&[]);
        let other = paused("Document", "https://a.test/z");
        assert_eq!(Screen::new(&only, "main").judge(&other), Verdict::Pass);
        only.documents = Documents::OnlyThis;
        let screen = Screen::new(&only, "main");
        assert_eq!(screen.judge(&other), Verdict::Divert(Url::parse("https://a.test/z").unwrap()));
        assert_eq!(screen.judge(&paused("Document", "https://a.test/x")), Verdict::Pass);
        assert_eq!(Screen::new(&only, "other").judge(&other), Verdict::Pass, "a frame's document");
    }

    #[test]
    fn own_fields_go_to_their_origin_only() {
        let own = request(&[("authorization", "secret"), ("cookie", "a=1; b=2"), ("accept-language", "de")]);
        let screen = Screen::new(&own, "main");
        let Verdict::With(fields) = screen.judge(&paused("Fetch", "https://a.test/api")) else { panic!("with fields") };
        assert_eq!(
            fields,
            json!([{ "name": "Accept", "value": "*/*" }, { "name": "authorization", "value": "secret" }])
        );
        // After a redirect the browser sends the fields along.
        let mut elsewhere = paused("Fetch", "https://b.test/api");
        elsewhere["request"]["headers"]["Authorization"] = "secret".into();
        let Verdict::With(fields) = screen.judge(&elsewhere) else { panic!("with fields") };
        assert_eq!(fields, json!([{ "name": "Accept", "value": "*/*" }]));
        assert_eq!(screen.patterns(), json!([{ "urlPattern": "*" }]));
        let cookies = cookies(&own.headers, &own.url);
        assert_eq!(cookies.len(), 2);
        assert_eq!(cookies[1]["name"], "b");
    }
}
