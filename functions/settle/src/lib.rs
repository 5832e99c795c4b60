//! Settles jobs: carries settle messages and dead letters out, and on a schedule looks after jobs that nobody drives.
//!
//! Only the door: what happens behind it is the `api` crate's. The local stack calls the same [`handle`].

use api::App;
use api::app::{Slice, Wish};
use aws_lambda_events::event::sqs::SqsEvent;
use domain::Timestamp;
use serde_json::{Value, json};

/// The event is not one that this function serves.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// Its records cannot be read.
    #[error("the event has records that are not SQS's: {0}")]
    NotSqs(#[from] serde_json::Error),
    /// The sweep, or the check, failed; the next one goes on.
    #[error("the rows could not be read: {0}")]
    Sweep(#[from] api::SweepError),
}

/// Serves an SQS event (the answer names the records that are to come again). For `{"check": true}`, which a schedule sends
/// once a day, begins to check every invariant, and for `{"check": "go on"}`, which another sends every few minutes, goes
/// on with that where an invocation's time did not suffice. For any other event, which is what the third schedule sends,
/// sweeps. `until` is when the invocation is over.
///
/// # Errors
/// The event cannot be read, or the sweep or the check failed.
pub async fn handle(app: &App, event: Value, until: Option<Timestamp>) -> Result<Value, HandleError> {
    if event.get("Records").is_some() {
        let event: SqsEvent = serde_json::from_value(event)?;
        return Ok(serde_json::to_value(Box::pin(app.settle(event)).await)?);
    }
    let wish = match event.get("check") {
        Some(Value::Bool(true)) => Some(Wish::Begin),
        Some(Value::String(go_on)) if go_on == "go on" => Some(Wish::GoOn),
        _ => None,
    };
    if let Some(wish) = wish {
        return Ok(match Box::pin(app.check(wish, until)).await? {
            Slice::Finished(end) => json!({ "violations": end.violations }),
            Slice::HandedOn(so_far) => json!({ "violations_so_far": so_far }),
            Slice::Idle => json!({ "nothing_to_go_on_with": true }),
        });
    }
    Ok(json!({ "looked_after": Box::pin(app.sweep(until)).await? }))
}
