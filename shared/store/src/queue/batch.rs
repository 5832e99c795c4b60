//! The three batch calls, all handled alike: ten entries per request, an answer for each entry, retries of transient
//! refusals. The result names the entries that were not accepted.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    SendMessageBatchRequestEntry,
};

use domain::AccountId;

use super::{Message, Queue};
use crate::error::StoreError;

/// Maximum number of entries of a batch request: the service's limit.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
const MAX_REQUEST_ENTRIES: usize = 10;
/// Maximum size of all bodies of a batch request in bytes. SQS takes 1 MiB since August 2025; emulators, and queues
/// whose MaximumMessageSize was set before, take this much.
const MAX_REQUEST_BYTES: usize = 256 * 1024;
/// Number of consecutive failed requests after which the remaining ones are not made: the endpoint is most likely
/// unreachable, and the caller is waiting and has another way.
const MAX_FAILED_REQUESTS: u32 = 2;
/// Duration after which a single failed request is enough, because it ran into a timeout.
const SLOW_FAILURE: Duration = Duration::from_secs(2);

/// The result of a batch call.
#[derive(Debug, Default)]
pub struct BatchOutcome {
    /// Positions of the entries that were not taken, ascending. If a request failed as a whole, it is unknown whether
    /// SQS took its entries; they are listed here.
    pub failed: Vec<usize>,
    /// The first store error. `None` if and only if `failed` is empty.
    pub fault: Option<StoreError>,
}

impl BatchOutcome {
    /// Returns whether all entries were taken.
    pub fn complete(&self) -> bool {
        self.failed.is_empty()
    }

    fn fail(&mut self, entries: impl IntoIterator<Item = usize>, fault: StoreError) {
        self.failed.extend(entries);
        self.fault.get_or_insert(fault);
    }
}

/// SQS's answer for each entry of a request.
struct BatchResponse {
    taken: Vec<String>,
    refused: Vec<BatchResultErrorEntry>,
}

impl Queue {
    /// Sends `messages` of one account.
    pub async fn send(&self, account: &AccountId, messages: &[Message]) -> BatchOutcome {
        self.send_delayed(account, messages, 0).await
    }

    /// Sends `messages` of one account, to be received after `delay_secs` at the earliest, which is at most
    /// [`MAX_DELAY_SECS`](super::MAX_DELAY_SECS).
    ///
    /// Each message has the account as its MessageGroupId. On a standard queue this enables fair queueing: while many
    /// messages of one account are in flight, those of others are delivered first. There is no order within an account.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>
    pub async fn send_delayed(&self, account: &AccountId, messages: &[Message], delay_secs: u32) -> BatchOutcome {
        let bodies: Vec<String> = messages.iter().map(Message::to_body).collect();
        let delay = i32::try_from(delay_secs).ok().filter(|d| *d > 0);
        let bodies = &bodies;
        self.in_batches("SendMessageBatch", split_into_requests(bodies.iter().map(String::len)), |entries| async move {
            let mut request = self.sqs.send_message_batch().queue_url(&*self.url);
            for i in entries {
                request = request.entries(
                    SendMessageBatchRequestEntry::builder()
                        .id(i.to_string())
                        .message_body(&bodies[i])
                        .message_group_id(account.as_str())
                        .set_delay_seconds(delay)
                        .build()?,
                );
            }
            let sent = request.send().await.map_err(|e| StoreError::sdk("SendMessageBatch", e))?;
            let taken = sent.successful.into_iter().map(|s| s.id).collect();
            Ok(BatchResponse { taken, refused: sent.failed })
        })
        .await
    }

    /// Acknowledges messages by their receipt handles. They are not delivered again, except rarely: delivery is at
    /// least once.
    pub async fn delete<S: AsRef<str>>(&self, handles: &[S]) -> BatchOutcome {
        let handles: Vec<&str> = handles.iter().map(AsRef::as_ref).collect();
        let handles = &handles;
        self.in_batches("DeleteMessageBatch", split_into_requests(handles.iter().map(|_| 0)), |entries| async move {
            let mut request = self.sqs.delete_message_batch().queue_url(&*self.url);
            for i in entries {
                let entry = DeleteMessageBatchRequestEntry::builder().id(i.to_string()).receipt_handle(handles[i]);
                request = request.entries(entry.build()?);
            }
            let sent = request.send().await.map_err(|e| StoreError::sdk("DeleteMessageBatch", e))?;
            let taken = sent.successful.into_iter().map(|s| s.id).collect();
            Ok(BatchResponse { taken, refused: sent.failed })
        })
        .await
    }

    /// Sets the visibility timeout of received messages by their receipt handles: seconds from now (0 to 43,200) after
    /// which they are visible again; 0 means at once.
    pub async fn change_visibility<S: AsRef<str>>(&self, changes: &[(S, u32)]) -> BatchOutcome {
        let changes: Vec<(&str, u32)> = changes.iter().map(|(handle, secs)| (handle.as_ref(), *secs)).collect();
        let changes = &changes;
        self.in_batches(
            "ChangeMessageVisibilityBatch",
            split_into_requests(changes.iter().map(|_| 0)),
            |entries| async move {
                let mut request = self.sqs.change_message_visibility_batch().queue_url(&*self.url);
                for i in entries {
                    let (handle, secs) = changes[i];
                    let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                        .id(i.to_string())
                        .receipt_handle(handle)
                        .visibility_timeout(i32::try_from(secs).unwrap_or(i32::MAX));
                    request = request.entries(entry.build()?);
                }
                let sent = request.send().await.map_err(|e| StoreError::sdk("ChangeMessageVisibilityBatch", e))?;
                let taken = sent.successful.into_iter().map(|s| s.id).collect();
                Ok(BatchResponse { taken, refused: sent.failed })
            },
        )
        .await
    }

    /// Makes one request after another. Entries are identified by their positions.
    async fn in_batches<C, F>(&self, operation: &'static str, batches: Vec<Vec<usize>>, call: C) -> BatchOutcome
    where
        C: Fn(Vec<usize>) -> F,
        F: Future<Output = Result<BatchResponse, StoreError>>,
    {
        let mut outcome = BatchOutcome::default();
        let mut failed_requests = 0;
        let start = Instant::now();
        let mut batches = batches.into_iter();
        for batch in batches.by_ref() {
            let mut open = batch;
            for attempt in 1.. {
                let answered = match call(open.clone()).await {
                    Ok(answered) => answered,
                    Err(fault) => {
                        failed_requests += 1;
                        outcome.fail(std::mem::take(&mut open), fault);
                        break;
                    }
                };
                failed_requests = 0;
                open.retain(|i| !answered.taken.contains(&i.to_string()));
                for refusal in answered.refused.iter().filter(|r| r.sender_fault) {
                    if let Some(place) = open.iter().position(|i| i.to_string() == refusal.id) {
                        outcome.fail([open.swap_remove(place)], refused(operation, refusal));
                    }
                }
                if open.is_empty() {
                    break;
                }
                if attempt >= self.retry.max_tries {
                    // An entry that SQS did not mention was not taken either.
                    let fault = answered.refused.iter().find(|r| !r.sender_fault).map_or_else(
                        || StoreError::Malformed(format!("{operation}: the response leaves out an entry")),
                        |r| refused(operation, r),
                    );
                    outcome.fail(std::mem::take(&mut open), fault);
                    break;
                }
                let max = self.retry.base_ms << attempt.min(6);
                tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=max))).await;
            }
            if failed_requests >= MAX_FAILED_REQUESTS || (failed_requests > 0 && start.elapsed() >= SLOW_FAILURE) {
                break;
            }
        }
        outcome.failed.extend(batches.flatten());
        outcome.failed.sort_unstable();
        if let Some(fault) = &outcome.fault {
            tracing::warn!(operation, failed = outcome.failed.len(), %fault, "not all of a batch was taken");
        }
        outcome
    }
}

/// Splits entries of these sizes into requests and returns their positions. An entry too large for any request goes
/// alone, and SQS refuses it.
fn split_into_requests(sizes: impl Iterator<Item = usize>) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for (i, size) in sizes.enumerate() {
        match batches.last_mut() {
            Some(batch) if batch.len() < MAX_REQUEST_ENTRIES && bytes + size <= MAX_REQUEST_BYTES => {
                batch.push(i);
                bytes += size;
            }
            Some(_) | None => {
                batches.push(vec![i]);
                bytes = size;
            }
        }
    }
    batches
}

/// Returns the store error of a refused entry.
fn refused(operation: &'static str, refusal: &BatchResultErrorEntry) -> StoreError {
    let text = format!("{}: {}", refusal.code, refusal.message.as_deref().unwrap_or("no reason given"));
    if refusal.sender_fault {
        StoreError::Malformed(format!("{operation}: {text}"))
    } else {
        StoreError::Unavailable { operation, source: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_within_the_limits() {
        assert!(split_into_requests(std::iter::empty()).is_empty());
        let by_number: Vec<usize> = split_into_requests([80; 25].into_iter()).iter().map(Vec::len).collect();
        assert_eq!(by_number, [10, 10, 5]);
        let by_size = split_into_requests(
            [MAX_REQUEST_BYTES / 2, MAX_REQUEST_BYTES / 2, 1, MAX_REQUEST_BYTES, MAX_REQUEST_BYTES + 1, 1].into_iter(),
        );
        assert_eq!(by_size, [vec![0, 1], vec![2], vec![3], vec![4], vec![5]]);
    }
}
