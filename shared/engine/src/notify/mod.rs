//! Delivers webhooks: tells the receiver of a call's `webhook` that the job has ended. The delivery's row is written
//! with the job's end. A queue message is a hint that the delivery waits; if the message is lost, the sweeper sends
//! another. A sender takes a lease on the delivery before each try, so that two processes never send at once. If the
//! sender dies, its lease expires.

mod send;

use std::sync::Arc;
use std::time::Duration;

use domain::job::Settlement;
use domain::webhook::{Delivery, Resend, TIMEOUT_MS, TryDecision, Webhook};
use domain::{AccountId, Job, JobId, Timestamp};
use fetch::Fetcher;
use runtime::context::Context;
use runtime::rows::Rows;
use store::StoreError;
use store::queue::{MAX_DELAY_SECS, Message, Queue};
use url::Url;

use crate::handled::Handled;

/// Seconds after which the sweeper sends another message for a delivery that is still due.
const SWEEP_RETRY_SECS: u64 = 900;
/// Maximum number of deliveries that one sweep takes from a shard.
const MAX_DUE_PER_SHARD: i32 = 100;

/// Delivers webhooks of jobs that ended.
pub struct Notifier {
    context: Arc<Context>,
    rows: Rows,
    queue: Queue,
    fetcher: Fetcher,
}

/// Why a call with a webhook is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiverFault {
    /// The receiver's address is not allowed, for this reason.
    Forbidden(String),
    /// The account has no secret to sign with.
    NoSecret,
}

/// Result of a request to send a delivery again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resent {
    /// It is being sent, because of this request or of an earlier one.
    Sending(Box<Delivery>),
    /// The last request was too recent. The next one is possible in this many seconds.
    TooSoon(u64),
    /// The caller did not subscribe to this event.
    Skipped,
    /// The job has no delivery.
    NoMessage,
}

impl Notifier {
    pub(crate) fn new(context: Arc<Context>, rows: Rows, queue: Queue, fetcher: Fetcher) -> Notifier {
        Notifier { context, rows, queue, fetcher }
    }

    /// Checks the receiver of a call's webhook. Returns `None` if it is acceptable.
    ///
    /// # Errors
    /// Store errors.
    pub async fn check_receiver(
        &self,
        account: &AccountId,
        webhook: &Webhook,
    ) -> Result<Option<ReceiverFault>, StoreError> {
        let allowed = match Url::parse(&webhook.url) {
            Ok(url) => self.fetcher.check_target(&url).await.map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = allowed {
            return Ok(Some(ReceiverFault::Forbidden(why)));
        }
        let signing = self.rows.retry(|| self.rows.store().webhooks.secrets(account)).await?.secrets;
        Ok(signing.valid(self.context.now()).next().is_none().then_some(ReceiverFault::NoSecret))
    }

    /// Returns the delivery for a job's end, which is written in the same transaction, and when the sweeper handles it.
    pub(crate) fn new_delivery(&self, webhook: &Webhook, job: &Job, end: &Settlement) -> (Delivery, Timestamp) {
        let delivery = Delivery::of(webhook, job, end, self.context.nonce());
        let due = end.ended_at.plus_secs(self.context.settings().lease_secs);
        (delivery, due)
    }

    /// Sends the queue a message for a delivery that waits. Returns whether the queue accepted the message. If not, the
    /// sweeper finds the row.
    pub(crate) async fn enqueue(&self, delivery: &Delivery, delay_secs: u32) -> bool {
        let message = [Message::Notify { job: delivery.job.clone() }];
        delivery.is_pending() && self.queue.send_delayed(&delivery.account, &message, delay_secs).await.complete()
    }

    /// Returns the delivery of a job, if the job has ended and has one.
    ///
    /// # Errors
    /// Store errors.
    pub async fn delivery(&self, id: &JobId) -> Result<Option<Delivery>, StoreError> {
        self.rows.retry(|| self.rows.store().webhooks.delivery(id)).await
    }

    /// Handles a message of the notify queue: makes a try, if it is time for one.
    ///
    /// # Errors
    /// Store errors. Leave the message in the queue, so that it is delivered again.
    pub async fn deliver(&self, id: &JobId) -> Result<Handled, StoreError> {
        let Some(delivery) = self.delivery(id).await? else { return Ok(Handled::Acknowledge) };
        let now = self.context.now();
        let lease_ms = i64::from(TIMEOUT_MS) + 1_000 * self.context.settings().lease_secs.cast_signed();
        match delivery.begin_try(now, lease_ms, self.context.nonce()) {
            // The sweeper finds the row when it is due, even if another process holds the lease now.
            TryDecision::NothingToSend | TryDecision::UnderWay => Ok(Handled::Acknowledge),
            TryDecision::NotBefore(at) => {
                let wait = at.ms_since(now);
                // The message came early: clocks may differ a little. The sweeper handles longer waits.
                let fits_queue = wait <= 1_000 * u64::from(MAX_DELAY_SECS);
                Ok(if fits_queue { Handled::Redeliver(Duration::from_millis(wait)) } else { Handled::Acknowledge })
            }
            TryDecision::Exhausted(over) => {
                self.write(&over, now).await?;
                Ok(Handled::Acknowledge)
            }
            TryDecision::Try(claimed) => {
                self.make_try(&delivery, *claimed).await?;
                Ok(Handled::Acknowledge)
            }
        }
    }

    /// Writes the row, and logs it if the delivery has ended. Returns false if the row has changed in the meantime.
    async fn write(&self, delivery: &Delivery, due: Timestamp) -> Result<bool, StoreError> {
        let written = self.rows.retry(|| self.rows.store().webhooks.write_delivery(delivery, due)).await?;
        if written && !delivery.is_pending() {
            tracing::info!(job = %delivery.job, state = delivery.state.name(), tries = delivery.tries,
                status = delivery.last_status, "the delivery of a webhook has ended");
        }
        Ok(written)
    }

    /// Sends the queue a message for each delivery that is due. Returns how many messages it sent.
    ///
    /// # Errors
    /// The deliveries could not be listed. One that cannot be handled is logged and left for the next sweep.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let (mut sent, now) = (0, self.context.now());
        for id in self.rows.retry(|| self.rows.store().webhooks.due(now, MAX_DUE_PER_SHARD)).await? {
            if self.context.stopping() {
                break;
            }
            match self.resume(&id).await {
                Ok(resumed) => sent += usize::from(resumed),
                Err(error) => {
                    tracing::error!(job = %id, %error, "could not resume a webhook delivery; the next sweep retries")
                }
            }
        }
        Ok(sent)
    }

    /// Sends the queue a message for a delivery if it is due. Returns whether it did.
    async fn resume(&self, id: &JobId) -> Result<bool, StoreError> {
        // The index may lag behind the row.
        let Some(delivery) = self.delivery(id).await? else { return Ok(false) };
        if delivery.next > self.context.now() || !self.enqueue(&delivery, 0).await {
            return Ok(false);
        }
        let due = self.context.now().plus_secs(SWEEP_RETRY_SECS);
        self.rows.retry(|| self.rows.store().webhooks.postpone(&delivery, due)).await?;
        Ok(true)
    }

    /// Sends a job's delivery again, with all its tries.
    ///
    /// # Errors
    /// Store errors. The request may be repeated.
    pub async fn resend(&self, id: &JobId) -> Result<Resent, StoreError> {
        loop {
            let Some(delivery) = self.delivery(id).await? else { return Ok(Resent::NoMessage) };
            let now = self.context.now();
            let again = match delivery.resend(now, self.context.nonce()) {
                Resend::Send(again) => again,
                Resend::UnderWay => return Ok(Resent::Sending(Box::new(delivery))),
                Resend::TooSoon(at) => return Ok(Resent::TooSoon(at.ms_since(now).div_ceil(1_000))),
                Resend::Skipped => return Ok(Resent::Skipped),
            };
            if self.write(&again, now.plus_secs(self.context.settings().lease_secs)).await? {
                self.enqueue(&again, 0).await;
                return Ok(Resent::Sending(again));
            }
        }
    }
}
