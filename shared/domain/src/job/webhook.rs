//! The webhook that a job's spec names: its receiver, and the events that it is called for.

use serde::{Deserialize, Serialize};

/// The event that a message reports, spelt on the wire like `job.completed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobEvent {
    /// Every unit ended, at least one of them successfully.
    #[serde(rename = "job.completed")]
    Completed,
    /// The job was cancelled by a DELETE.
    #[serde(rename = "job.cancelled")]
    Cancelled,
    /// The job expired at its deadline.
    #[serde(rename = "job.expired")]
    Expired,
    /// Every unit ended, none of them successfully.
    #[serde(rename = "job.failed")]
    Failed,
}

impl JobEvent {
    /// All events.
    pub const ALL: [JobEvent; 4] = [JobEvent::Completed, JobEvent::Cancelled, JobEvent::Expired, JobEvent::Failed];

    /// Returns the name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            JobEvent::Completed => "job.completed",
            JobEvent::Cancelled => "job.cancelled",
            JobEvent::Expired => "job.expired",
            JobEvent::Failed => "job.failed",
        }
    }

    /// Parses the name.
    pub fn parse(name: &str) -> Option<JobEvent> {
        JobEvent::ALL.into_iter().find(|event| event.name() == name)
    }
}

/// The webhook of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// The receiver's URL.
    pub url: String,
    /// The events to report; others are not sent.
    pub events: Vec<JobEvent>,
}
