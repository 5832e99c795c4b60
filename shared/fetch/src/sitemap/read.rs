//! Reads one sitemap file as it arrives: decompresses it, recognises its format, and hands on its URLs one by one.

mod markup;
mod wide;

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

/// Where in a file a URL stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a `url` of a `urlset`, in an entry of a feed, or on a line.
    Page,
    /// In a `sitemap` of a `sitemapindex`.
    Sitemap,
}

/// Whether the consumer of the URLs wants more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    More,
    /// Yes, but judging that URL took long: other tasks get a turn first.
    Slow,
    Full,
}

/// Consumes URLs.
type Take<'a> = dyn FnMut(Place, Url) -> Sink + Send + 'a;

/// The uncompressed bytes of a file.
type Plain<'a> = Bounded<BufReader<Box<dyn AsyncRead + Unpin + Send + 'a>>>;

/// Reads a response from `base`. The limit of `max` bytes applies to the bytes as sent, between layers of compression,
/// and uncompressed. URLs read before an error have been handed on.
pub(super) async fn read(response: Response, base: &Url, max: usize, take: &mut Take<'_>) -> Result<(), FetchError> {
    check_status(&response)?;
    let coding = coding(response.headers())?;
    let failed = |error| explain(&error, max);
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
    read_plain(plain, base, max, take).await
}

/// Reads an uncompressed file that is in memory.
pub(super) async fn read_bytes(file: &[u8], base: &Url, max: usize, take: &mut Take<'_>) -> Result<(), FetchError> {
    read_plain(Box::new(file), base, max, take).await
}

/// Reads an uncompressed file.
async fn read_plain(
    mut plain: Box<dyn AsyncRead + Unpin + Send + '_>,
    base: &Url,
    max: usize,
    take: &mut Take<'_>,
) -> Result<(), FetchError> {
    let failed = |error| explain(&error, max);
    let start = start_of(&mut plain).await.map_err(failed)?;
    let wide = wide::encoding_of(&start);
    let whole = io::Cursor::new(start).chain(plain);
    let plain: Box<dyn AsyncRead + Unpin + Send + '_> = match wide {
        Some(encoding) => Box::new(wide::Transcoded::new(
            BufReader::new(Bounded::new(BufReader::new(whole), max, usize::MAX)),
            encoding,
        )),
        None => Box::new(whole),
    };
    let mut file = Bounded::new(BufReader::new(plain), max, MAX_ITEM);
    let markup = is_markup(&mut file).await.map_err(failed)?;
    file.next_item();
    if markup { markup::read(file, base, max, take).await } else { read_lines(&mut file, take).await.map_err(failed) }
}

/// Reads the first two bytes, which may arrive separately.
async fn start_of(file: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(2);
    while start.len() < 2 && (&mut *file).take(2 - start.len() as u64).read_buf(&mut start).await? > 0 {}
    Ok(start)
}

/// Skips a byte order mark and white space, which no parser needs, and returns whether markup follows.
async fn is_markup(file: &mut Plain<'_>) -> io::Result<bool> {
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
async fn read_lines(file: &mut Plain<'_>, take: &mut Take<'_>) -> io::Result<()> {
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line).await? > 0 {
        for text in line.split(|b| *b == b'\r').filter_map(|text| std::str::from_utf8(text).ok()) {
            let Ok(url) = check_url(text.trim()) else { continue };
            match take(Place::Page, url) {
                Sink::More => {}
                Sink::Slow => tokio::task::yield_now().await,
                Sink::Full => return Ok(()),
            }
        }
        line.clear();
        file.next_item();
        tokio::task::consume_budget().await;
    }
    Ok(())
}

pub(super) fn no_sitemap() -> FetchError {
    FetchError::Unsupported("the sitemap is neither a urlset nor a sitemapindex nor a feed".into())
}

fn broken(at: u64) -> FetchError {
    FetchError::Unsupported(format!("the sitemap breaks off at byte {at}"))
}

/// Translates an error of reading.
fn explain(error: &io::Error, max: usize) -> FetchError {
    match (find::<TooLong>(error), find::<reqwest::Error>(error)) {
        (Some(TooLong::File), _) => {
            FetchError::Unsupported(format!("the sitemap is over {max} bytes, the maximum size"))
        }
        (Some(TooLong::Item), _) => {
            FetchError::Unsupported(format!("the sitemap has a line, a tag or a text of over {MAX_ITEM} bytes"))
        }
        (None, Some(error)) => fault::explain(error, &Refusal::Name),
        (None, None) => FetchError::Unsupported("the compressed sitemap is damaged or cut off".into()),
    }
}

#[cfg(test)]
mod tests;
