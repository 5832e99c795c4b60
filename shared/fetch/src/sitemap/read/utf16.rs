//! Converts UTF-16 to UTF-8 as it arrives, for sitemaps saved by Windows programs.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use encoding_rs::{Decoder, Encoding, UTF_16BE, UTF_16LE};
use tokio::io::{AsyncRead, ReadBuf};

/// Number of bytes read from the inner reader at once.
const PIECE: usize = 4 * 1024;

/// Returns the encoding of a file with this start if it is UTF-16: recognised by its byte order mark, or by the zero
/// byte of its first bracket or letter.
pub(super) fn encoding_of(start: &[u8]) -> Option<&'static Encoding> {
    match start {
        [0xff, 0xfe, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] => Some(UTF_16BE),
        [b'<' | b'h', 0, ..] => Some(UTF_16LE),
        [0, b'<' | b'h', ..] => Some(UTF_16BE),
        _ => None,
    }
}

/// A reader of UTF-8 over a reader of another encoding.
pub(super) struct Transcoded<R> {
    inner: R,
    decoder: Decoder,
    out: Vec<u8>,
    consumed: usize,
    ended: bool,
}

impl<R> Transcoded<R> {
    pub(super) fn new(inner: R, encoding: &'static Encoding) -> Transcoded<R> {
        Transcoded { inner, decoder: encoding.new_decoder(), out: Vec::new(), consumed: 0, ended: false }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Transcoded<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.consumed == this.out.len() && !this.ended {
            let mut piece = [0; PIECE];
            let mut read = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut read))?;
            this.ended = read.filled().is_empty();
            let mut text = String::with_capacity(
                this.decoder.max_utf8_buffer_length(read.filled().len()).unwrap_or(3 * PIECE + 16),
            );
            // `text` has room for all of it.
            let _ = this.decoder.decode_to_string(read.filled(), &mut text, this.ended);
            (this.out, this.consumed) = (text.into_bytes(), 0);
        }
        let rest = &this.out[this.consumed..];
        let taken = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..taken]);
        this.consumed += taken;
        Poll::Ready(Ok(()))
    }
}
