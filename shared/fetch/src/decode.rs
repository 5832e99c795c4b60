//! Decodes the body of a response as it arrives. Uses the decoders directly instead of through the HTTP client, because
//! the bytes sent must be counted too: a stream of empty blocks never decodes to a byte that could be counted. The
//! bytes, not only the headers, decide which codec a layer needs.

use std::io::{self, Cursor};

use async_compression::tokio::bufread::BrotliDecoder;
use futures_util::TryStreamExt;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use tokio::io::{AsyncReadExt, BufReader};
use tokio_util::io::StreamReader;

use crate::bounded::{Bounded, TooLong};
use crate::codec::{GZIP_MAGIC, Reader, ZSTD_MAGIC, gunzipped, inflated, is_skippable_frame, unzstd, up_to};
use crate::error::FetchError;
use crate::error_chain::find;
use crate::fault::translate;
use crate::guard::Refusal;

/// `Accept-Encoding` of every request.
pub(crate) const ACCEPTED: &str = "gzip, br, zstd, deflate";

/// First byte of a brotli stream whose window is larger than RFC 7932 allows (§9.1 calls it reserved), up to a
/// gigabyte. The decoder would accept it, and it needs as much memory as the window.
const LARGE_WINDOW: u8 = 0x11;

/// Maximum number of encoding layers that are decoded.
const MAX_LAYERS: usize = 2;
/// Number of bytes at the start of a layer that identify its format.
const PREFIX_LEN: usize = 32;

/// One content coding (RFC 9110 §8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// The body declares an unknown coding and is not plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the content coding is unknown")]
struct UnknownCoding;

/// The content codings that a response declares, in the order in which they were applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coding {
    layers: Vec<Layer>,
    /// Whether it also declares something that is not a known coding: the decoded body must then be text.
    has_unknown: bool,
}

/// Returns the content codings that a response declares. Ignores values that are not codings, such as `none` or
/// `utf-8`: if the bytes are compressed all the same, they are not text and are refused as such.
///
/// # Errors
/// More than [`MAX_LAYERS`].
pub(crate) fn coding(headers: &HeaderMap) -> Result<Coding, FetchError> {
    let lines = headers.get_all(CONTENT_ENCODING).iter().flat_map(|line| line.as_bytes().split(|b| *b == b','));
    let layer = |name: &[u8]| {
        let name = name.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        match name.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Some(Layer::Gzip),
            b"deflate" | b"x-deflate" => Some(Layer::Deflate),
            b"br" => Some(Layer::Brotli),
            b"zstd" | b"x-zstd" => Some(Layer::Zstd),
            _ => None,
        }
    };
    let (mut layers, mut has_unknown) = (Vec::new(), false);
    for name in lines.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"))
    {
        match layer(name) {
            Some(layer) => layers.push(layer),
            None => has_unknown = true,
        }
    }
    if layers.len() > MAX_LAYERS {
        let text =
            format!("the content is compressed more than {MAX_LAYERS} times; at most {MAX_LAYERS} layers are decoded");
        return Err(FetchError::Unsupported(text));
    }
    Ok(Coding { layers, has_unknown })
}

/// Returns a reader of the decoded body. Reading fails if more than `max` bytes are sent, or come out of a layer that
/// wraps another one. The caller counts the bytes that the last layer decodes to.
pub(crate) async fn decoded(response: Response, coding: Coding, max: usize) -> io::Result<Reader> {
    let sent = StreamReader::new(response.bytes_stream().map_err(io::Error::other));
    let mut body: Reader = Box::new(Bounded::new(sent, max, usize::MAX));
    let mut layers = coding.layers.into_iter().rev().peekable();
    while let Some(layer) = layers.next() {
        body = unpacked(body, layer).await?;
        if layers.peek().is_some() {
            body = Box::new(Bounded::new(body, max, usize::MAX));
        }
    }
    if coding.has_unknown {
        let start = up_to(&mut body, PREFIX_LEN as u64).await?;
        if !is_text(&start) {
            return Err(io::Error::other(UnknownCoding));
        }
        body = Box::new(Cursor::new(start).chain(body));
    }
    Ok(body)
}

/// Decodes one layer. Does nothing if the content is not compressed: the bytes decide, not what the server declares.
async fn unpacked(mut body: Reader, declared: Layer) -> io::Result<Reader> {
    let start = up_to(&mut body, PREFIX_LEN as u64).await?;
    let first = start.first().copied();
    let zlib = start.len() >= 2 && start[0] & 0x0f == 8 && u16::from_be_bytes([start[0], start[1]]).is_multiple_of(31);
    let (gzip, zstd) = (start.starts_with(&GZIP_MAGIC), is_zstd(&start));
    let plain = is_text(&start);
    let skipped = if declared == Layer::Deflate && zlib && !plain { 2 } else { 0 };
    let mut cursor = Cursor::new(start);
    cursor.set_position(skipped);
    let whole: Reader = Box::new(cursor.chain(body));
    Ok(match declared {
        _ if gzip => gunzipped(whole),
        _ if zstd => unzstd(whole),
        // Servers also declare codings for content that is not compressed.
        _ if plain => whole,
        Layer::Gzip | Layer::Zstd => return Err(io::Error::other("not compressed in the declared coding")),
        Layer::Deflate => inflated(whole),
        Layer::Brotli if first == Some(LARGE_WINDOW) => return Err(io::Error::other("a large window")),
        Layer::Brotli => Box::new(BufReader::new(BrotliDecoder::new(whole))),
    })
}

/// Returns whether the start is a Zstandard frame or a skippable frame.
fn is_zstd(start: &[u8]) -> bool {
    start.starts_with(&ZSTD_MAGIC) || is_skippable_frame(start)
}

/// Returns whether the start is UTF-8 text. The first bytes of compressed data are not.
fn is_text(start: &[u8]) -> bool {
    let valid = match std::str::from_utf8(start) {
        Ok(_) => true,
        // The last character may be cut off where the start ends.
        Err(error) => error.error_len().is_none() && start.len() == PREFIX_LEN,
    };
    valid && !start.iter().any(|b| matches!(b, 0x00..=0x08 | 0x0b | 0x0e..=0x1f | 0x7f))
}

/// Translates an error of reading a body. `too_long` makes the error for a body over a limit.
pub(crate) fn read_error(error: &io::Error, too_long: impl FnOnce(TooLong) -> FetchError) -> FetchError {
    if let Some(what) = find::<TooLong>(error) {
        return too_long(*what);
    }
    if find::<UnknownCoding>(error).is_some() {
        let text = "the Content-Encoding is not supported; gzip, br, zstd and deflate are";
        return FetchError::Unsupported(text.into());
    }
    match find::<reqwest::Error>(error) {
        // The name is already resolved, so no refusal can come from here.
        Some(error) => translate(error, &Refusal::Name),
        None => FetchError::Unreachable("the site's response ended early, or its compressed content is damaged".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_encodings_are_parsed_into_layers() {
        use Layer::{Brotli, Deflate, Gzip, Zstd};
        for (lines, want) in [
            (&[][..], Some(&[][..])),
            (&["identity"], Some(&[])),
            (&[""], Some(&[])),
            (&["none"], Some(&[])),
            (&["utf-8"], Some(&[])),
            (&["aws-chunked, gzip"], Some(&[Gzip])),
            (&["GZip"], Some(&[Gzip])),
            (&["x-gzip"], Some(&[Gzip])),
            (&["identity, br"], Some(&[Brotli])),
            (&[" deflate ,"], Some(&[Deflate])),
            (&["gzip, zstd"], Some(&[Gzip, Zstd])),
            (&["gzip", "br"], Some(&[Gzip, Brotli])),
            (&["gzip;q=1"], Some(&[Gzip])),
            (&["gzip, gzip, gzip"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CONTENT_ENCODING, line.parse().unwrap());
            }
            assert_eq!(coding(&headers).ok().as_ref().map(|coding| &coding.layers[..]), want, "{lines:?}");
        }
    }

    /// Decodes `data` as if a response had declared this coding.
    async fn read(declared: Layer, data: &[u8]) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        unpacked(Box::new(Cursor::new(data.to_vec())), declared).await?.read_to_end(&mut read).await?;
        Ok(read)
    }

    /// DEFLATE without compression (RFC 1951 §3.2.4).
    fn stored(data: &[u8]) -> Vec<u8> {
        let len = u16::try_from(data.len()).unwrap();
        [&[1], &len.to_le_bytes()[..], &(!len).to_le_bytes()[..], data].concat()
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff][..], &stored(data)[..], &[0; 8][..]].concat()
    }

    /// A frame of one raw block (RFC 8878), without a checksum.
    fn zstd(data: &[u8]) -> Vec<u8> {
        let size = u8::try_from(data.len()).unwrap();
        let block = (u32::from(size) << 3) | 1;
        [&ZSTD_MAGIC[..], &[0x20, size], &block.to_le_bytes()[..3], data].concat()
    }

    #[tokio::test]
    async fn the_bytes_outweigh_the_declared_coding() {
        use Layer::{Brotli, Deflate, Gzip, Zstd};
        let page = b"<!doctype html><h1>Page</h1>";
        let named =
            [&[0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 2, 0, b'x', b'y'][..], b"name\0note\0\x12\x34", &stored(page)]
                .concat();
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9][..], &zstd(page)].concat();
        for (what, declared, data) in [
            ("gzip", Gzip, gzip(page)),
            ("junk behind it", Gzip, [gzip(page), b"\0\0junk".to_vec()].concat()),
            ("no trailer", Gzip, gzip(page)[..gzip(page).len() - 8].to_vec()),
            ("half a trailer", Gzip, gzip(page)[..gzip(page).len() - 3].to_vec()),
            ("two members", Gzip, [gzip(&page[..9]), gzip(&page[9..])].concat()),
            ("every optional field", Gzip, named),
            ("zlib", Deflate, [&[0x78, 0x9c][..], &stored(page), &[0; 4]].concat()),
            ("zlib without a sum", Deflate, [&[0x78, 0x9c][..], &stored(page)].concat()),
            ("raw deflate", Deflate, stored(page)),
            ("zstd", Zstd, zstd(page)),
            ("two frames", Zstd, [zstd(&page[..9]), zstd(&page[9..])].concat()),
            ("a frame to skip", Zstd, skipped),
            ("junk behind a frame", Zstd, [zstd(page), b"junk".to_vec()].concat()),
            ("plain as gzip", Gzip, page.to_vec()),
            ("plain as deflate", Deflate, page.to_vec()),
            ("plain as br", Brotli, page.to_vec()),
            ("plain as zstd", Zstd, page.to_vec()),
            ("gzip as br", Brotli, gzip(page)),
            ("gzip as deflate", Deflate, gzip(page)),
            ("zstd as gzip", Gzip, zstd(page)),
        ] {
            assert_eq!(read(declared, &data).await.unwrap(), page, "{what}");
        }
        assert_eq!(read(Gzip, b"").await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_stream_cut_off_inside_or_with_a_huge_window_is_an_error() {
        let (gzip, zstd) = (gzip(&[b'a'; 100]), zstd(&[b'a'; 100]));
        for (declared, data) in [
            (Layer::Gzip, &gzip[..60]),
            (Layer::Gzip, &gzip[..12]),
            (Layer::Zstd, &zstd[..60]),
            (Layer::Zstd, &zstd[..5]),
        ] {
            assert!(read(declared, data).await.is_err(), "{declared:?}");
        }
        // A window of a gigabyte.
        let wide = [&ZSTD_MAGIC[..], &[0, 20 << 3, 1, 0, 0]].concat();
        assert!(read(Layer::Zstd, &wide).await.is_err());
    }
}
