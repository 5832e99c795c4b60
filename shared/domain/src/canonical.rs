//! Decides when two URLs name one page: the canonical form that is shown, and the key that pages are compared by. Works
//! on text alone: where a URL leads and whether it may be fetched is decided elsewhere.
//!
//! Sources: RFC 3986 §6.2.2 and §6.2.3. The URL standard's parser (crate `url`) already handles case of scheme and
//! host, default ports, dot segments, percent-encoding of characters that must not appear raw, and IDNA.

use std::fmt;

use url::{Position, Url};

use crate::digest::sha256_hex;

/// Maximum length of a URL in bytes, both as written and after percent-encoding.
pub const MAX_URL: usize = 8 * 1024;

/// File names of a directory's index page, which is the same page as the directory.
const INDEX_FILES: [&str; 3] = ["index.html", "index.htm", "index.php"];

/// Prefixes of tracking parameters, which record where a visitor came from and do not change the page: Urchin and
/// Google Analytics, Matomo, HubSpot's ads.
const TRACKING_PREFIXES: [&str; 3] = ["utm_", "mtm_", "hsa_"];

/// Names of further tracking parameters. Lower case, since names are compared without regard to case; sorted, for
/// binary search.
const TRACKING: [&str; 43] = [
    // HubSpot: __hs… and _hs…; Drip: __s.
    "__hsfp",
    "__hssc",
    "__hstc",
    "__s",
    // Branch, Google Analytics' linker, Klaviyo, Openstat.
    "_branch_match_id",
    "_ga",
    "_gl",
    "_hsenc",
    "_hsmi",
    "_kx",
    "_openstat",
    // DoubleClick, Pinterest, Meta.
    "dclid",
    "epik",
    "fbclid",
    // Google Ads.
    "gad_campaignid",
    "gad_source",
    "gbraid",
    "gclid",
    "gclsrc",
    // HubSpot's buttons; Instagram; Impact.
    "hsctatracking",
    "igsh",
    "igshid",
    "irclickid",
    // LinkedIn; Mailchimp; Marketo; MailerLite; Microsoft Ads.
    "li_fat_id",
    "mc_cid",
    "mc_eid",
    "mkt_tok",
    "ml_subscriber",
    "ml_subscriber_hash",
    "msclkid",
    // Omeda; Piwik.
    "oly_anon_id",
    "oly_enc_id",
    "pk_campaign",
    "pk_kwd",
    "pk_source",
    // Snapchat; Google Shopping; TikTok; X; Vero; Google Ads on the web to app; Wicked Reports; Yandex.
    "sccid",
    "srsltid",
    "ttclid",
    "twclid",
    "vero_id",
    "wbraid",
    "wickedid",
    "yclid",
];

/// A page's URL as it is shown: normalised, without a fragment. http or https, with a host, without userinfo, at most
/// [`MAX_URL`] bytes, ASCII only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalUrl(Url);

impl CanonicalUrl {
    /// Returns the canonical form of a URL. Returns `None` if it has another scheme, no host, userinfo, or is too long.
    pub fn of(url: &Url) -> Option<CanonicalUrl> {
        let userinfo = !url.username().is_empty() || url.password().is_some();
        let page = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|h| !h.is_empty());
        if userinfo || !page || url.as_str().len() > MAX_URL {
            return None;
        }
        let mut text = String::with_capacity(url.as_str().len());
        text.push_str(&url[..Position::BeforePath]);
        text.push_str(&normalize_escapes(url.path()));
        if let Some(query) = url.query() {
            text.push('?');
            text.push_str(&normalize_escapes(query));
        }
        // This still parses: only unreserved characters and the case of escapes have changed.
        Url::parse(&text).ok().map(CanonicalUrl)
    }

    /// Parses `text`, which must be an absolute URL. Returns `None` as [`CanonicalUrl::of`] does, or if it is no URL.
    pub fn parse(text: &str) -> Option<CanonicalUrl> {
        if text.len() > MAX_URL {
            return None;
        }
        CanonicalUrl::of(&Url::parse(text).ok()?)
    }

    /// Returns the URL.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Returns the URL as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns whether both URLs have the same host: the same name or address and the same port. The default ports of
    /// http and https count as the same. A name with `www.` is another host than the name without it.
    pub fn same_host(&self, other: &CanonicalUrl) -> bool {
        (self.0.host_str(), self.0.port()) == (other.0.host_str(), other.0.port())
    }

    /// Returns the key that this page is compared by.
    pub fn key(&self) -> PageKey {
        let mut key = String::with_capacity(self.as_str().len());
        key.push_str(&self.0[..Position::BeforePath]);
        key.push_str(strip_index_names(self.0.path()));
        let kept = self.0.query().map(without_tracking).filter(|q| !q.is_empty());
        if let Some(query) = kept {
            key.push('?');
            key.push_str(&query);
        }
        PageKey(key)
    }
}

impl fmt::Display for CanonicalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What identifies a page: its canonical URL without trailing slashes, a directory's index name, tracking parameters
/// and an empty query. Equal keys mean one page. It looks like a URL, but must not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageKey(String);

impl PageKey {
    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns 32 hexadecimal digits for use in a row's key: the first half of the key's SHA-256. Must never change,
    /// since stored rows contain it.
    pub fn hash(&self) -> String {
        let mut hex = sha256_hex(self.0.as_bytes());
        hex.truncate(32);
        hex
    }
}

/// Strips trailing slashes and index names from a path, repeatedly: `/a/index.html/`, `/a/index.html` and `/a` are one
/// page. The root stays `/`.
fn strip_index_names(path: &str) -> &str {
    let mut left = path;
    loop {
        let bare = left.trim_end_matches('/');
        let (parent, last) = bare.rsplit_once('/').unwrap_or(("", bare));
        if INDEX_FILES.contains(&last) {
            left = parent;
        } else if bare.is_empty() {
            return "/";
        } else {
            return bare;
        }
    }
}

/// Returns a query without its tracking parameters. The others keep their spelling and order.
fn without_tracking(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !is_tracking(pair.split('=').next().unwrap_or_default()));
    pairs.collect::<Vec<_>>().join("&")
}

fn is_tracking(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TRACKING_PREFIXES.iter().any(|p| name.starts_with(p)) || TRACKING.binary_search(&name.as_str()).is_ok()
}

/// Returns whether a byte has the same meaning as itself and percent-encoded (RFC 3986 §2.3).
pub fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Decodes the percent-encoded octet, three bytes long, that `bytes` begins with (RFC 3986 §2.1).
pub fn escaped_octet(bytes: &[u8]) -> Option<u8> {
    let (&[b'%', high, low], _) = bytes.split_first_chunk::<3>()? else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Normalises percent-encoding (RFC 3986 §6.2.2.1 and §6.2.2.2): unreserved characters are decoded, hexadecimal digits
/// are in upper case. A `%` that begins no escape stays, and the two characters after it are not decoded, so that they
/// cannot complete an escape.
pub fn normalize_escapes(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    // Where to copy from `text` next; everything before it is in `out`. Always at a character boundary.
    let (mut copied, mut at) = (0, 0);
    // The end of the part of `out` in which a decoded character could complete an escape.
    let mut open_until = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            at += 1;
            continue;
        }
        out.push_str(&text[copied..at]);
        match escaped_octet(&bytes[at..]) {
            Some(octet) if is_unreserved(octet) && out.len() >= open_until => out.push(char::from(octet)),
            Some(_) => out.push_str(&text[at..at + 3].to_ascii_uppercase()),
            None => {
                out.push('%');
                open_until = out.len() + 2;
                at += 1;
                copied = at;
                continue;
            }
        }
        at += 3;
        copied = at;
    }
    out.push_str(&text[copied..]);
    out
}

#[cfg(test)]
mod tests;
