//! The message that is sent to a caller's webhook when a job ends, by the Standard Webhooks specification: its content,
//! its signature and the life of its delivery. <https://github.com/standard-webhooks/standard-webhooks>

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

    /// Returns the event for a job's end.
    pub fn of(outcome: Outcome, tally: &Tally) -> JobEvent {
        match outcome {
            Outcome::Completed if tally.done == 0 => JobEvent::Failed,
            Outcome::Completed => JobEvent::Completed,
            Outcome::Cancelled => JobEvent::Cancelled,
            Outcome::Expired => JobEvent::Expired,
        }
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

/// Returns the `webhook-id`, which follows from the job and so is the same for every try.
pub fn message_id(job: &JobId) -> String {
    format!("msg_{}", job.as_str().trim_start_matches("job_"))
}

/// Returns the body: figures and the path of the result, but no results.
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
