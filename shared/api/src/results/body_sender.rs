//! The sending end of a body. Adds padding, keeps the connection alive, and handles a client that is gone or does
//! not read.

use std::time::Duration;

use bytes::Bytes;
use engine::Engine;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::body::Sender;
use crate::held::HeldCall;
use crate::prefer::Format;

/// A client that writes to a pipe (curl) shows nothing until it has received this much.
const PAD_BYTES: usize = 4_096;
/// The padding is sent this long after the start of the body, if less than [`PAD_BYTES`] has been sent by then.
const PAD_AFTER: Duration = Duration::from_millis(250);
/// Maximum time without sending anything.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Outcome of waiting.
#[derive(Debug)]
pub(super) enum Wait<T> {
    Ready(T),
    /// The hold is over, or the process is stopping.
    TimeUp,
    /// The client is gone.
    ClientGone,
}

/// Results are still sent for this long after the end of the hold, to a client that reads slowly.
const RESULT_GRACE: Duration = Duration::from_secs(2);
/// A body is given up if its client has made no room for the closing piece this long after the end of the hold: the process
/// that serves it may be ended then.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

pub(super) struct BodySender {
    engine: Engine,
    sender: Sender,
    held: Option<HeldCall>,
    /// Results are sent until this time.
    results_until: Instant,
    /// When a body whose client does not read is given up.
    close_until: Instant,
    format: Format,
    sent: usize,
    pad_at: Option<Instant>,
    keep_alive_at: Instant,
}

impl BodySender {
    /// Creates the sending end of a body that is held open until `until`.
    pub(super) fn new(
        engine: Engine,
        (sender, held): (Sender, Option<HeldCall>),
        format: Format,
        until: Instant,
    ) -> BodySender {
        let now = Instant::now();
        BodySender {
            engine,
            sender,
            held,
            results_until: until + RESULT_GRACE,
            close_until: until + CLOSE_GRACE,
            format,
            sent: 0,
            pad_at: Some(now + PAD_AFTER),
            keep_alive_at: now + KEEP_ALIVE_INTERVAL,
        }
    }

    /// Waits for room for a result, and returns whether there is some. There is none if the client is gone, or does not read
    /// in time: the body has to end without the result then.
    pub(super) async fn has_room(&self) -> bool {
        // Nothing else sends, so the room stays.
        matches!(timeout_at(self.results_until, self.sender.reserve()).await, Ok(Ok(_)))
    }

    /// Sends a result, for which there is room, or something that may be left out.
    pub(super) async fn send(&mut self, bytes: impl Into<Bytes>) {
        self.send_until(self.results_until, bytes.into()).await;
    }

    /// Returns the call's permit, then sends the last piece: a function may be frozen after that.
    pub(super) async fn close(&mut self, bytes: impl Into<Bytes>) {
        if let Some(held) = &mut self.held {
            held.end().await;
        }
        self.send_until(self.close_until, bytes.into()).await;
    }

    /// Ignores that the client is gone, since there is no one to report it to.
    async fn send_until(&mut self, until: Instant, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.sent += bytes.len();
        self.keep_alive_at = Instant::now() + KEEP_ALIVE_INTERVAL;
        let _ = timeout_at(until, self.sender.send(bytes)).await;
    }

    /// Whether the body has reached its maximum size.
    pub(super) fn is_full(&self) -> bool {
        self.sent >= self.engine.settings().max_body_bytes
    }

    /// Waits for `work` until `until` at most, keeping the connection alive.
    pub(super) async fn while_waiting<T>(&mut self, until: Instant, work: impl Future<Output = T>) -> Wait<T> {
        let (engine, sender) = (self.engine.clone(), self.sender.clone());
        let (stopped, closed) = (engine.stopped(), sender.closed());
        tokio::pin!(work, stopped, closed);
        loop {
            let wake = self.pad_at.unwrap_or(self.keep_alive_at).min(self.keep_alive_at);
            tokio::select! {
                biased;
                done = &mut work => return Wait::Ready(done),
                () = sleep_until(until) => return Wait::TimeUp,
                () = &mut stopped => return Wait::TimeUp,
                () = &mut closed => return Wait::ClientGone,
                () = sleep_until(wake) => {
                    let pad = self.pad_at.take().is_some() && self.sent < PAD_BYTES;
                    self.send(self.padding(if pad { PAD_BYTES } else { 1 })).await;
                }
            }
        }
    }

    /// Returns at least `bytes` bytes without meaning in this format: white space before the next JSON, or a comment.
    fn padding(&self, bytes: usize) -> Vec<u8> {
        match self.format {
            Format::Json | Format::Lines => vec![b' '; bytes],
            Format::Events => [b":".as_slice(), &vec![b' '; bytes], b"\n\n"].concat(),
        }
    }
}
