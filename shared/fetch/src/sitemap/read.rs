//! One sitemap file as it comes: unpacked, told apart, and its URLs handed on one by one.

use std::io;

use async_compression::tokio::bufread::GzipDecoder;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use reqwest::Response;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use url::Url;

use super::MAX_ITEM;
use crate::body::check_status;
use crate::bounded::{Bounded, TooLong};
use crate::decode::{coding, decoded};
use crate::error::FetchError;
use crate::fault::{explain, find};
use crate::guard::Refusal;
use crate::target::{MAX_URL, check_url};

/// Deepest nesting of elements; a sitemap with every known extension has five.
const MAX_DEPTH: usize = 32;

/// Where a URL stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a `url` of a `urlset`, or on a line.
    Page,
    /// In a `sitemap` of a `sitemapindex`.
    Sitemap,
}

/// Whether whoever takes the URLs wants more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    More,
    Full,
}

/// Takes URLs.
type Take<'a> = dyn FnMut(Place, Url) -> Sink + Send + 'a;

/// What is read: the plain bytes of a file.
type Plain<'a> = Bounded<BufReader<Box<dyn AsyncRead + Unpin + Send + 'a>>>;

/// Reads a response of at most `max` bytes: as sent, between its packings and unpacked. URLs that were read before an
/// error have been handed on.
pub(super) async fn read(response: Response, max: usize, take: &mut Take<'_>) -> Result<(), FetchError> {
    check_status(&response)?;
    let coding = coding(response.headers())?;
    let failed = |error| said(&error, max);
    let mut sent = decoded(response, coding, max).await.map_err(failed)?;
    // The mark of gzip may come in two pieces.
    let mut start = Vec::with_capacity(2);
    while start.len() < 2 && (&mut sent).take(2 - start.len() as u64).read_buf(&mut start).await.map_err(failed)? > 0 {}
    let packed = start == b"\x1f\x8b";
    let file = BufReader::new(io::Cursor::new(start).chain(sent));
    let plain: Box<dyn AsyncRead + Unpin + Send> = if packed {
        let mut decoder = GzipDecoder::new(Bounded::new(file, max, usize::MAX));
        decoder.multiple_members(true);
        Box::new(decoder)
    } else {
        Box::new(file)
    };
    read_plain(Bounded::new(BufReader::new(plain), max, MAX_ITEM), max, take).await
}

/// The same of a file that is there already and not packed.
pub(super) async fn read_bytes(file: &[u8], max: usize, take: &mut Take<'_>) -> Result<(), FetchError> {
    let plain: Box<dyn AsyncRead + Unpin + Send + '_> = Box::new(file);
    read_plain(Bounded::new(BufReader::new(plain), max, MAX_ITEM), max, take).await
}

/// Reads a file that is not packed.
async fn read_plain(mut file: Plain<'_>, max: usize, take: &mut Take<'_>) -> Result<(), FetchError> {
    let failed = |error| said(&error, max);
    let xml = is_xml(&mut file).await.map_err(failed)?;
    file.next_item();
    if xml { read_xml(file, max, take).await } else { read_lines(&mut file, take).await.map_err(failed) }
}

/// Passes over a byte order mark and white space, which no parser misses, to see what comes first.
async fn is_xml(file: &mut Plain<'_>) -> io::Result<bool> {
    loop {
        let bytes = file.fill_buf().await?;
        let blank = bytes.iter().take_while(|b| b.is_ascii_whitespace() || matches!(b, 0xef | 0xbb | 0xbf)).count();
        match bytes.get(blank) {
            Some(first) => {
                let xml = *first == b'<';
                file.consume(blank);
                return Ok(xml);
            }
            None if bytes.is_empty() => return Ok(false),
            None => {
                file.consume(blank);
                file.next_item();
            }
        }
        tokio::task::consume_budget().await;
    }
}

/// A URL a line; what is none is passed over.
async fn read_lines(file: &mut Plain<'_>, take: &mut Take<'_>) -> io::Result<()> {
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line).await? > 0 {
        for text in line.split(|b| *b == b'\r').filter_map(|text| std::str::from_utf8(text).ok()) {
            if let Ok(url) = check_url(text.trim())
                && take(Place::Page, url) == Sink::Full
            {
                return Ok(());
            }
        }
        line.clear();
        file.next_item();
        tokio::task::consume_budget().await;
    }
    Ok(())
}

/// Where the parser is. The protocol knows `urlset/url/loc` and `sitemapindex/sitemap/loc`; extensions have `loc` too, but
/// further down.
#[derive(Default)]
struct Position {
    depth: usize,
    /// What the root's children hold.
    place: Option<Place>,
    /// Whether the second element is one that the root should have.
    inside: bool,
    /// The text of a `loc` so far.
    loc: Option<String>,
}

impl Position {
    /// Enters an element; `false` if this is no sitemap.
    fn enter(&mut self, name: &str) -> bool {
        self.depth += 1;
        match (self.depth, self.place) {
            (1, _) => {
                self.place = match name {
                    "urlset" => Some(Place::Page),
                    "sitemapindex" => Some(Place::Sitemap),
                    _ => None,
                };
            }
            (2, Some(Place::Page)) => self.inside = name == "url",
            (2, Some(Place::Sitemap)) => self.inside = name == "sitemap",
            (3, _) if self.inside && name == "loc" => self.loc = Some(String::new()),
            _ => {}
        }
        self.place.is_some() && self.depth <= MAX_DEPTH
    }

    /// Leaves one; the URL if it was a `loc` and has one.
    fn leave(&mut self) -> Option<Url> {
        let loc = if self.depth == 3 { self.loc.take() } else { None };
        self.depth = self.depth.saturating_sub(1);
        check_url(loc?.trim()).ok()
    }

    /// Text of the element that is open. Of what is too long for a URL enough is kept to be too long.
    fn text(&mut self, text: &str) {
        if let (3, Some(loc)) = (self.depth, &mut self.loc)
            && loc.len() <= MAX_URL
        {
            loc.push_str(text);
        }
    }

    /// The `loc` that is open can't be read.
    fn spoil(&mut self) {
        self.loc = None;
    }
}

/// The XML of a sitemap. No entities but the five predefined ones and character references: a URL with another is left
/// out, and what a DTD says is not read.
async fn read_xml(file: Plain<'_>, max: usize, take: &mut Take<'_>) -> Result<(), FetchError> {
    let mut reader = Reader::from_reader(file);
    // An ampersand that is none is the commonest mistake, and what it means is plain.
    reader.config_mut().allow_dangling_amp = true;
    let mut at = Position::default();
    let mut item = Vec::new();
    loop {
        let event = match reader.read_event_into_async(&mut item).await {
            Ok(event) => event,
            Err(quick_xml::Error::Io(error)) => return Err(said(&error, max)),
            Err(_) => return Err(broken(reader.error_position())),
        };
        match event {
            Event::Start(element) => {
                if !at.enter(element.local_name().as_ref()) {
                    return Err(no_sitemap());
                }
            }
            Event::Empty(element) => {
                if !at.enter(element.local_name().as_ref()) {
                    return Err(no_sitemap());
                }
                at.leave();
                if at.depth == 0 {
                    return Ok(());
                }
            }
            Event::End(_) => {
                if let (Some(url), Some(place)) = (at.leave(), at.place)
                    && take(place, url) == Sink::Full
                {
                    return Ok(());
                }
                if at.depth == 0 {
                    return Ok(());
                }
            }
            Event::Text(text) => at.text(&text.into_inner()),
            Event::CData(text) => at.text(&text.into_inner()),
            Event::GeneralRef(name) => match (resolve_predefined_entity(&name), name.resolve_char_ref()) {
                (Some(text), _) => at.text(text),
                (None, Ok(Some(c))) => at.text(c.encode_utf8(&mut [0; 4])),
                (None, _) => at.spoil(),
            },
            Event::Eof => return Err(broken(reader.buffer_position())),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
        item.clear();
        reader.get_mut().next_item();
        tokio::task::consume_budget().await;
    }
}

fn no_sitemap() -> FetchError {
    FetchError::Unsupported("the sitemap is neither a urlset nor a sitemapindex".into())
}

fn broken(at: u64) -> FetchError {
    FetchError::Unsupported(format!("the sitemap is not well-formed XML from byte {at} on"))
}

/// What an error of reading means.
fn said(error: &io::Error, max: usize) -> FetchError {
    match (find::<TooLong>(error), find::<reqwest::Error>(error)) {
        (Some(TooLong::File), _) => {
            FetchError::Unsupported(format!("the sitemap is over {max} bytes, the most that is read"))
        }
        (Some(TooLong::Item), _) => {
            FetchError::Unsupported(format!("the sitemap has a line, a tag or a text over {MAX_ITEM} bytes"))
        }
        (None, Some(error)) => explain(error, &Refusal::Name),
        (None, None) => FetchError::Unsupported("the sitemap's compression is damaged or cut off".into()),
    }
}

#[cfg(test)]
mod tests;
