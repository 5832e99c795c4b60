//! Reads one sitemap file as it arrives: decompresses it, recognises its format, and passes on its URLs one by one.

mod markup;
mod utf16;

use std::io;

use async_compression::tokio::bufread::GzipDecoder;
use reqwest::Response;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use url::Url;

use super::MAX_ITEM;
use crate::body::check_status;
use crate::bounded::{Bounded, TooLong};
use crate::decode::{coding, decoded};
use crate::error::FetchError;
use crate::error_chain::find;
use crate::fault;
use crate::guard::Refusal;
use crate::target::check_url;

/// What a URL in a file leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UrlKind {
    /// A page: from a `url` of a `urlset`, an entry of a feed, or a line.
    Page,
    /// Another file: from a `sitemap` of a `sitemapindex`.
    Sitemap,
}

/// Whether to read on after a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    /// Continue after other tasks have had a turn: checking that URL took long.
    Yield,
    Stop,
}

/// Consumes URLs.
type UrlSink<'a> = dyn FnMut(UrlKind, Url) -> Flow + Send + 'a;

/// The uncompressed bytes of a file.
type PlainFile<'a> = Bounded<BufReader<Box<dyn AsyncRead + Unpin + Send + 'a>>>;

/// Reads a response from `base`. The limit of `max` bytes applies to the bytes as sent, between layers of compression,
/// and uncompressed. URLs read before an error have been passed on.
pub(super) async fn read(response: Response, base: &Url, max: usize, sink: &mut UrlSink<'_>) -> Result<(), FetchError> {
    check_status(&response)?;
    let coding = coding(response.headers())?;
    let failed = |error| translate(&error, max);
    let mut sent = decoded(response, coding, max).await.map_err(failed)?;
    let start = start_of(&mut sent).await.map_err(failed)?;
    let packed = start == b"\x1f\x8b";
    let file = BufReader::new(io::Cursor::new(start).chain(sent));
    let plain: Box<dyn AsyncRead + Unpin + Send> = if packed {
        let mut decoder = GzipDecoder::new(Bounded::new(file, max, usize::MAX));
        decoder.multiple_members(true);
        Box::new(decoder)
    } else {
        Box::new(file)
    };
    read_plain(plain, base, max, sink).await
}

/// Reads an uncompressed file that is in memory.
pub(super) async fn read_bytes(file: &[u8], base: &Url, max: usize, sink: &mut UrlSink<'_>) -> Result<(), FetchError> {
    read_plain(Box::new(file), base, max, sink).await
}

/// Reads an uncompressed file.
async fn read_plain(
    mut plain: Box<dyn AsyncRead + Unpin + Send + '_>,
    base: &Url,
    max: usize,
    sink: &mut UrlSink<'_>,
) -> Result<(), FetchError> {
    let failed = |error| translate(&error, max);
    let start = start_of(&mut plain).await.map_err(failed)?;
    let utf16 = utf16::encoding_of(&start);
    let file = io::Cursor::new(start).chain(plain);
    let plain: Box<dyn AsyncRead + Unpin + Send + '_> = match utf16 {
        Some(encoding) => Box::new(utf16::Transcoded::new(
            BufReader::new(Bounded::new(BufReader::new(file), max, usize::MAX)),
            encoding,
        )),
        None => Box::new(file),
    };
    let mut file = Bounded::new(BufReader::new(plain), max, MAX_ITEM);
    let markup = is_markup(&mut file).await.map_err(failed)?;
    file.next_item();
    if markup { markup::read(file, base, max, sink).await } else { read_lines(&mut file, sink).await.map_err(failed) }
}

/// Reads the first two bytes, which may arrive separately.
async fn start_of(file: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(2);
    while start.len() < 2 && (&mut *file).take(2 - start.len() as u64).read_buf(&mut start).await? > 0 {}
    Ok(start)
}

/// Skips a byte order mark and white space, which no parser needs, and returns whether markup follows.
async fn is_markup(file: &mut PlainFile<'_>) -> io::Result<bool> {
    loop {
        let bytes = file.fill_buf().await?;
        let blank = bytes.iter().take_while(|b| b.is_ascii_whitespace() || matches!(b, 0xef | 0xbb | 0xbf)).count();
        match bytes.get(blank) {
            Some(first) => {
                let markup = *first == b'<';
                file.consume(blank);
                return Ok(markup);
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

/// Reads one URL per line; skips lines that are not URLs.
async fn read_lines(file: &mut PlainFile<'_>, sink: &mut UrlSink<'_>) -> io::Result<()> {
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line).await? > 0 {
        for text in line.split(|b| *b == b'\r').filter_map(|text| std::str::from_utf8(text).ok()) {
            let Ok(url) = check_url(text.trim()) else { continue };
            match sink(UrlKind::Page, url) {
                Flow::Continue => {}
                Flow::Yield => tokio::task::yield_now().await,
                Flow::Stop => return Ok(()),
            }
        }
        line.clear();
        file.next_item();
        tokio::task::consume_budget().await;
    }
    Ok(())
}

pub(super) fn not_a_sitemap() -> FetchError {
    FetchError::Unsupported("the sitemap is neither a urlset nor a sitemapindex nor a feed".into())
}

fn truncated(at: u64) -> FetchError {
    FetchError::Unsupported(format!("the sitemap breaks off at byte {at}"))
}

/// Translates an error of reading.
fn translate(error: &io::Error, max: usize) -> FetchError {
    match (find::<TooLong>(error), find::<reqwest::Error>(error)) {
        (Some(TooLong::File), _) => {
            FetchError::Unsupported(format!("the sitemap is over {max} bytes, the maximum size"))
        }
        (Some(TooLong::Item), _) => {
            FetchError::Unsupported(format!("the sitemap has a line, a tag or a text of over {MAX_ITEM} bytes"))
        }
        (None, Some(error)) => fault::translate(error, &Refusal::Name),
        (None, None) => FetchError::Unsupported("the compressed sitemap is damaged or cut off".into()),
    }
}

#[cfg(test)]
mod tests;
