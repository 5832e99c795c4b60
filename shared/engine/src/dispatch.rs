//! Telling the queue which units wait. What it is told is a hint: the rows decide.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::lanes::Lanes;
use domain::{Job, Seq};
use store::queue::{Message, Queue};

use runtime::context::Context;

/// The queues that work travels through.
#[derive(Debug, Clone)]
pub struct Queues {
    /// Units to be run: read by workers.
    pub units: Queue,
    /// Jobs to be settled: read by who may touch money.
    pub settle: Queue,
    /// Jobs whose end is to be told: read by who asks receivers.
    pub notify: Queue,
}

/// Tells the queue.
pub(crate) struct Dispatcher {
    pub(crate) context: Arc<Context>,
    pub(crate) queues: Queues,
}

impl Dispatcher {
    /// The lanes of a job.
    pub(crate) fn lanes(&self, job: &Job) -> Lanes {
        let settings = self.context.settings();
        let concurrency = job.concurrency.unwrap_or(settings.queue_concurrency);
        // A crawl's pages are one host's: one lane has as many at once as its pace needs.
        let units = if job.is_crawl() { 1 } else { job.admitted };
        Lanes::of(concurrency, settings.units_per_message, units)
    }

    /// Starts each lane that has units in `open`. Returns the open units of lanes that the queue did not take.
    pub(crate) async fn send_open(&self, job: &Job, open: &BTreeSet<Seq>) -> BTreeSet<Seq> {
        let lanes = self.lanes(job);
        let heads = lanes.heads(job.admitted, |seq| open.contains(&seq));
        let names: Vec<u32> = heads.iter().map(|(lane, _)| *lane).collect();
        let messages: Vec<Message> =
            heads.into_iter().map(|(lane, seqs)| Message::Units { job: job.id.clone(), lane, seqs }).collect();
        let refused = self.queues.units.send(&job.account, &messages).await.failed;
        let refused: BTreeSet<u32> = refused.into_iter().filter_map(|i| names.get(i).copied()).collect();
        if refused.is_empty() {
            return BTreeSet::new();
        }
        tracing::warn!(job = %job.id, lanes = refused.len(), "the queue did not take all lanes");
        open.iter().copied().filter(|seq| refused.contains(&lanes.lane_of(*seq))).collect()
    }

    /// Asks for a job to be settled. Where the queue does not take it, the sweeper finds the job.
    pub(crate) async fn ask_to_settle(&self, job: &Job) -> bool {
        self.queues.settle.send(&job.account, &[Message::Settle { job: job.id.clone() }]).await.complete()
    }

    /// Sends a lane's next message. Returns whether the queue took it.
    pub(crate) async fn send_lane(&self, job: &Job, lane: u32, seqs: Vec<Seq>, delay_secs: u32) -> bool {
        let message = [Message::Units { job: job.id.clone(), lane, seqs }];
        let units = &self.queues.units;
        match delay_secs {
            0 => units.send(&job.account, &message).await.complete(),
            secs => units.send_delayed(&job.account, &message, secs).await.complete(),
        }
    }
}
