//! What is asked of a renderer, and what it answers. Both travel as JSON where the renderer is another process.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

/// One page that is wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// Where.
    #[serde(with = "text")]
    pub url: Url,
    /// The caller's own fields, for documents and data of the URL's origin only. They may be secrets.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub headers: Fields,
    /// `User-Agent`.
    pub user_agent: String,
    /// BCP 47 tag that languages, numbers and dates of the page's programs follow.
    pub locale: String,
    /// For the whole of it: waiting for a place, loading, reading.
    pub timeout: Duration,
    /// What the page must show before it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_for: Option<WaitFor>,
    /// Which documents the page's own window may go on to.
    #[serde(default)]
    pub documents: Documents,
    /// What is wanted beside the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capture: Vec<Capture>,
}

impl Request {
    /// A page with nothing special about it.
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

/// Request fields: name and value. Only the names are ever printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// What the page must show before it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// An element that this CSS selector matches, in an open shadow root too.
    Selector(String),
    /// This long after it has loaded.
    After(Duration),
}

/// Which documents the page's window may go on to, by redirects or by programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Documents {
    /// Any that may be fetched.
    #[default]
    Any,
    /// None but the one that was asked for: another is told as [`RenderError::Diverted`](crate::RenderError::Diverted)
    /// before it is fetched, so that whoever asks can judge it.
    OnlyThis,
}

/// What is wanted beside the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// A PNG of the window. Its pictures and fonts are fetched then.
    Screenshot,
}

/// A page as a browser showed it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Rendered {
    /// Where it was found in the end, without a fragment.
    #[serde(with = "text")]
    pub final_url: Url,
    /// HTTP status of the document.
    pub status: u16,
    /// The document after its programs ran, with open shadow roots and frames of its origin in place. UTF-8. On its way
    /// it goes beside the rest, as the picture does.
    #[serde(skip)]
    pub html: String,
    /// A PNG of the window, if one was asked for.
    #[serde(skip)]
    pub screenshot: Option<Vec<u8>>,
    /// What the caller should know: what was left out, and what did not come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The document's `X-Robots-Tag`, a field in each line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robots_tag: Option<String>,
    /// Bytes that the page took, as sent.
    pub bytes: u64,
    /// Requests that it made.
    pub requests: u32,
}

impl Rendered {
    /// The same without the document and the picture.
    pub(crate) fn outline(&self) -> Rendered {
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

/// URLs as they are written.
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
