//! The events that a driver sends to the result stream in its own process. Memory for a slow reader is bounded: beyond
//! a limit, results are sent without their text, and the reader takes it from their rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::Seq;
use domain::segment::UnitState;
use tokio::sync::mpsc;

/// Maximum number of bytes of result text that may wait for the reader.
const MAX_BYTES: usize = 512 * 1024;

/// A unit has ended or was skipped, and its segment says so.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) seq: Seq,
    pub(crate) unit: UnitState,
    /// The result's JSON text, if it is at hand.
    pub(crate) text: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Sender {
    events: mpsc::UnboundedSender<Event>,
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug)]
pub(crate) struct Receiver {
    events: mpsc::UnboundedReceiver<Event>,
    waiting: Arc<AtomicUsize>,
}

pub(crate) fn channel() -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    (Sender { events: sender, waiting: Arc::clone(&waiting) }, Receiver { events: receiver, waiting })
}

impl Sender {
    /// Sends an event. Does nothing if the receiver is gone.
    pub(crate) fn send(&self, mut event: Event) {
        if let Some(text) = &event.text {
            let size = text.len();
            if self.waiting.fetch_add(size, Ordering::AcqRel) + size > MAX_BYTES {
                self.waiting.fetch_sub(size, Ordering::AcqRel);
                event.text = None;
            }
        }
        let _ = self.events.send(event);
    }
}

impl Receiver {
    /// Returns the next event, or `None` once the driver has ended.
    pub(crate) async fn recv(&mut self) -> Option<Event> {
        let event = self.events.recv().await?;
        Some(self.taken(event))
    }

    /// Returns the next event if one is waiting.
    pub(crate) fn try_recv(&mut self) -> Option<Event> {
        let event = self.events.try_recv().ok()?;
        Some(self.taken(event))
    }

    fn taken(&self, event: Event) -> Event {
        if let Some(text) = &event.text {
            self.waiting.fetch_sub(text.len(), Ordering::AcqRel);
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_text_is_bounded_and_no_event_is_lost() {
        let (sender, mut receiver) = channel();
        let text = "x".repeat(MAX_BYTES / 4);
        let event = |seq| Event { seq, unit: UnitState::Skipped, text: Some(text.clone()) };
        (0..6).for_each(|seq| sender.send(event(seq)));
        let mut with_text = 0;
        for seq in 0..6 {
            let got = receiver.recv().await.unwrap();
            assert_eq!(got.seq, seq);
            with_text += usize::from(got.text.is_some());
        }
        assert_eq!(with_text, 4);
        sender.send(event(6));
        assert!(receiver.recv().await.unwrap().text.is_some(), "there is room again");
        drop(sender);
        assert!(receiver.recv().await.is_none());
    }
}
