//! Webhooks of jobs: checks the receiver of a call, reports the state of a delivery, and sends it again.

use domain::webhook::{Delivery, RESEND_SECS, Webhook};
use domain::{AccountId, ErrorCode, Job};
use engine::notify::{Notifier, ReceiverFault, Resent};
use http::StatusCode;
use serde_json::{Value, json};

use crate::response::json_response;
use crate::{ApiError, Response};

/// Refuses a call whose receiver could never be called.
pub(crate) async fn check_receiver(
    notifier: &Notifier,
    account: &AccountId,
    webhook: &Webhook,
) -> Result<(), ApiError> {
    match notifier.check_receiver(account, webhook).await? {
        None => Ok(()),
        Some(ReceiverFault::Forbidden(why)) => Err(ApiError::invalid(format!("\"webhook.url\": {why}"))),
        Some(ReceiverFault::NoSecret) => Err(ApiError::invalid(
            "\"webhook\": this account has no secret to sign messages with; the operator creates one with \"admin hook \
             secret create\"",
        )),
    }
}

/// Returns the `webhook` object of a job; `None` if the job has no webhook.
pub(crate) async fn state_of(notifier: &Notifier, job: &Job) -> Result<Option<Value>, ApiError> {
    if !job.webhook {
        return Ok(None);
    }
    Ok(Some(match notifier.delivery(&job.id).await? {
        Some(delivery) => webhook_json(&delivery),
        None => json!({ "state": "waiting", "attempts": 0, "last_status": null }),
    }))
}

/// Sends a job's webhook message again.
pub(crate) async fn resend(notifier: &Notifier, job: &Job) -> Result<Response, ApiError> {
    let none = |text: &str| Err(ApiError::new(ErrorCode::NotFound, text));
    if !job.webhook {
        return none("this job has no \"webhook\"; there is no message to send");
    }
    match notifier.resend(&job.id).await? {
        Resent::Sending(delivery) => {
            let mut response = json_response(&json!({ "job_id": job.id, "webhook": webhook_json(&delivery) }));
            *response.status_mut() = StatusCode::ACCEPTED;
            Ok(response)
        }
        Resent::TooSoon(wait) => {
            let text = format!("a message can be sent again once every {RESEND_SECS} s; try again in {wait} s");
            Err(ApiError { retry_after: Some(wait), ..ApiError::new(ErrorCode::RateLimited, text) })
        }
        Resent::Skipped => none("\"webhook.events\" does not include how this job ended; there is no message"),
        Resent::NoMessage => none("this job has not ended yet; there is no message to send again"),
    }
}

fn webhook_json(delivery: &Delivery) -> Value {
    json!({
        "state": delivery.state.name(),
        "attempts": delivery.tries,
        "last_status": delivery.last_status,
    })
}
