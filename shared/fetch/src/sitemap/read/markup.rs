//! Parses the markup of a sitemap or feed as it arrives and as leniently as possible: accepts names in any case,
//! unclosed tags, bytes that are no characters, stray ampersands. An unreadable part costs one URL, not those around
//! it. Reads no DTD, and no entities except the five of XML and character references. Sources: sitemaps.org, protocol
//! 0.9; RSS 2.0; RSS 1.0; Atom (RFC 4287).

use encoding_rs::{Encoding, UTF_8};
use tokio::io::AsyncBufReadExt;
use url::Url;

use super::{Flow, PlainFile, UrlKind, UrlSink, not_a_sitemap, translate, truncated};
use crate::error::FetchError;
use crate::target::{MAX_URL, check_parsed};

/// The format of a file, by its root element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    UrlSet,
    Index,
    /// Any version of RSS.
    Rss,
    Atom,
}

impl Kind {
    fn of(root: &str) -> Option<Kind> {
        Some(match root {
            "urlset" => Kind::UrlSet,
            "sitemapindex" => Kind::Index,
            "rss" | "rdf" => Kind::Rss,
            "feed" => Kind::Atom,
            _ => return None,
        })
    }

    /// Returns the names of the element of an entry and of the element in it that holds the URL.
    fn element_names(self) -> (&'static str, &'static str) {
        match self {
            Kind::UrlSet => ("url", "loc"),
            Kind::Index => ("sitemap", "loc"),
            Kind::Rss => ("item", "link"),
            Kind::Atom => ("entry", "link"),
        }
    }

    fn url_kind(self) -> UrlKind {
        if self == Kind::Index { UrlKind::Sitemap } else { UrlKind::Page }
    }
}

/// The state of the parser.
struct Parser<'a> {
    base: &'a Url,
    encoding: &'static Encoding,
    /// The root element: the format it implies, its local name and its prefix.
    root: Option<(Kind, String, String)>,
    /// Whether the parser is inside an entry.
    in_entry: bool,
    /// The URL being read.
    url_text: Option<UrlText>,
}

/// The text of a URL so far; `None` if it is unreadable.
struct UrlText {
    text: Option<String>,
}

impl UrlText {
    fn push(&mut self, piece: Option<&str>) {
        match (&mut self.text, piece) {
            // Beyond the maximum length of a URL, only enough is kept to recognise it as too long.
            (Some(text), Some(piece)) if text.len() <= MAX_URL => text.push_str(piece),
            (Some(_), Some(_)) => {}
            (text, _) => *text = None,
        }
    }
}

/// What follows from a tag.
enum TagOutcome {
    Continue,
    /// The tag completes a URL.
    Url(Url),
    /// The tag ends the file.
    End,
}

impl Parser<'_> {
    fn decoded(&self, bytes: &[u8]) -> Option<String> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(text.to_owned()),
            Err(_) if self.encoding == UTF_8 => None,
            Err(_) => self.encoding.decode_without_bom_handling_and_without_replacement(bytes).map(Into::into),
        }
    }

    fn push_text(&mut self, bytes: &[u8], escaped: bool) {
        if self.url_text.is_none() || bytes.is_empty() {
            return;
        }
        let text = self.decoded(bytes);
        let text = if escaped { text.and_then(|t| resolve_references(&t)) } else { text };
        if let Some(url_text) = &mut self.url_text {
            url_text.push(text.as_deref());
        }
    }

    fn parse_url(&self, text: &str) -> Option<Url> {
        let text = text.trim();
        let url = if text.is_empty() || text.len() > MAX_URL { None } else { self.base.join(text).ok() };
        url.filter(|url| check_parsed(url).is_ok())
    }

    /// Ends the URL being read; any tag does.
    fn finish_url(&mut self) -> TagOutcome {
        let text = self.url_text.take().and_then(|a| a.text);
        text.and_then(|text| self.parse_url(&text)).map_or(TagOutcome::Continue, TagOutcome::Url)
    }

    /// Processes a tag without its brackets. Returns `None` if this is not a sitemap.
    fn handle_tag(&mut self, tag: &[u8]) -> Option<TagOutcome> {
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
            return Some(if tag.ends_with(b"/") { TagOutcome::End } else { TagOutcome::Continue });
        };
        let (entry, url_element) = kind.element_names();
        // Extensions use prefixes of their own (`image:loc`, `atom:link`). RSS 1.0 has a prefix only at its root. So do
        // files that somebody assembled from two others.
        let own = prefix == root_prefix || prefix.is_empty();
        let is_root = closes && local == root && prefix == root_prefix;
        let (is_entry, is_url_element) = (own && local == entry, own && local == url_element);
        let atom = *kind == Kind::Atom;
        let outcome = self.finish_url();
        if is_entry {
            self.in_entry = !closes && !tag.ends_with(b"/");
        } else if is_url_element && self.in_entry && !closes {
            if atom {
                return Some(self.atom_link(&tag[end..]).map_or(TagOutcome::Continue, TagOutcome::Url));
            }
            if !tag.ends_with(b"/") {
                self.url_text = Some(UrlText { text: Some(String::new()) });
            }
        }
        Some(if is_root && matches!(outcome, TagOutcome::Continue) { TagOutcome::End } else { outcome })
    }

    /// Returns the URL of an Atom `<link>`, if it leads to the entry itself and not to related content.
    fn atom_link(&self, attributes: &[u8]) -> Option<Url> {
        let attributes = self.decoded(attributes)?;
        let rel = attribute(&attributes, "rel");
        if rel.is_some_and(|rel| !rel.trim().eq_ignore_ascii_case("alternate")) {
            return None;
        }
        self.parse_url(&resolve_references(attribute(&attributes, "href")?)?)
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

/// Resolves the references in a text; `None` if one is unknown. Keeps an ampersand that starts no reference: it is the
/// most common mistake, and its meaning is obvious.
fn resolve_references(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let name = after.split_once(';').map(|(name, _)| name);
        match name.filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#')) {
            Some(name) => {
                out.push(resolve_reference(name)?);
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

fn resolve_reference(name: &str) -> Option<char> {
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
pub(super) async fn read(
    mut file: PlainFile<'_>,
    base: &Url,
    max: usize,
    sink: &mut UrlSink<'_>,
) -> Result<(), FetchError> {
    let mut parser = Parser { base, encoding: UTF_8, root: None, in_entry: false, url_text: None };
    let (mut text, mut tag, mut count) = (Vec::new(), Vec::new(), 0u64);
    loop {
        text.clear();
        count += file.read_until(b'<', &mut text).await.map_err(|e| translate(&e, max))? as u64;
        let ended = text.pop_if(|b| *b == b'<').is_none();
        parser.push_text(&text, true);
        if ended {
            // The file may be cut off inside an entry, or merely lack its end tag.
            return if parser.root.is_some() && !parser.in_entry && parser.url_text.is_none() {
                Ok(())
            } else {
                Err(truncated(count))
            };
        }
        tag.clear();
        count += read_tag(&mut file, &mut tag).await.map_err(|e| translate(&e, max))? as u64;
        file.next_item();
        let Some(inner) = tag.strip_suffix(b">") else { return Err(truncated(count)) };
        match inner {
            [b'!', ..] => {
                if let Some(data) = inner.strip_prefix(b"![CDATA[").and_then(|d| d.strip_suffix(b"]]")) {
                    parser.push_text(data, false);
                }
            }
            [b'?', ..] => parser.encoding = declared_encoding(inner).unwrap_or(parser.encoding),
            _ => match parser.handle_tag(inner) {
                None => return Err(not_a_sitemap()),
                Some(TagOutcome::Continue) => {}
                Some(TagOutcome::End) => return Ok(()),
                Some(TagOutcome::Url(url)) => {
                    let kind = parser.root.as_ref().map_or(UrlKind::Page, |(kind, ..)| kind.url_kind());
                    match sink(kind, url) {
                        Flow::Continue => {}
                        Flow::Yield => tokio::task::yield_now().await,
                        Flow::Stop => return Ok(()),
                    }
                }
            },
        }
        tokio::task::consume_budget().await;
    }
}

/// Reads to the end of a construct after its opening bracket: a tag, a comment, a CDATA section, or a DTD with its
/// brackets.
async fn read_tag(file: &mut PlainFile<'_>, tag: &mut Vec<u8>) -> std::io::Result<usize> {
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
fn declared_encoding(declaration: &[u8]) -> Option<&'static Encoding> {
    let text = String::from_utf8_lossy(declaration);
    let attributes = text.strip_prefix("?xml")?;
    Encoding::for_label_no_replacement(attribute(attributes, "encoding")?.as_bytes())
}
