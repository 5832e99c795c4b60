//! The notify queue: tells whom a caller named that a job has ended, and notes what came of it.
//!
//! Only the door: what happens behind it is the `api` crate's. The local queue loop calls the same [`handle`].

use api::App;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};

/// Sends what the records of one event name; those that are to come again are named in the answer.
pub async fn handle(app: &App, event: SqsEvent) -> SqsBatchResponse {
    api::messages::notify(app, event).await
}
