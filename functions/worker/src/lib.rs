//! The units' queue: claims, runs and finishes what its messages name. It has no right to money rows.
//!
//! Only the door: what happens behind it is the `api` crate's. The local queue loop calls the same [`handle`].

use api::App;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::Timestamp;

/// Works on the records of one event; those that are to come again are named in the answer. `until` is when the
/// invocation is over.
pub async fn handle(app: &App, event: SqsEvent, until: Option<Timestamp>) -> SqsBatchResponse {
    app.work(event, until).await
}
