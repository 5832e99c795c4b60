//! Response bodies: complete ones, and ones that are streamed while the job runs.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use crate::telemetry::RequestLog;

/// A response body.
#[derive(Debug)]
pub struct Body {
    inner: Inner,
    /// Dropped when the body ends, for whatever reason, which writes the request's log line.
    log: Option<RequestLog>,
}

#[derive(Debug)]
enum Inner {
    Full(Option<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
    /// No body is sent. The length that it would have had, if known.
    LeftOut(Option<u64>),
}

/// The writing end of a streamed body.
pub type Sender = mpsc::Sender<Bytes>;

/// Maximum number of pieces that are buffered for a slow reader.
const MAX_BUFFERED_PIECES: usize = 16;

impl Body {
    /// A complete body.
    pub fn full(bytes: impl Into<Bytes>) -> Body {
        Body { inner: Inner::Full(Some(bytes.into())), log: None }
    }

    /// A body that ends when its sender is dropped.
    pub fn stream() -> (Sender, Body) {
        let (sender, receiver) = mpsc::channel(MAX_BUFFERED_PIECES);
        (sender, Body { inner: Inner::Stream(receiver), log: None })
    }

    /// Removes the body for an answer to `HEAD`; keeps the length that the answer to `GET` has (RFC 9110 §8.6).
    pub(crate) fn left_out(self) -> Body {
        use http_body::Body as _;
        Body { inner: Inner::LeftOut(self.size_hint().exact()), log: self.log }
    }

    /// Replaces an empty body by a line feed.
    pub(crate) fn never_empty(self) -> Body {
        match self.inner {
            Inner::Full(Some(bytes)) if bytes.is_empty() => {
                Body { inner: Inner::Full(Some(Bytes::from_static(b"\n"))), log: self.log }
            }
            inner => Body { inner, log: self.log },
        }
    }

    /// Attaches the request's log, which is written when the body ends.
    pub(crate) fn logged(self, log: RequestLog) -> Body {
        Body { log: Some(log), ..self }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let body = self.get_mut();
        let polled = match &mut body.inner {
            Inner::Full(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Inner::Stream(receiver) => receiver.poll_recv(cx).map(|piece| piece.map(|b| Ok(Frame::data(b)))),
            Inner::LeftOut(_) => Poll::Ready(None),
        };
        if matches!(polled, Poll::Ready(None)) {
            // Not left to the drop of the body: a function may be frozen before that.
            body.log = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.inner, Inner::Full(None) | Inner::LeftOut(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Inner::LeftOut(Some(bytes)) => SizeHint::with_exact(*bytes),
            Inner::Stream(_) | Inner::LeftOut(None) => SizeHint::default(),
        }
    }
}
