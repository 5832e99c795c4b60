//! Polls the embedded queues like Lambda's event source mapping: long polls, a concurrency limit, and the queue's
//! visibility timeout. Deletes messages that succeeded. Failed messages are not deleted: they are delivered again, and
//! finally moved to the dead-letter queue.

use std::sync::Arc;
use std::time::Duration;

use api::App;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use serde_json::json;
use store::RetryPolicy;
use store::client::Connection;
use store::queue::{self, Queue, QueueDef, QueueNames, QueueUrls, Received};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// Maximum wait of a poll.
const WAIT_SECS: u32 = 20;
/// Settle messages handled at once.
const SETTLE_CONCURRENCY: usize = 4;
/// Webhook receivers called at once.
const NOTIFY_CONCURRENCY: usize = 8;
/// Delay after a poll that failed.
const FAULT_PAUSE: Duration = Duration::from_secs(1);

/// Which function reads a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Worker,
    Settle,
    Notify,
}

/// Starts a loop for each queue. `worker` is the application without access to the accounts table.
pub(crate) async fn start(
    urls: &QueueUrls,
    settle: App,
    worker: App,
    concurrency: usize,
    sqs: &Connection,
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let client = queue::connect(sqs).await;
    let names = QueueNames::default();
    let definitions = queue::definitions(&names);
    let visibility =
        |name: &str| definitions.iter().find(|d| d.name == name).map_or(30, |d: &QueueDef| d.visibility_secs);
    let loops = [
        (Reader::Worker, worker, &urls.units, visibility(&names.units), concurrency),
        (Reader::Settle, settle.clone(), &urls.settle, visibility(&names.settle), SETTLE_CONCURRENCY),
        (Reader::Notify, settle.clone(), &urls.notify, visibility(&names.notify), NOTIFY_CONCURRENCY),
        (Reader::Settle, settle, &urls.dead, visibility(&names.dead), 1),
    ];
    loops
        .into_iter()
        .filter(|(.., concurrency)| *concurrency > 0)
        .map(|(reader, app, url, visibility, concurrency)| {
            let mapping =
                Mapping { queue: Queue::new(client.clone(), url, RetryPolicy::default()), visibility, reader, app };
            tokio::spawn(mapping.run(concurrency, stop.clone()))
        })
        .collect()
}

/// One event source mapping.
#[derive(Debug, Clone)]
struct Mapping {
    queue: Queue,
    visibility: u32,
    reader: Reader,
    app: App,
}

impl Mapping {
    async fn run(self, concurrency: usize, stop: CancellationToken) {
        let free = Arc::new(Semaphore::new(concurrency));
        let mut working = JoinSet::new();
        loop {
            while working.try_join_next().is_some() {}
            let Some(Ok(first)) = stop.run_until_cancelled(Arc::clone(&free).acquire_owned()).await else { break };
            let mut permits = vec![first];
            while permits.len() < 10
                && let Ok(more) = Arc::clone(&free).try_acquire_owned()
            {
                permits.push(more);
            }
            let max = u32::try_from(permits.len()).unwrap_or(1);
            let receive = self.queue.receive(max, WAIT_SECS, self.visibility);
            let received = match stop.run_until_cancelled(receive).await {
                None => break,
                Some(Ok(received)) => received,
                Some(Err(error)) => {
                    tracing::warn!(%error, "could not poll a queue");
                    let _ = stop.run_until_cancelled(tokio::time::sleep(FAULT_PAUSE)).await;
                    continue;
                }
            };
            // One message per invocation: a slow one does not delay the acknowledgement of others.
            for (message, permit) in received.into_iter().zip(permits) {
                let mapping = self.clone();
                working.spawn(async move {
                    let _permit = permit;
                    mapping.invoke(message).await;
                });
            }
        }
        // Started messages may finish; the end of the process waits for them only for a limited time.
        while working.join_next().await.is_some() {}
    }

    async fn invoke(&self, message: Received) {
        let handle = message.receipt_handle.clone();
        let event = event(&self.queue, &message);
        let response = match self.reader {
            Reader::Worker => match serde_json::from_value::<SqsEvent>(event) {
                Ok(event) => Ok(worker::handle(&self.app, event, None).await),
                Err(error) => Err(error.to_string()),
            },
            Reader::Notify => match serde_json::from_value::<SqsEvent>(event) {
                Ok(event) => Ok(notify::handle(&self.app, event).await),
                Err(error) => Err(error.to_string()),
            },
            Reader::Settle => match settle::handle(&self.app, event, None).await {
                Ok(response) => serde_json::from_value::<SqsBatchResponse>(response).map_err(|e| e.to_string()),
                Err(error) => Err(error.to_string()),
            },
        };
        match response {
            Ok(response) if response.batch_item_failures.is_empty() => {
                self.queue.delete(&[handle]).await;
            }
            Ok(_) => {}
            Err(error) => tracing::error!(error, "a message could not be handled"),
        }
    }
}

/// Builds the event of an SQS trigger with one record.
/// Source: AWS, "Using Lambda with Amazon SQS", example event.
fn event(queue: &Queue, message: &Received) -> serde_json::Value {
    let name = queue.url().rsplit('/').next().unwrap_or_default();
    json!({ "Records": [{
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": message.receive_count.to_string(),
            "SentTimestamp": message.sent_at.0.to_string(),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:us-east-1:000000000000:{name}"),
        "awsRegion": "us-east-1",
    }] })
}
