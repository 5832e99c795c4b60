//! The message that is sent to a caller's webhook when a job ends, by the Standard Webhooks specification: its content,
//! its signature and the life of its delivery. <https://github.com/standard-webhooks/standard-webhooks>

mod delivery;
mod secret;

pub use crate::job::webhook::{JobEvent, Webhook};
pub use delivery::{
    Answer, Delivery, DeliveryState, MAX_RETRY_AFTER_SECS, MAX_TRIES, RESEND_SECS, Resend, SCHEDULE_SECS, TIMEOUT_MS,
    TryDecision,
};
pub use secret::{MAX_SECRETS, Secret, Secrets, Signing};

use serde_json::json;

use crate::ids::JobId;
use crate::job::{Job, Outcome, Settlement};
use crate::progress::Tally;

impl JobEvent {
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
