//! A reader that fails when a file, or one item of it, is too long. The code around it needs both limits: a parser
//! keeps an item until the item is complete, and a decoder may read for ever without producing a byte.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

/// The error of [`Bounded`]: what was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooLong {
    #[error("the file is too long")]
    File,
    #[error("an item of the file is too long")]
    Item,
}

/// A reader with limits on the file and on each item.
pub(crate) struct Bounded<R> {
    inner: R,
    left: usize,
    /// Maximum size of an item.
    item: usize,
    left_of_item: usize,
}

impl<R> Bounded<R> {
    /// Reads at most `file` bytes in total and at most `item` bytes between two calls of [`Bounded::next_item`].
    pub(crate) fn new(inner: R, file: usize, item: usize) -> Bounded<R> {
        Bounded { inner, left: file, item, left_of_item: item }
    }

    /// Starts another item: its bytes are counted from zero.
    pub(crate) fn next_item(&mut self) {
        self.left_of_item = self.item;
    }
}

impl<R: AsyncBufRead + Unpin> AsyncBufRead for Bounded<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        let bytes = ready!(Pin::new(&mut this.inner).poll_fill_buf(cx))?;
        let left = this.left.min(this.left_of_item);
        // Reaching the limit is fine; only a further byte is too long.
        if left == 0 && !bytes.is_empty() {
            let what = if this.left == 0 { TooLong::File } else { TooLong::Item };
            return Poll::Ready(Err(io::Error::other(what)));
        }
        Poll::Ready(Ok(&bytes[..bytes.len().min(left)]))
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
