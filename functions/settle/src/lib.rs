//! Settles jobs: handles settle messages and dead letters, and sweeps and checks on schedules.
//!
//! A thin entry point: the `api` crate does the work. The local server calls the same [`handle`].

use api::App;
use api::schedules::{Slice, Start};
use aws_lambda_events::event::sqs::SqsEvent;
use domain::Timestamp;
use serde_json::{Value, json};

/// An event could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// Its records are not SQS messages.
    #[error("the event has records that are not SQS messages: {0}")]
    NotSqs(#[from] serde_json::Error),
    /// The sweep or the check failed; the next one continues.
    #[error("the rows could not be read: {0}")]
    Sweep(#[from] api::schedules::SweepError),
}

/// Handles an event of this function:
///
/// - An SQS event. The response lists the records to deliver again.
/// - `{"check": true}`, sent by a schedule once a day: begins a check of all invariants.
/// - `{"check": "go on"}`, sent by another schedule every few minutes: continues a check that one invocation had no
///   time to finish.
/// - Any other event, sent by the third schedule: sweeps.
///
/// `until` is when the invocation ends.
///
/// # Errors
/// The event cannot be read, or the sweep or the check failed.
pub async fn handle(app: &App, event: Value, until: Option<Timestamp>) -> Result<Value, HandleError> {
    if event.get("Records").is_some() {
        let event: SqsEvent = serde_json::from_value(event)?;
        return Ok(serde_json::to_value(Box::pin(app.settle(event)).await)?);
    }
    let start = match event.get("check") {
        Some(Value::Bool(true)) => Some(Start::Begin),
        Some(Value::String(go_on)) if go_on == "go on" => Some(Start::Continue),
        _ => None,
    };
    if let Some(start) = start {
        return Ok(match Box::pin(app.check(start, until)).await? {
            Slice::Finished(end) => json!({ "violations": end.violations }),
            Slice::Unfinished(so_far) => json!({ "violations_so_far": so_far }),
            Slice::Idle => json!({ "nothing_to_go_on_with": true }),
        });
    }
    Ok(json!({ "looked_after": Box::pin(app.sweep(until)).await? }))
}
