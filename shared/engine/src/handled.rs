//! The result of handling a message of a queue.

use std::time::Duration;

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// Nothing is left to do: delete the message.
    Acknowledge,
    /// The message must stay in the queue and be delivered again after this time.
    Redeliver(Duration),
}
