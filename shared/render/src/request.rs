//! The requests and results of a renderer. Both are sent as JSON if the renderer is another process.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

/// A request for one page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// The page's URL.
    #[serde(with = "text")]
    pub url: Url,
    /// The caller's own header fields, sent for documents and data of the URL's origin only. They may be secrets.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub headers: Fields,
    /// `User-Agent`.
    pub user_agent: String,
    /// BCP 47 tag of the locale in which the page's scripts format languages, numbers and dates.
    pub locale: String,
    /// Timeout for everything: waiting for a permit, loading, reading.
    pub timeout: Duration,
    /// What to wait for before the page is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_for: Option<WaitFor>,
    /// Which other documents the page's window may navigate to.
    #[serde(default)]
    pub documents: Documents,
    /// What to return besides the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capture: Vec<Capture>,
}

impl Request {
    /// Builds a request with default options.
    pub fn new(url: Url, user_agent: impl Into<String>, timeout: Duration) -> Request {
        Request {
            url,
            headers: Fields::default(),
            user_agent: user_agent.into(),
            locale: "en-US".into(),
            timeout,
            wait_for: None,
            documents: Documents::default(),
            capture: Vec::new(),
        }
    }

    pub(crate) fn wants(&self, capture: Capture) -> bool {
        self.capture.contains(&capture)
    }
}

/// Request header fields: name and value. `Debug` prints only the names.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// Returns whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// What to wait for before a page is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// An element that matches this CSS selector, including in open shadow roots.
    Selector(String),
    /// This much time after the page has loaded.
    After(Duration),
}

/// Which documents the page's window may navigate to, by redirects or by scripts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Documents {
    /// Any document that may be fetched.
    #[default]
    Any,
    /// Only the requested one. Navigation to another document ends in
    /// [`RenderError::Diverted`](crate::RenderError::Diverted) before it is fetched, so that the caller can check it.
    OnlyThis,
}

/// Something to return besides the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// A PNG of the window. Pictures and fonts of the page are fetched for it.
    Screenshot,
}

/// A rendered page.
#[derive(Clone, Serialize, Deserialize)]
pub struct Rendered {
    /// URL of the page after all redirects and navigation, without a fragment.
    #[serde(with = "text")]
    pub final_url: Url,
    /// HTTP status of the document.
    pub status: u16,
    /// The document after its scripts ran, as UTF-8, with open shadow roots and same-origin frames in place. Sent
    /// beside the JSON, as the screenshot is.
    #[serde(skip)]
    pub html: String,
    /// A PNG of the window, if requested.
    #[serde(skip)]
    pub screenshot: Option<Vec<u8>>,
    /// Notes for the caller: what was left out and what did not appear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The document's `X-Robots-Tag`, one field per line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robots_tag: Option<String>,
    /// Bytes that the page transferred, as sent.
    pub bytes: u64,
    /// Number of requests that the page made.
    pub requests: u32,
}

impl Rendered {
    /// Returns a copy without the document and the screenshot.
    pub(crate) fn without_content(&self) -> Rendered {
        let Rendered { final_url, status, notes, robots_tag, bytes, requests, .. } = self;
        Rendered {
            final_url: final_url.clone(),
            status: *status,
            html: String::new(),
            screenshot: None,
            notes: notes.clone(),
            robots_tag: robots_tag.clone(),
            bytes: *bytes,
            requests: *requests,
        }
    }
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Rendered { final_url, status, html, screenshot, notes, robots_tag, bytes, requests } = self;
        let screenshot = screenshot.as_ref().map(Vec::len);
        let mut out = f.debug_struct("Rendered");
        out.field("final_url", &final_url.as_str()).field("status", status).field("html", &html.len());
        out.field("screenshot", &screenshot).field("notes", notes).field("robots_tag", robots_tag);
        out.field("bytes", bytes).field("requests", requests).finish()
    }
}

/// Serialises URLs as text.
pub(crate) mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use url::Url;

    pub(crate) fn serialize<S: Serializer>(url: &Url, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(url.as_str())
    }

    pub(crate) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Url, D::Error> {
        Url::parse(&String::deserialize(from)?).map_err(Error::custom)
    }
}
