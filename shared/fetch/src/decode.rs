//! From a response to its bytes, content-decoded as they come. Our own use of the decoders and not the client's, because
//! what is sent has to be counted too: a stream of nothing but empty blocks never decodes to a byte that could be.

use std::io;

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder};
use futures_util::TryStreamExt;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use tokio::io::{AsyncBufReadExt, AsyncRead};
use tokio_util::io::StreamReader;

use crate::bounded::{Bounded, TooLong};
use crate::error::FetchError;
use crate::fault::{explain, find};
use crate::guard::Refusal;

/// `Accept-Encoding` of every request: what [`coding`] knows.
pub(crate) const ACCEPTED: &str = "gzip, br, deflate";

/// The first byte of a brotli stream whose window is larger than RFC 7932 knows (§9.1 calls it reserved), up to a
/// gigabyte. The decoder would take it, and its memory is as large as the window.
const LARGE_WINDOW: u8 = 0x11;

/// A body, decoded.
pub(crate) type Decoded = Box<dyn AsyncRead + Unpin + Send>;

/// How a body is packed (RFC 9110 §8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
}

/// The one layer of encoding that a response says it has.
///
/// # Errors
/// One that is not known, or more than one.
pub(crate) fn coding(headers: &HeaderMap) -> Result<Coding, FetchError> {
    let lines = headers.get_all(CONTENT_ENCODING).iter().flat_map(|line| line.as_bytes().split(|b| *b == b','));
    let mut layers =
        lines.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"));
    let is = |name: &[u8], what: &str| name.eq_ignore_ascii_case(what.as_bytes());
    match (layers.next(), layers.next()) {
        (None, _) => Ok(Coding::Identity),
        (Some(name), None) if is(name, "gzip") || is(name, "x-gzip") => Ok(Coding::Gzip),
        (Some(name), None) if is(name, "deflate") => Ok(Coding::Deflate),
        (Some(name), None) if is(name, "br") => Ok(Coding::Brotli),
        (Some(_), _) => {
            let text = "the Content-Encoding can't be read; one layer of gzip, br or deflate can";
            Err(FetchError::Unsupported(text.into()))
        }
    }
}

/// The body of a response. It ends in an error where more than `most` bytes are sent; how many they decode to is for
/// whoever reads it to count.
pub(crate) async fn decoded(response: Response, coding: Coding, most: usize) -> io::Result<Decoded> {
    let sent = StreamReader::new(response.bytes_stream().map_err(io::Error::other));
    let mut sent = Bounded::new(sent, most, usize::MAX);
    // Servers say that nothing is packed, too.
    let first = if coding == Coding::Identity { None } else { sent.fill_buf().await?.first().copied() };
    Ok(match (coding, first) {
        (Coding::Identity, _) | (_, None) => Box::new(sent),
        (Coding::Gzip, _) => {
            let mut decoder = GzipDecoder::new(sent);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        (Coding::Deflate, _) => Box::new(ZlibDecoder::new(sent)),
        (Coding::Brotli, Some(LARGE_WINDOW)) => return Err(io::Error::other("a large window")),
        (Coding::Brotli, _) => Box::new(BrotliDecoder::new(sent)),
    })
}

/// What an error of reading a body means. `too_long` says what was, and that it was.
pub(crate) fn broken(error: &io::Error, too_long: impl FnOnce(TooLong) -> FetchError) -> FetchError {
    if let Some(what) = find::<TooLong>(error) {
        return too_long(*what);
    }
    match find::<reqwest::Error>(error) {
        // The name was resolved long ago: no refusal can come from here.
        Some(error) => explain(error, &Refusal::Name),
        None => FetchError::Unreachable("the site broke off its answer, or its Content-Encoding is damaged".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_known_layer() {
        for (lines, want) in [
            (&[][..], Some(Coding::Identity)),
            (&["identity"], Some(Coding::Identity)),
            (&[""], Some(Coding::Identity)),
            (&["GZip"], Some(Coding::Gzip)),
            (&["x-gzip"], Some(Coding::Gzip)),
            (&["identity, br"], Some(Coding::Brotli)),
            (&[" deflate ,"], Some(Coding::Deflate)),
            (&["gzip, gzip"], None),
            (&["gzip", "br"], None),
            (&["zstd"], None),
            (&["compress"], None),
            (&["gzip;q=1"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CONTENT_ENCODING, line.parse().unwrap());
            }
            assert_eq!(coding(&headers).ok(), want, "{lines:?}");
        }
    }
}
