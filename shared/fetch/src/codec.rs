//! Decodes streams of gzip members and Zstandard frames as browsers do. Ignores a missing trailer, and anything after a
//! complete stream that does not start another member or frame. The compressed data itself must be complete. Memory is
//! bounded by one block and one window.

use std::io;
use std::pin::Pin;

use async_compression::tokio::bufread::DeflateDecoder;
use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

/// A reader of decoded bytes.
pub(crate) type Reader = Box<dyn AsyncBufRead + Unpin + Send>;

/// Number of bytes decoded at once.
const PIECE: usize = 16 * 1024;
/// Maximum window of Zstandard over HTTP (RFC 9659 §3).
const MAX_WINDOW: u64 = 8 * 1024 * 1024;
/// Magic number of a Zstandard frame (RFC 8878 §3.1.1).
pub(crate) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Start of a gzip member with DEFLATE (RFC 1952 §2.3).
pub(crate) const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// Returns whether bytes start a skippable frame of Zstandard (RFC 8878 §3.1.2).
pub(crate) fn is_skippable_frame(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

fn reader(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Reader {
    let pieces: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>> = Box::pin(pieces);
    Box::new(StreamReader::new(pieces))
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Reads up to `max` bytes; fewer only at the end.
pub(crate) async fn up_to(source: &mut (impl AsyncRead + Unpin), max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(max).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// Reads exactly `count` bytes.
async fn exactly(source: &mut Reader, count: usize) -> io::Result<Vec<u8>> {
    let bytes = up_to(source, count as u64).await?;
    if bytes.len() == count { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

enum Gzip {
    Between { source: Reader, first: bool },
    Within(Box<DeflateDecoder<Reader>>),
}

/// Decodes one gzip member after another. Does not verify checksums, as browsers do not.
pub(crate) fn gunzipped(source: Reader) -> Reader {
    reader(try_unfold(Gzip::Between { source, first: true }, |mut state| async move {
        loop {
            state = match state {
                Gzip::Between { mut source, first } => {
                    let head = up_to(&mut source, 10).await?;
                    if head.len() < 10 || !head.starts_with(&GZIP_MAGIC) {
                        return if first { Err(damaged("no gzip member")) } else { Ok(None) };
                    }
                    skip_optional_fields(&mut source, head[3]).await?;
                    Gzip::Within(Box::new(DeflateDecoder::new(source)))
                }
                Gzip::Within(mut member) => {
                    let piece = up_to(&mut member, PIECE as u64).await?;
                    if !piece.is_empty() {
                        return Ok(Some((piece.into(), Gzip::Within(member))));
                    }
                    let mut source = member.into_inner();
                    // Checksum and length, if present.
                    up_to(&mut source, 8).await?;
                    Gzip::Between { source, first: false }
                }
            }
        }
    }))
}

/// Skips FEXTRA, FNAME, FCOMMENT and FHCRC (RFC 1952 §2.3.1). The source bounds how long they may be.
async fn skip_optional_fields(source: &mut Reader, flags: u8) -> io::Result<()> {
    if flags & 4 != 0 {
        let length = exactly(source, 2).await?;
        exactly(source, usize::from(u16::from_le_bytes([length[0], length[1]]))).await?;
    }
    for flag in [8, 16] {
        while flags & flag != 0 && exactly(source, 1).await?[0] != 0 {}
    }
    if flags & 2 != 0 {
        exactly(source, 2).await?;
    }
    Ok(())
}

/// Decodes a raw DEFLATE stream (RFC 1951).
pub(crate) fn inflated(source: Reader) -> Reader {
    Box::new(tokio::io::BufReader::with_capacity(PIECE, DeflateDecoder::new(source)))
}

/// A frame that is being read.
struct Frame {
    decoder: FrameDecoder,
    checksum: bool,
}

/// Decodes one Zstandard frame after another (RFC 8878); leaves out skippable frames.
pub(crate) fn unzstd(source: Reader) -> Reader {
    reader(try_unfold((source, None::<Frame>, true), |(mut source, mut frame, mut first)| async move {
        loop {
            let Some(mut open) = frame.take() else {
                let magic = up_to(&mut source, 4).await?;
                if magic == ZSTD_MAGIC {
                    frame = Some(frame_header(&mut source).await?);
                } else if is_skippable_frame(&magic) {
                    let length = exactly(&mut source, 4).await?;
                    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
                    tokio::io::copy(&mut (&mut source).take(u64::from(length)), &mut tokio::io::sink()).await?;
                } else {
                    return if first { Err(damaged("no Zstandard frame")) } else { Ok(None) };
                }
                first = false;
                continue;
            };
            next_block(&mut source, &mut open).await?;
            let finished = open.decoder.is_finished();
            let piece = open.decoder.collect().unwrap_or_default();
            if !finished {
                frame = Some(open);
            }
            if !piece.is_empty() {
                return Ok(Some((Bytes::from(piece), (source, frame, first))));
            }
        }
    }))
}

/// Reads a frame's header (§3.1.1.1) after its magic number.
async fn frame_header(source: &mut Reader) -> io::Result<Frame> {
    let descriptor = exactly(source, 1).await?[0];
    let single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = [usize::from(single), 2, 4, 8][usize::from(descriptor >> 6)];
    let rest = exactly(source, usize::from(!single) + dictionary + size).await?;
    let header = [&ZSTD_MAGIC[..], &[descriptor], &rest].concat();
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(MAX_WINDOW);
    decoder.init(&header[..]).map_err(io::Error::other)?;
    Ok(Frame { decoder, checksum: descriptor & 4 != 0 })
}

/// Decodes one block (§3.1.1.2). Reads the block completely first, so that the decoder never waits for missing bytes.
/// Decodes one block at a time, because a few bytes of it can stand for 128 KiB.
async fn next_block(source: &mut Reader, frame: &mut Frame) -> io::Result<()> {
    let mut block = exactly(source, 3).await?;
    let header = u32::from_le_bytes([block[0], block[1], block[2], 0]);
    let (last, repeated, size) = (header & 1 != 0, (header >> 1) & 3 == 1, (header >> 3) as usize);
    block.extend(exactly(source, if repeated { 1 } else { size }).await?);
    if last && frame.checksum {
        // The checksum may be cut off; it is not verified.
        let mut sum = up_to(source, 4).await?;
        sum.resize(4, 0);
        block.extend(sum);
    }
    frame.decoder.decode_blocks(&block[..], BlockDecodingStrategy::UptoBlocks(1)).map_err(io::Error::other)?;
    Ok(())
}
