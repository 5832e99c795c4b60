//! Sends messages about waiting units, settlements and webhooks to the queues. Messages are hints: the rows decide.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::lanes::Lanes;
use domain::{Job, Seq};
use store::queue::{Message, Queue};

use runtime::context::Context;

/// The queues of the service.
#[derive(Debug, Clone)]
pub struct Queues {
    /// Units to run; read by workers.
    pub units: Queue,
    /// Jobs to settle; read by the function that may change balances.
    pub settle: Queue,
    /// Jobs with a webhook to deliver; read by `notify`.
    pub notify: Queue,
}

/// Sends messages to the queues.
pub(crate) struct Dispatcher {
    pub(crate) context: Arc<Context>,
    pub(crate) queues: Queues,
}

impl Dispatcher {
    /// Returns the lanes of a job.
    pub(crate) fn lanes(&self, job: &Job) -> Lanes {
        let settings = self.context.settings();
        let concurrency = job.concurrency.unwrap_or(settings.queue_concurrency);
        // A crawl has one lane: its pages belong to one host, and one lane runs as many at once
        // as the host's pace allows.
        let units = if job.is_crawl() { 1 } else { job.admitted };
        Lanes::of(concurrency, settings.units_per_message, units)
    }

    /// Sends a first message for each lane that has units in `open`. Returns the open units of lanes whose message the
    /// queue did not accept.
    pub(crate) async fn send_open(&self, job: &Job, open: &BTreeSet<Seq>) -> BTreeSet<Seq> {
        let lanes = self.lanes(job);
        let first_messages = lanes.first_messages(job.admitted, |seq| open.contains(&seq));
        let names: Vec<u32> = first_messages.iter().map(|(lane, _)| *lane).collect();
        let messages: Vec<Message> =
            first_messages.into_iter().map(|(lane, seqs)| Message::Units { job: job.id.clone(), lane, seqs }).collect();
        let refused = self.queues.units.send(&job.account, &messages).await.failed;
        let refused: BTreeSet<u32> = refused.into_iter().filter_map(|i| names.get(i).copied()).collect();
        if refused.is_empty() {
            return BTreeSet::new();
        }
        tracing::warn!(job = %job.id, lanes = refused.len(), "the queue did not accept the messages of all lanes");
        open.iter().copied().filter(|seq| refused.contains(&lanes.lane_of(*seq))).collect()
    }

    /// Asks for a job to be settled. Returns whether the queue accepted the message; if not, the sweeper finds the job.
    pub(crate) async fn ask_to_settle(&self, job: &Job) -> bool {
        self.queues.settle.send(&job.account, &[Message::Settle { job: job.id.clone() }]).await.complete()
    }

    /// Sends a lane's next message. Returns whether the queue accepted it.
    pub(crate) async fn send_lane(&self, job: &Job, lane: u32, seqs: Vec<Seq>, delay_secs: u32) -> bool {
        let message = [Message::Units { job: job.id.clone(), lane, seqs }];
        let units = &self.queues.units;
        match delay_secs {
            0 => units.send(&job.account, &message).await.complete(),
            secs => units.send_delayed(&job.account, &message, secs).await.complete(),
        }
    }
}
