//! `options.headers`: the caller's own request headers. Their values may be secrets, so nothing here prints them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Maximum number of fields.
pub const MAX_FIELDS: usize = 20;
/// Maximum size of all names and values in bytes.
pub const MAX_BYTES: usize = 8 * 1024;

/// Names that a caller must not set: they frame the message, name its target or origin, or are the server's to set.
const FORBIDDEN_NAMES: [&str; 17] = [
    "accept-charset",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-real-ip",
];
/// Prefixes of further names that a caller must not set.
const FORBIDDEN_PREFIXES: [&str; 4] = ["proxy-", "sec-", "x-forwarded-", ":"];

/// Header fields by their lower-case names.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RequestHeaders {
    /// Values by name.
    fields: BTreeMap<String, String>,
    /// The only origin to send them to; `None` sends them to the origin of each URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    only_for: Option<String>,
}

/// Why header fields are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// More than [`MAX_FIELDS`].
    #[error("{0} headers are given; at most {MAX_FIELDS} are allowed")]
    TooMany(usize),
    /// More than [`MAX_BYTES`].
    #[error("names and values have {0} bytes; at most {MAX_BYTES} are allowed")]
    TooLong(usize),
    /// Not a token of RFC 9110 §5.6.2.
    #[error("\"{0}\" is not a header name; use letters, digits and hyphens")]
    InvalidName(String),
    /// A name that the server sets itself: framing, forwarding or identity.
    #[error("\"{0}\" may not be set; leave it out (docs/API.md, \"Options\", lists the names that are refused)")]
    Forbidden(String),
    /// The same name twice; case does not matter.
    #[error("\"{0}\" is given twice; names must be unique, regardless of case")]
    Duplicate(String),
    /// A value with a control character, or not ASCII.
    #[error("the value of \"{0}\" must be printable ASCII without line breaks")]
    InvalidValue(String),
}

impl RequestHeaders {
    /// Validates fields as the caller wrote them.
    ///
    /// # Errors
    /// [`HeaderError`], the first fault found.
    pub fn new<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<RequestHeaders, HeaderError> {
        let (mut fields, mut bytes, mut count) = (BTreeMap::new(), 0, 0);
        for (name, value) in given {
            count += 1;
            bytes += name.len() + value.len();
            let shown = || name.chars().take(64).collect::<String>();
            let lower = name.to_ascii_lowercase();
            if FORBIDDEN_NAMES.contains(&lower.as_str())
                || FORBIDDEN_PREFIXES.iter().any(|start| lower.starts_with(start))
            {
                return Err(HeaderError::Forbidden(shown()));
            }
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if name.is_empty() || !name.bytes().all(token) {
                return Err(HeaderError::InvalidName(shown()));
            }
            if !value.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')) {
                return Err(HeaderError::InvalidValue(shown()));
            }
            if fields.insert(lower, value.trim().to_owned()).is_some() {
                return Err(HeaderError::Duplicate(shown()));
            }
        }
        if count > MAX_FIELDS {
            return Err(HeaderError::TooMany(count));
        }
        if bytes > MAX_BYTES {
            return Err(HeaderError::TooLong(bytes));
        }
        Ok(RequestHeaders { fields, only_for: None })
    }

    /// Restricts the fields to the origin of `url`, such as a crawl's seed: a site chooses the links of a
    /// crawl.
    #[must_use]
    pub fn only_for(self, url: &url::Url) -> RequestHeaders {
        RequestHeaders { only_for: Some(url.origin().ascii_serialization()), ..self }
    }

    /// Returns whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns the fields to send with a request for `url`.
    pub fn of(&self, url: &url::Url) -> impl Iterator<Item = (&str, &str)> {
        let applies = self.only_for.as_ref().is_none_or(|origin| url.origin().ascii_serialization() == *origin);
        self.fields.iter().filter(move |_| applies).map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Shows only the names.
impl std::fmt::Debug for RequestHeaders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.fields.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_fields_are_sent_to_their_origin_only() {
        let ok =
            RequestHeaders::new([("Authorization", "Bearer secret"), ("Cookie", "a=1"), ("X-Api_Key", " k ")]).unwrap();
        let url = url::Url::parse("https://e.test/a").unwrap();
        assert_eq!(
            ok.of(&url).collect::<Vec<_>>(),
            [("authorization", "Bearer secret"), ("cookie", "a=1"), ("x-api_key", "k")]
        );
        assert!(!format!("{ok:?}").contains("secret"));
        let seed = ok.only_for(&url);
        for (at, want) in
            [("https://e.test/b", 3), ("http://e.test/b", 0), ("https://e.test:8443/", 0), ("https://o.test/", 0)]
        {
            assert_eq!(seed.of(&url::Url::parse(at).unwrap()).count(), want, "{at}");
        }
    }

    #[test]
    fn forbidden_and_malformed_fields_are_refused() {
        for name in [
            "Host",
            "TE",
            "Content-Length",
            "transfer-encoding",
            "X-Forwarded-For",
            "Proxy-Authorization",
            "User-Agent",
            ":authority",
        ] {
            assert_eq!(RequestHeaders::new([(name, "x")]), Err(HeaderError::Forbidden(name.into())));
        }
        for name in ["", "a b", "a:b", "é", "a\r\nb"] {
            assert_eq!(RequestHeaders::new([(name, "x")]), Err(HeaderError::InvalidName(name.into())));
        }
        for value in ["a\r\nHost: x", "\0", "é", "\u{7f}"] {
            assert_eq!(RequestHeaders::new([("X", value)]), Err(HeaderError::InvalidValue("X".into())));
        }
        assert_eq!(RequestHeaders::new([("a", "1"), ("A", "2")]), Err(HeaderError::Duplicate("A".into())));
        let many: Vec<String> = (0..21).map(|i| format!("x-{i}")).collect();
        assert_eq!(RequestHeaders::new(many.iter().map(|n| (n.as_str(), ""))), Err(HeaderError::TooMany(21)));
        assert!(RequestHeaders::new(many[1..].iter().map(|n| (n.as_str(), ""))).is_ok());
        assert!(matches!(RequestHeaders::new([("x", "y".repeat(9_000).as_str())]), Err(HeaderError::TooLong(_))));
    }
}
