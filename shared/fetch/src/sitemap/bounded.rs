//! A reader that ends in an error where a file, or one item of it, is too long. The parsers on top of it keep an item
//! until it is whole; this is what bounds their memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

/// What was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooLong {
    File,
    Item,
}

/// The reader.
pub(super) struct Bounded<R> {
    inner: R,
    left: usize,
    item: usize,
    left_of_item: usize,
    too_long: Option<TooLong>,
}

impl<R> Bounded<R> {
    /// At most `file` bytes, at most `item` of them between two calls of [`Bounded::next_item`].
    pub(super) fn new(inner: R, file: usize, item: usize) -> Bounded<R> {
        Bounded { inner, left: file, item, left_of_item: item, too_long: None }
    }

    /// Another item begins.
    pub(super) fn next_item(&mut self) {
        self.left_of_item = self.item;
    }

    /// Whether, and by what, reading was ended.
    pub(super) fn too_long(&self) -> Option<TooLong> {
        self.too_long
    }
}

impl<R: AsyncBufRead + Unpin> AsyncBufRead for Bounded<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        let bytes = ready!(Pin::new(&mut this.inner).poll_fill_buf(cx))?;
        let room = this.left.min(this.left_of_item);
        // Only what goes on is too long.
        if room == 0 && !bytes.is_empty() {
            this.too_long = Some(if this.left == 0 { TooLong::File } else { TooLong::Item });
            return Poll::Ready(Err(io::Error::other("too long")));
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
