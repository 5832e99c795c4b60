//! Handles SQS events. Each record is handled in a task of its own, so that one that fails or panics does not affect
//! the others; the response lists the records to deliver again.
//! Source: AWS, "Using Lambda with Amazon SQS", partial batch responses.

use std::time::Duration;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::Timestamp;
use engine::Handled;
use futures_util::future::join_all;
use runtime::metrics::MetricEvent;
use store::StoreError;
use store::queue::{Message, Queue};

use crate::App;

/// Delay before a message is delivered again after a store error, times the number of receipts so far.
const FAULT_PAUSE: Duration = Duration::from_secs(2);
/// Maximum visibility timeout of SQS.
const MAX_WAIT_SECS: u64 = 43_200;

/// The parts of a record that are used here.
#[derive(Debug, Clone)]
struct Record {
    id: String,
    handle: Option<String>,
    body: String,
    /// How often it has been received, including this time.
    receives: u32,
    sent: Option<Timestamp>,
}

impl Record {
    fn of(message: SqsMessage) -> Record {
        let receives = message.attributes.get("ApproximateReceiveCount").and_then(|n| n.parse().ok());
        let sent = message.attributes.get("SentTimestamp").and_then(|ms| ms.parse().ok()).map(Timestamp);
        Record {
            id: message.message_id.unwrap_or_default(),
            handle: message.receipt_handle,
            body: message.body.unwrap_or_default(),
            receives: receives.unwrap_or(1),
            sent,
        }
    }

    /// Reports a fault that prevented this message from being handled. Returns the delay of its next delivery.
    fn failed(&self, app: &App, error: &dyn std::fmt::Display) -> Duration {
        tracing::error!(id = self.id, %error, "a message failed");
        if self.receives >= FAILS_AGAIN {
            app.engine.record(&MetricEvent::MessageFailed);
        }
        FAULT_PAUSE * self.receives
    }
}

/// Failures are counted from this receipt on, because SQS leaves such messages out of the queue's age metric.
const FAILS_AGAIN: u32 = 3;

impl App {
    /// Handles messages of the units queue. Starts nothing that could not finish by `until`.
    pub async fn work(&self, event: SqsEvent, until: Option<Timestamp>) -> SqsBatchResponse {
        each(self, event, Some(&self.engine.queues().units), move |app, record| async move {
            match Message::parse(&record.body) {
                Ok(Message::Units { job, lane, seqs }) => {
                    // Only for units that waited in the queue: neither for lanes that wait for a crawl to grow nor for
                    // redeliveries.
                    if let Some(sent) = record.sent.filter(|_| record.receives == 1 && !seqs.is_empty()) {
                        app.engine.record(&MetricEvent::Received(app.engine.now().ms_since(sent)));
                    }
                    app.engine.worker.work(&job, lane, &seqs, record.receives, until).await
                }
                // A message of another queue, or an unreadable one. It goes to the dead-letter queue, where an operator
                // sees it.
                Ok(Message::Settle { .. } | Message::Notify { .. }) => {
                    Err(StoreError::Malformed("the units' queue has a message of another queue".into()))
                }
                Err(error) => Err(StoreError::Malformed(error.to_string())),
            }
        })
        .await
    }

    /// Handles messages of the settle queue and of the dead-letter queue.
    pub async fn settle(&self, event: SqsEvent) -> SqsBatchResponse {
        each(self, event, None, |app, record| async move {
            match Message::parse(&record.body) {
                Ok(Message::Settle { job } | Message::Units { job, .. }) => {
                    app.engine.settler.settle_if_done(&job).await?;
                }
                // Its delivery row still exists and is due: the sweeper sends another message.
                Ok(Message::Notify { .. }) => {}
                // It came from the dead-letter queue: nothing can ever read it.
                Err(error) => tracing::error!(id = record.id, %error, "dropping a message that cannot be read"),
            }
            Ok(Handled::Acknowledge)
        })
        .await
    }
}

/// Handles messages of the notify queue: sends the webhook messages of the jobs that they name.
pub async fn notify(app: &App, event: SqsEvent) -> SqsBatchResponse {
    each(app, event, Some(&app.engine.queues().notify), |app, record| async move {
        match Message::parse(&record.body) {
            Ok(Message::Notify { job }) => app.engine.notifier.deliver(&job).await,
            Ok(Message::Settle { .. } | Message::Units { .. }) => {
                Err(StoreError::Malformed("the notify queue has a message of another queue".into()))
            }
            Err(error) => Err(StoreError::Malformed(error.to_string())),
        }
    })
    .await
}

/// Handles each record in a task of its own. The response lists the records to deliver again. With `queue`, a record is
/// delivered again after the delay that its handler returns; after a fault or a panic, the delay grows with the number
/// of receipts. Without `queue`, it is delivered again at the end of the visibility timeout.
async fn each<F>(
    app: &App,
    event: SqsEvent,
    queue: Option<&Queue>,
    handle: impl Fn(App, Record) -> F,
) -> SqsBatchResponse
where
    F: Future<Output = Result<Handled, StoreError>> + Send + 'static,
{
    let records = event.records.into_iter().map(Record::of).map(|record| {
        let task = tokio::spawn(handle(app.clone(), record.clone()));
        // Boxed, because the future of a whole function is too deep for the compiler otherwise.
        Box::pin(async move {
            let wait = match task.await {
                Ok(Ok(Handled::Acknowledge)) => return None,
                Ok(Ok(Handled::Redeliver(wait))) => wait,
                Ok(Err(error)) => record.failed(app, &error),
                Err(panic) => record.failed(app, &panic),
            };
            if let Some(queue) = queue {
                delay_redelivery(queue, &record, wait).await;
            }
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = record.id;
            Some(failure)
        })
    });
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = join_all(records).await.into_iter().flatten().collect();
    app.telemetry.flush(app.engine.now());
    response
}

/// Has a message delivered again after `wait` instead of at the end of its visibility timeout, which is long.
async fn delay_redelivery(queue: &Queue, record: &Record, wait: Duration) {
    let secs = wait.as_millis().div_ceil(1_000).min(u128::from(MAX_WAIT_SECS));
    if let Some(handle) = &record.handle {
        let changed = queue.change_visibility(&[(handle, u32::try_from(secs).unwrap_or(0))]).await;
        if let Some(fault) = changed.fault {
            tracing::warn!(id = record.id, %fault, "could not set when a message is delivered again; it comes after the queue's visibility timeout");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use runtime::settings::Settings;
    use serde_json::json;

    use super::*;
    use crate::app::AppDependencies;
    use crate::config::{Config, ResourceConfig, TableAccess};
    use crate::env::Env;

    #[tokio::test]
    async fn a_handler_that_panics_is_a_failed_message() {
        let env = Env(&|name| {
            let known =
                name.ends_with("_TABLE") || name.ends_with("_QUEUE_URL") || name.starts_with("AWS_ENDPOINT_URL");
            known.then(|| "http://127.0.0.1:1/none".to_owned())
        });
        let (lines, config) = (Arc::new(Mutex::new(Vec::new())), Config::read(&env, Settings::default()).unwrap());
        let (resources, written) = (ResourceConfig::from_env(&env, TableAccess::All).unwrap(), Arc::clone(&lines));
        let metrics = Arc::new(move |line: &str| written.lock().unwrap().push(line.to_owned()));
        let app =
            App::new(&config, &resources, AppDependencies { metrics, ..AppDependencies::default() }).await.unwrap();
        // Counted from the third delivery on: the queue's age does not show it any more then.
        for (receives, counted) in [("2", 0), ("3", 1)] {
            let attributes = json!({ "ApproximateReceiveCount": receives });
            let record = json!({ "messageId": "one", "body": "", "messageAttributes": {}, "attributes": attributes });
            let event = serde_json::from_value(json!({ "Records": [record] })).unwrap();
            let response = each(&app, event, None, |_, _| async { panic!("a fault inside") }).await;
            assert_eq!(response.batch_item_failures[0].item_identifier, "one");
            let failed = |line: &&String| line.contains("MessagesFailed");
            assert_eq!(lines.lock().unwrap().iter().filter(failed).count(), counted);
        }
    }
}
