//! What the API says and does about the message of a job's end: whether its receiver may be asked, where it stands, and
//! sending it again.

use domain::webhook::{Delivery, RESEND_SECS, Webhook};
use domain::{AccountId, ErrorCode, Job};
use engine::notify::{Notifier, ReceiverFault, Resent};
use http::StatusCode;
use serde_json::{Value, json};

use crate::jobs::json_response;
use crate::{ApiError, Response};

/// Refuses a call whose receiver could never be told.
pub(crate) async fn check_receiver(
    notifier: &Notifier,
    account: &AccountId,
    webhook: &Webhook,
) -> Result<(), ApiError> {
    match notifier.judge(account, webhook).await? {
        None => Ok(()),
        Some(ReceiverFault::Forbidden(why)) => Err(ApiError::invalid(format!("\"webhook.url\": {why}"))),
        Some(ReceiverFault::NoSecret) => Err(ApiError::invalid(
            "\"webhook\": this account has no secret to sign messages with; its operator makes one with \"admin hook \
             secret create\"",
        )),
    }
}

/// The `webhook` object of a job, if it has one.
pub(crate) async fn state_of(notifier: &Notifier, job: &Job) -> Result<Option<Value>, ApiError> {
    if !job.webhook {
        return Ok(None);
    }
    Ok(Some(match notifier.delivery(&job.id).await? {
        Some(delivery) => webhook_json(&delivery),
        None => json!({ "state": "waiting", "attempts": 0, "last_status": null }),
    }))
}

/// Sends a job's message again.
pub(crate) async fn resend(notifier: &Notifier, job: &Job) -> Result<Response, ApiError> {
    let none = |text: &str| Err(ApiError::new(ErrorCode::NotFound, text));
    if !job.webhook {
        return none("this job was called without a \"webhook\"; there is nobody to tell");
    }
    match notifier.resend(&job.id).await? {
        Resent::Yes(delivery) => {
            let mut response = json_response(&json!({ "job_id": job.id, "webhook": webhook_json(&delivery) }));
            *response.status_mut() = StatusCode::ACCEPTED;
            Ok(response)
        }
        Resent::TooSoon(wait) => {
            let text = format!("a message may be sent again every {RESEND_SECS} s; the next time is in {wait} s");
            Err(ApiError { retry_after: Some(wait), ..ApiError::new(ErrorCode::RateLimited, text) })
        }
        Resent::Skipped => none("this job did not end in one of its \"webhook.events\"; there is no message"),
        Resent::NoMessage => none("this job has not ended yet; there is no message to send again"),
    }
}

fn webhook_json(delivery: &Delivery) -> Value {
    json!({
        "state": delivery.state.name(),
        "attempts": delivery.attempts,
        "last_status": delivery.last_status,
    })
}
