//! Parses the markup of a sitemap or feed as it arrives and as leniently as possible: accepts names in any case,
//! unclosed tags, bytes that are no characters, stray ampersands. An unreadable part costs one URL, not those around
//! it. Reads no DTD, and no entities except the five of XML and character references. Sources: sitemaps.org, protocol
//! 0.9; RSS 2.0; RSS 1.0; Atom (RFC 4287).

use encoding_rs::{Encoding, UTF_8};
use tokio::io::AsyncBufReadExt;
use url::Url;

use super::{Place, Plain, Sink, Take, broken, explain, no_sitemap};
use crate::error::FetchError;
use crate::target::{MAX_URL, check_parsed};

/// The format of a file, by its root element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Set,
    Index,
    /// RSS of any version.
    Feed,
    Atom,
}

impl Kind {
    fn of(root: &str) -> Option<Kind> {
        Some(match root {
            "urlset" => Kind::Set,
            "sitemapindex" => Kind::Index,
            "rss" | "rdf" => Kind::Feed,
            "feed" => Kind::Atom,
            _ => return None,
        })
    }

    /// Returns the names of the element of an entry and of the element in it that holds the URL.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Kind::Set => ("url", "loc"),
            Kind::Index => ("sitemap", "loc"),
            Kind::Feed => ("item", "link"),
            Kind::Atom => ("entry", "link"),
        }
    }

    fn place(self) -> Place {
        if self == Kind::Index { Place::Sitemap } else { Place::Page }
    }
}

/// The state of the parser.
struct Position<'a> {
    base: &'a Url,
    encoding: &'static Encoding,
    /// The root element: the format it implies, its local name and its prefix.
    root: Option<(Kind, String, String)>,
    /// Whether the parser is inside an entry.
    inside: bool,
    /// The URL being read.
    address: Option<Address>,
}

/// The text of a URL so far; `None` if it is unreadable.
struct Address {
    text: Option<String>,
}

impl Address {
    fn push(&mut self, piece: Option<&str>) {
        match (&mut self.text, piece) {
            // Beyond the maximum length of a URL, only enough is kept to recognise it as too long.
            (Some(text), Some(piece)) if text.len() <= MAX_URL => text.push_str(piece),
            (Some(_), Some(_)) => {}
            (text, _) => *text = None,
        }
    }
}

/// What a tag leads to.
enum Next {
    Goes,
    Has(Url),
    Ends,
}

impl Position<'_> {
    fn decoded(&self, bytes: &[u8]) -> Option<String> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(text.to_owned()),
            Err(_) if self.encoding == UTF_8 => None,
            Err(_) => self.encoding.decode_without_bom_handling_and_without_replacement(bytes).map(Into::into),
        }
    }

    fn text(&mut self, bytes: &[u8], escaped: bool) {
        if self.address.is_none() || bytes.is_empty() {
            return;
        }
        let text = self.decoded(bytes);
        let text = if escaped { text.and_then(|t| resolved(&t)) } else { text };
        if let Some(address) = &mut self.address {
            address.push(text.as_deref());
        }
    }

    fn url(&self, text: &str) -> Option<Url> {
        let text = text.trim();
        let url = if text.is_empty() || text.len() > MAX_URL { None } else { self.base.join(text).ok() };
        url.filter(|url| check_parsed(url).is_ok())
    }

    /// Ends the URL being read; any tag does.
    fn taken(&mut self) -> Next {
        let address = self.address.take().and_then(|a| a.text);
        address.and_then(|text| self.url(&text)).map_or(Next::Goes, Next::Has)
    }

    /// Processes a tag without its brackets. Returns `None` if this is not a sitemap.
    fn tag(&mut self, tag: &[u8]) -> Option<Next> {
        let (closes, tag) = match tag.strip_prefix(b"/") {
            Some(rest) => (true, rest),
            None => (false, tag),
        };
        let end = tag.iter().position(|b| b.is_ascii_whitespace() || *b == b'/').unwrap_or(tag.len());
        let name = String::from_utf8_lossy(&tag[..end]).to_ascii_lowercase();
        let (prefix, local) = name.split_once(':').unwrap_or(("", &name));
        let Some((kind, root, root_prefix)) = &self.root else {
            if closes {
                return None;
            }
            self.root = Some((Kind::of(local)?, local.to_owned(), prefix.to_owned()));
            return Some(if tag.ends_with(b"/") { Next::Ends } else { Next::Goes });
        };
        let (entry, holder) = kind.names();
        // Extensions use prefixes of their own (`image:loc`, `atom:link`). RSS 1.0 has a prefix at its root only, as
        // have files assembled from two.
        let own = prefix == root_prefix || prefix.is_empty();
        let is_root = closes && local == root && prefix == root_prefix;
        let (is_entry, is_holder) = (own && local == entry, own && local == holder);
        let atom = *kind == Kind::Atom;
        let next = self.taken();
        if is_entry {
            self.inside = !closes && !tag.ends_with(b"/");
        } else if is_holder && self.inside && !closes {
            if atom {
                return Some(self.link(&tag[end..]).map_or(Next::Goes, Next::Has));
            }
            if !tag.ends_with(b"/") {
                self.address = Some(Address { text: Some(String::new()) });
            }
        }
        Some(if is_root && matches!(next, Next::Goes) { Next::Ends } else { next })
    }

    /// Returns the URL of Atom's `<link>`, if it is the entry's own and not that of related content.
    fn link(&self, attributes: &[u8]) -> Option<Url> {
        let attributes = self.decoded(attributes)?;
        let rel = attribute(&attributes, "rel");
        if rel.is_some_and(|rel| !rel.trim().eq_ignore_ascii_case("alternate")) {
            return None;
        }
        self.url(&resolved(attribute(&attributes, "href")?)?)
    }
}

/// Returns the value of an attribute.
fn attribute<'t>(text: &'t str, wanted: &str) -> Option<&'t str> {
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, next) = after[1..].split_once(quote)?;
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next;
    }
    None
}

/// Resolves the references in a text; `None` if one is unknown. An ampersand that starts no reference is the most
/// common mistake, and its meaning is obvious.
fn resolved(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let name = after.split_once(';').map(|(name, _)| name);
        match name.filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#')) {
            Some(name) => {
                out.push(character(name)?);
                rest = &after[name.len() + 1..];
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Some(out)
}

fn character(name: &str) -> Option<char> {
    let number = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => digits.parse().ok()?,
        },
        None => {
            let known = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];
            return known.into_iter().find(|(n, _)| *n == name).map(|(_, c)| c);
        }
    };
    char::from_u32(number).filter(|c| *c != '\0')
}

/// Reads a file that begins with markup; resolves URLs against `base`.
pub(super) async fn read(mut file: Plain<'_>, base: &Url, max: usize, take: &mut Take<'_>) -> Result<(), FetchError> {
    let mut at = Position { base, encoding: UTF_8, root: None, inside: false, address: None };
    let (mut text, mut tag, mut count) = (Vec::new(), Vec::new(), 0u64);
    loop {
        text.clear();
        count += file.read_until(b'<', &mut text).await.map_err(|e| explain(&e, max))? as u64;
        let ended = text.pop_if(|b| *b == b'<').is_none();
        at.text(&text, true);
        if ended {
            // The file may be cut off inside an entry, or merely lack its end tag.
            return if at.root.is_some() && !at.inside && at.address.is_none() { Ok(()) } else { Err(broken(count)) };
        }
        tag.clear();
        count += one_tag(&mut file, &mut tag).await.map_err(|e| explain(&e, max))? as u64;
        file.next_item();
        let Some(inner) = tag.strip_suffix(b">") else { return Err(broken(count)) };
        match inner {
            [b'!', ..] => {
                if let Some(data) = inner.strip_prefix(b"![CDATA[").and_then(|d| d.strip_suffix(b"]]")) {
                    at.text(data, false);
                }
            }
            [b'?', ..] => at.encoding = declared(inner).unwrap_or(at.encoding),
            _ => match at.tag(inner) {
                None => return Err(no_sitemap()),
                Some(Next::Goes) => {}
                Some(Next::Ends) => return Ok(()),
                Some(Next::Has(url)) => {
                    let place = at.root.as_ref().map_or(Place::Page, |(kind, ..)| kind.place());
                    match take(place, url) {
                        Sink::More => {}
                        Sink::Slow => tokio::task::yield_now().await,
                        Sink::Full => return Ok(()),
                    }
                }
            },
        }
        tokio::task::consume_budget().await;
    }
}

/// Reads to the end of a construct after its opening bracket: a tag, a comment, a CDATA section, or a DTD with its
/// brackets.
async fn one_tag(file: &mut Plain<'_>, tag: &mut Vec<u8>) -> std::io::Result<usize> {
    let (mut count, mut open) = (0, 0usize);
    loop {
        let read = file.read_until(b'>', tag).await?;
        let new = &tag[tag.len() - read..];
        open = (open + new.iter().filter(|b| **b == b'[').count())
            .saturating_sub(new.iter().filter(|b| **b == b']').count());
        count += read;
        let done = if tag.starts_with(b"!--") {
            tag.len() >= 6 && tag.ends_with(b"-->")
        } else if tag.starts_with(b"![CDATA[") {
            tag.ends_with(b"]]>")
        } else if tag.first() == Some(&b'!') {
            open == 0
        } else {
            true
        };
        if done || read == 0 {
            return Ok(count);
        }
    }
}

/// Returns the encoding that an XML declaration names.
fn declared(declaration: &[u8]) -> Option<&'static Encoding> {
    let text = String::from_utf8_lossy(declaration);
    let attributes = text.strip_prefix("?xml")?;
    Encoding::for_label_no_replacement(attribute(attributes, "encoding")?.as_bytes())
}
