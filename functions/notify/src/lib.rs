//! The notify queue: sends webhook messages when jobs end, and records the outcome.
//!
//! A thin entry point: the `api` crate does the work. The local queue loop calls the same [`handle`].

use api::App;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};

/// Sends the messages that the records of an event name. The response lists the records to deliver again.
pub async fn handle(app: &App, event: SqsEvent) -> SqsBatchResponse {
    api::messages::notify(app, event).await
}
