//! A reader that ends in an error where a file, or one item of it, is too long. The parsers on top of it keep an item
//! until it is whole, and a decoder may read for ever without a byte to show for it; this is what bounds both.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

/// What was too long: the error that reading ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooLong {
    #[error("the file is too long")]
    File,
    #[error("an item of the file is too long")]
    Item,
}

/// The reader.
pub(crate) struct Bounded<R> {
    inner: R,
    left: usize,
    item: usize,
    left_of_item: usize,
}

impl<R> Bounded<R> {
    /// At most `file` bytes, at most `item` of them between two calls of [`Bounded::next_item`].
    pub(crate) fn new(inner: R, file: usize, item: usize) -> Bounded<R> {
        Bounded { inner, left: file, item, left_of_item: item }
    }

    /// Another item begins.
    pub(crate) fn next_item(&mut self) {
        self.left_of_item = self.item;
    }
}

impl<R: AsyncBufRead + Unpin> AsyncBufRead for Bounded<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        let bytes = ready!(Pin::new(&mut this.inner).poll_fill_buf(cx))?;
        let room = this.left.min(this.left_of_item);
        // Only what goes on is too long.
        if room == 0 && !bytes.is_empty() {
            let what = if this.left == 0 { TooLong::File } else { TooLong::Item };
            return Poll::Ready(Err(io::Error::other(what)));
        }
        Poll::Ready(Ok(&bytes[..bytes.len().min(room)]))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.get_mut();
        this.left = this.left.saturating_sub(amount);
        this.left_of_item = this.left_of_item.saturating_sub(amount);
        Pin::new(&mut this.inner).consume(amount);
    }
}

impl<R: AsyncBufRead + Unpin> AsyncRead for Bounded<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let bytes = ready!(self.as_mut().poll_fill_buf(cx))?;
        let amount = bytes.len().min(buf.remaining());
        buf.put_slice(&bytes[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}
