//! From a response to its bytes, content-decoded as they come. Our own use of the decoders and not the client's, because
//! what is sent has to be counted too: a stream of nothing but empty blocks never decodes to a byte that could be. Which
//! codec a layer takes is judged by its bytes.

use std::io::{self, Cursor};

use async_compression::tokio::bufread::BrotliDecoder;
use futures_util::TryStreamExt;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use tokio::io::{AsyncReadExt, BufReader};
use tokio_util::io::StreamReader;

use crate::bounded::{Bounded, TooLong};
use crate::codec::{GZIP_MAGIC, Reader, ZSTD_MAGIC, gunzipped, inflated, unzstd, up_to};
use crate::error::FetchError;
use crate::fault::{explain, find};
use crate::guard::Refusal;

/// `Accept-Encoding` of every request.
pub(crate) const ACCEPTED: &str = "gzip, br, zstd, deflate";

/// The first byte of a brotli stream whose window is larger than RFC 7932 knows (§9.1 calls it reserved), up to a
/// gigabyte. The decoder would take it, and its memory is as large as the window.
const LARGE_WINDOW: u8 = 0x11;

/// Most layers of encoding that are taken off.
const MAX_LAYERS: usize = 2;
/// Bytes of a start that tell what it is.
const LOOK: usize = 32;

/// A body, decoded.
pub(crate) type Decoded = Reader;

/// One layer of packing (RFC 9110 §8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// A body is said to be packed in a way that is not known, and it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the coding is not known")]
struct UnknownCoding;

/// How a body says that it is packed: its layers, the one that was put on last at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coding {
    layers: Vec<Layer>,
    /// Whether something else was said, too: what comes out must be text.
    unclear: bool,
}

/// The layers of encoding that a response says it has. What is no coding, such as `none` or `utf-8`, says nothing: if the
/// bytes are packed all the same, they are no text, and are refused as such.
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
    let (mut layers, mut unclear) = (Vec::new(), false);
    for name in lines.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"))
    {
        match layer(name) {
            Some(layer) => layers.push(layer),
            None => unclear = true,
        }
    }
    if layers.len() > MAX_LAYERS {
        let text = format!("the content is packed more than {MAX_LAYERS} times over; so many layers are taken off");
        return Err(FetchError::Unsupported(text));
    }
    Ok(Coding { layers, unclear })
}

/// The body of a response. It ends in an error where more than `most` bytes are sent, or come out of a layer under
/// another; how many the last one decodes to is for whoever reads it to count.
pub(crate) async fn decoded(response: Response, coding: Coding, most: usize) -> io::Result<Decoded> {
    let sent = StreamReader::new(response.bytes_stream().map_err(io::Error::other));
    let mut body: Reader = Box::new(Bounded::new(sent, most, usize::MAX));
    let mut layers = coding.layers.into_iter().rev().peekable();
    while let Some(layer) = layers.next() {
        body = unpacked(body, layer).await?;
        if layers.peek().is_some() {
            body = Box::new(Bounded::new(body, most, usize::MAX));
        }
    }
    if coding.unclear {
        let start = up_to(&mut body, LOOK as u64).await?;
        if !is_text(&start) {
            return Err(io::Error::other(UnknownCoding));
        }
        body = Box::new(Cursor::new(start).chain(body));
    }
    Ok(body)
}

/// Takes a layer off, if it is there: what the bytes are weighs more than what the server says of them.
async fn unpacked(mut body: Reader, said: Layer) -> io::Result<Reader> {
    let start = up_to(&mut body, LOOK as u64).await?;
    let first = start.first().copied();
    let zlib = start.len() >= 2 && start[0] & 0x0f == 8 && u16::from_be_bytes([start[0], start[1]]).is_multiple_of(31);
    let (gzip, zstd) = (start.starts_with(&GZIP_MAGIC), starts_zstd(&start));
    let plain = is_text(&start);
    let skipped = if said == Layer::Deflate && zlib && !plain { 2 } else { 0 };
    let mut cursor = Cursor::new(start);
    cursor.set_position(skipped);
    let whole: Reader = Box::new(cursor.chain(body));
    Ok(match said {
        _ if gzip => gunzipped(whole),
        _ if zstd => unzstd(whole),
        // Servers say that nothing is packed, too; and say so of what is not.
        _ if plain => whole,
        Layer::Gzip | Layer::Zstd => return Err(io::Error::other("not packed as it is said to be")),
        Layer::Deflate => inflated(whole),
        Layer::Brotli if first == Some(LARGE_WINDOW) => return Err(io::Error::other("a large window")),
        Layer::Brotli => Box::new(BufReader::new(BrotliDecoder::new(whole))),
    })
}

/// A frame, or one that is to be skipped.
fn starts_zstd(start: &[u8]) -> bool {
    start.starts_with(&ZSTD_MAGIC)
        || start.get(..4).is_some_and(|m| m[0] & 0xf0 == 0x50 && m[1..] == [0x2a, 0x4d, 0x18])
}

/// Whether a start is text in UTF-8: packed bytes have something else among their first.
fn is_text(start: &[u8]) -> bool {
    let valid = match std::str::from_utf8(start) {
        Ok(_) => true,
        // A character that is cut off by where the start ends.
        Err(error) => error.error_len().is_none() && start.len() == LOOK,
    };
    valid && !start.iter().any(|b| matches!(b, 0x00..=0x08 | 0x0b | 0x0e..=0x1f | 0x7f))
}

/// What an error of reading a body means. `too_long` says what was, and that it was.
pub(crate) fn broken(error: &io::Error, too_long: impl FnOnce(TooLong) -> FetchError) -> FetchError {
    if let Some(what) = find::<TooLong>(error) {
        return too_long(*what);
    }
    if find::<UnknownCoding>(error).is_some() {
        let text = "the Content-Encoding can't be read; gzip, br, zstd and deflate can";
        return FetchError::Unsupported(text.into());
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
    fn layers() {
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

    /// `data` as it is, decoded as if `said` were true of it.
    async fn read(said: Layer, data: &[u8]) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        unpacked(Box::new(Cursor::new(data.to_vec())), said).await?.read_to_end(&mut read).await?;
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
    async fn what_the_bytes_are_weighs_more_than_what_is_said() {
        use Layer::{Brotli, Deflate, Gzip, Zstd};
        let page = b"<!doctype html><h1>Page</h1>";
        let named =
            [&[0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 2, 0, b'x', b'y'][..], b"name\0note\0\x12\x34", &stored(page)]
                .concat();
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9][..], &zstd(page)].concat();
        for (what, said, data) in [
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
            assert_eq!(read(said, &data).await.unwrap(), page, "{what}");
        }
        assert_eq!(read(Gzip, b"").await.unwrap(), b"");
    }

    #[tokio::test]
    async fn what_breaks_off_within_is_damaged() {
        let (gzip, zstd) = (gzip(&[b'a'; 100]), zstd(&[b'a'; 100]));
        for (said, data) in [
            (Layer::Gzip, &gzip[..60]),
            (Layer::Gzip, &gzip[..12]),
            (Layer::Zstd, &zstd[..60]),
            (Layer::Zstd, &zstd[..5]),
        ] {
            assert!(read(said, data).await.is_err(), "{said:?}");
        }
        // A window of a gigabyte.
        let wide = [&ZSTD_MAGIC[..], &[0, 20 << 3, 1, 0, 0]].concat();
        assert!(read(Layer::Zstd, &wide).await.is_err());
    }
}
