//! Response bodies: whole ones, and ones that are written while the work goes on.

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
    /// Let go when the body has ended, however it does.
    log: Option<RequestLog>,
}

#[derive(Debug)]
enum Inner {
    Full(Option<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
    /// None is sent; how long it would have been, where that is known.
    LeftOut(Option<u64>),
}

/// The writing end of a streamed body.
pub type Sender = mpsc::Sender<Bytes>;

/// How many pieces may wait for a slow reader.
const PIECES: usize = 16;

impl Body {
    /// A body that is there already.
    pub fn full(bytes: impl Into<Bytes>) -> Body {
        Body { inner: Inner::Full(Some(bytes.into())), log: None }
    }

    /// A body that ends when its sender is dropped.
    pub fn stream() -> (Sender, Body) {
        let (sender, receiver) = mpsc::channel(PIECES);
        (sender, Body { inner: Inner::Stream(receiver), log: None })
    }

    /// The body of an answer to `HEAD`: nothing, with the length that the answer to `GET` has (RFC 9110 §8.6).
    pub(crate) fn left_out(self) -> Body {
        use http_body::Body as _;
        Body { inner: Inner::LeftOut(self.size_hint().exact()), log: self.log }
    }

    /// The same body, or a line feed where there is nothing in it.
    pub(crate) fn never_empty(self) -> Body {
        match self.inner {
            Inner::Full(Some(bytes)) if bytes.is_empty() => {
                Body { inner: Inner::Full(Some(Bytes::from_static(b"\n"))), log: self.log }
            }
            inner => Body { inner, log: self.log },
        }
    }

    /// The same body, whose end is the request's.
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
            // Now, not when it is dropped: a function may be frozen before that.
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
