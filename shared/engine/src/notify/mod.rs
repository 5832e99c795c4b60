//! Telling whom a caller named that a job has ended. The message's row is put with the job's end; a message of the queue is
//! a hint that it waits, and where that is lost the sweeper gives another. Every try is claimed in the row first, so that
//! two processes never send one message at once, and one that dies leaves a claim that ends.

mod send;

use std::sync::Arc;
use std::time::Duration;

use domain::job::Settlement;
use domain::webhook::{Claim, Delivery, Resend, TIMEOUT_MS, Webhook};
use domain::{AccountId, Job, JobId, Timestamp};
use fetch::Fetcher;
use store::StoreError;
use store::queue::{Message, Queue};
use url::Url;

use crate::worker::Handled;
use runtime::context::Context;
use runtime::rows::Rows;

/// Longest that a message of the queue can be delayed; the sweeper looks after waits that are longer.
const MOST_DELAY_SECS: u64 = 900;
/// How long the queue may take for a message that the sweeper gave it before it is given another.
const QUIET_SECS: u64 = 900;
/// Most messages that one sweep takes from a shard.
const BATCH: i32 = 100;

/// Tells of jobs that ended.
pub struct Notifier {
    context: Arc<Context>,
    rows: Rows,
    queue: Queue,
    fetcher: Fetcher,
}

/// Why a call that names a receiver is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiverFault {
    /// Its address may not be asked; why.
    Forbidden(String),
    /// The account has no secret that messages could be signed with.
    NoSecret,
}

/// What an order to send a message again came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resent {
    /// It is sent, or was being sent in this moment.
    Yes(Box<Delivery>),
    /// It was ordered just now; in so many seconds it may be again.
    TooSoon(u64),
    /// The caller did not ask to be told of this end.
    Skipped,
    /// The job has no message.
    NoMessage,
}

impl Notifier {
    pub(crate) fn new(context: Arc<Context>, rows: Rows, queue: Queue, fetcher: Fetcher) -> Notifier {
        Notifier { context, rows, queue, fetcher }
    }

    /// Judges whom a call names as its receiver.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn judge(&self, account: &AccountId, webhook: &Webhook) -> Result<Option<ReceiverFault>, StoreError> {
        let judged = match Url::parse(&webhook.url) {
            Ok(url) => self.fetcher.judge_target(&url).await.map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = judged {
            return Ok(Some(ReceiverFault::Forbidden(why)));
        }
        let signing = self.rows.retry(|| self.rows.store().hooks.secrets(account)).await?.secrets;
        Ok(signing.valid(self.context.now()).next().is_none().then_some(ReceiverFault::NoSecret))
    }

    /// The message of a job's end, to be put with it, and when the sweeper looks after it.
    pub(crate) fn message_of(&self, webhook: &Webhook, job: &Job, end: &Settlement) -> (Delivery, Timestamp) {
        let delivery = Delivery::of(webhook, job, end, self.context.nonce());
        let due = end.ended_at.plus_secs(self.context.settings().lease_secs);
        (delivery, due)
    }

    /// Tells the queue that a message waits. Where it does not take that, the sweeper finds the row.
    pub(crate) async fn tell(&self, delivery: &Delivery, delay_secs: u32) -> bool {
        let message = [Message::Notify { job: delivery.job.clone() }];
        delivery.is_pending() && self.queue.send_delayed(&delivery.account, &message, delay_secs).await.complete()
    }

    /// The message of a job, if it has ended and has one.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn delivery(&self, id: &JobId) -> Result<Option<Delivery>, StoreError> {
        self.rows.retry(|| self.rows.store().hooks.delivery(id)).await
    }

    /// Carries a message of the queue out: tries to send, if it is time for that.
    ///
    /// # Errors
    /// Faults of the store: leave the message to come again.
    pub async fn deliver(&self, id: &JobId) -> Result<Handled, StoreError> {
        let Some(delivery) = self.delivery(id).await? else { return Ok(Handled::Acknowledge) };
        let now = self.context.now();
        let lease_ms = i64::from(TIMEOUT_MS) + 1_000 * self.context.settings().lease_secs.cast_signed();
        match delivery.claim(now, lease_ms, self.context.nonce()) {
            // The row is found by the sweeper when it is due, whoever holds it now.
            Claim::Over | Claim::Taken => Ok(Handled::Acknowledge),
            Claim::Later(at) => {
                let wait = at.ms_since(now);
                // A clock that goes ahead a little; the sweeper looks after longer waits.
                let soon = wait <= 1_000 * MOST_DELAY_SECS;
                Ok(if soon { Handled::Redeliver(Duration::from_millis(wait)) } else { Handled::Acknowledge })
            }
            Claim::Exhausted(over) => {
                self.write(&over, now).await?;
                Ok(Handled::Acknowledge)
            }
            Claim::Try(claimed) => {
                self.attempt(&delivery, *claimed).await?;
                Ok(Handled::Acknowledge)
            }
        }
    }

    /// Writes the row and says so where that ends it. Returns false where somebody else has it.
    async fn write(&self, delivery: &Delivery, due: Timestamp) -> Result<bool, StoreError> {
        let written = self.rows.retry(|| self.rows.store().hooks.write_delivery(delivery, due)).await?;
        if written && !delivery.is_pending() {
            tracing::info!(job = %delivery.job, state = delivery.state.name(), attempts = delivery.attempts,
                status = delivery.last_status, "the message of a job's end is over");
        }
        Ok(written)
    }

    /// Tells the queue of each message that waits and that nobody looked after. Returns how many there were.
    ///
    /// # Errors
    /// They could not be listed. One that cannot be looked after is logged and left for the next sweep.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let (mut told, now) = (0, self.context.now());
        for id in self.rows.retry(|| self.rows.store().hooks.due(now, BATCH)).await? {
            if self.context.stopping() {
                break;
            }
            match self.look_after(&id).await {
                Ok(looked) => told += usize::from(looked),
                Err(error) => tracing::error!(job = %id, %error, "a message could not be looked after"),
            }
        }
        Ok(told)
    }

    async fn look_after(&self, id: &JobId) -> Result<bool, StoreError> {
        // The index lags behind the rows.
        let Some(delivery) = self.delivery(id).await? else { return Ok(false) };
        if delivery.next > self.context.now() || !self.tell(&delivery, 0).await {
            return Ok(false);
        }
        let due = self.context.now().plus_secs(QUIET_SECS);
        self.rows.retry(|| self.rows.store().hooks.postpone(&delivery, due)).await?;
        Ok(true)
    }

    /// Sends a job's message again, with all its tries.
    ///
    /// # Errors
    /// Faults of the store; the order may be repeated.
    pub async fn resend(&self, id: &JobId) -> Result<Resent, StoreError> {
        loop {
            let Some(delivery) = self.delivery(id).await? else { return Ok(Resent::NoMessage) };
            let now = self.context.now();
            let again = match delivery.resend(now, self.context.nonce()) {
                Resend::Send(again) => again,
                Resend::UnderWay => return Ok(Resent::Yes(Box::new(delivery))),
                Resend::TooSoon(at) => return Ok(Resent::TooSoon(at.ms_since(now).div_ceil(1_000))),
                Resend::Skipped => return Ok(Resent::Skipped),
            };
            if self.write(&again, now.plus_secs(self.context.settings().lease_secs)).await? {
                self.tell(&again, 0).await;
                return Ok(Resent::Yes(again));
            }
        }
    }
}
