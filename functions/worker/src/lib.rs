//! The units queue: starts, runs and ends the units that its messages name. It has no rights to the accounts table.
//!
//! A thin entry point: the `api` crate does the work. The local queue loop calls the same [`handle`].

use api::App;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::Timestamp;

/// Handles the records of one event. The response lists the records to deliver again. `until` is when the invocation
/// ends.
pub async fn handle(app: &App, event: SqsEvent, until: Option<Timestamp>) -> SqsBatchResponse {
    app.work(event, until).await
}
