//! The message that a caller is sent when a job has ended, by the Standard Webhooks specification: what it says, how it
//! is signed, and the life of its delivery. <https://github.com/standard-webhooks/standard-webhooks>

mod delivery;
mod secret;

pub use delivery::{
    Answer, Claim, Delivery, DeliveryState, MOST_ASKED_SECS, MOST_TRIES, RESEND_SECS, Resend, SCHEDULE_SECS, TIMEOUT_MS,
};
pub use secret::{MOST_SECRETS, Secret, Secrets, Signing};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ids::JobId;
use crate::job::{Job, Outcome, Settlement};
use crate::progress::Tally;

/// What a message may be about, spelt on the wire like `job.completed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobEvent {
    /// Every unit ended, at least one with a success.
    #[serde(rename = "job.completed")]
    Completed,
    /// By a DELETE.
    #[serde(rename = "job.cancelled")]
    Cancelled,
    /// At its deadline.
    #[serde(rename = "job.expired")]
    Expired,
    /// Every unit ended, none with a success.
    #[serde(rename = "job.failed")]
    Failed,
}

impl JobEvent {
    /// All of them.
    pub const ALL: [JobEvent; 4] = [JobEvent::Completed, JobEvent::Cancelled, JobEvent::Expired, JobEvent::Failed];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            JobEvent::Completed => "job.completed",
            JobEvent::Cancelled => "job.cancelled",
            JobEvent::Expired => "job.expired",
            JobEvent::Failed => "job.failed",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<JobEvent> {
        JobEvent::ALL.into_iter().find(|event| event.name() == name)
    }

    /// What the end of a job is.
    pub fn of(outcome: Outcome, tally: &Tally) -> JobEvent {
        match outcome {
            Outcome::Completed if tally.done == 0 => JobEvent::Failed,
            Outcome::Completed => JobEvent::Completed,
            Outcome::Cancelled => JobEvent::Cancelled,
            Outcome::Expired => JobEvent::Expired,
        }
    }
}

/// Whom a job's end is told to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Where the message goes.
    pub url: String,
    /// What is told; nothing else is.
    pub events: Vec<JobEvent>,
}

/// `webhook-id`: the same for every try of a job's message, for it follows from the job.
pub fn message_id(job: &JobId) -> String {
    format!("msg_{}", job.as_str().trim_start_matches("job_"))
}

/// The body: figures and the result's address, no results.
fn message_body(job: &Job, end: &Settlement, event: JobEvent) -> String {
    json!({
        "type": event,
        "timestamp": end.ended_at.rfc3339(),
        "data": {
            "job_id": job.id,
            "endpoint": format!("/{}", job.endpoint.name()),
            "progress": end.tally,
            "credits": {
                "reserved": job.reservation.total(),
                "charged": end.charge.charged,
                "refunded": end.charge.refunded(),
                "monthly": job.reservation.monthly,
                "prepaid": job.reservation.prepaid,
            },
            "result": format!("/v1/jobs/{}/result", job.id),
        },
    })
    .to_string()
}

#[cfg(test)]
mod tests;
