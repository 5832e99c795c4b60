//! The machine's reads and writes; each reports its outcome as an event. Every step recognises its own earlier effect,
//! so it is retried if the store fails.

use std::sync::Arc;

use domain::machine::{Commit, Event, JobView, SettlementRequest, WriteOutcome};
use domain::segment::Segment;
use domain::{Job, JobState};
use futures_util::StreamExt;
use runtime::assignment::Assignment;
use runtime::context::Context;
use runtime::metrics::MetricEvent;
use runtime::rows::Rows;
use store::Jobs;
use store::results::ResultText;
use store::segments::SegmentWrite;
use store::settle::{ExtractEnd, Settled};

use crate::notify::Notifier;

/// Maximum number of segments that are written at once.
const MAX_SEGMENT_WRITES: usize = 64;

/// Reads and writes rows for machines.
pub(crate) struct Committer {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
    pub(crate) notifier: Arc<Notifier>,
}

impl Committer {
    pub(super) async fn read_job(&self, work: &Assignment) -> Event {
        match self.rows.job(&work.id).await {
            Ok(job) => Event::Job(job.as_ref().map(JobView::of)),
            Err(error) => {
                tracing::warn!(job = %work.id, %error, "could not read the job's state");
                Event::ReadFailed
            }
        }
    }

    pub(super) async fn read_segments(&self, work: &Assignment, first: u32, last: u32) -> Event {
        match self.rows.retry(|| self.rows.store().segments.segments(work, first, last)).await {
            Ok(rows) => Event::Segments(rows),
            Err(error) => {
                tracing::warn!(job = %work.id, %error, "could not read the job's segments");
                Event::ReadFailed
            }
        }
    }

    pub(super) async fn read_heartbeat(&self, work: &Assignment) -> Event {
        match self.rows.store().jobs.heartbeat().await {
            Ok(beat) => {
                let stall = self.context.settings().stall_secs;
                if beat.is_none_or(|beat| beat.plus_secs(stall) <= self.context.now()) {
                    tracing::warn!(job = %work.id, "no worker has a recent heartbeat; doing the work here");
                }
                Event::Heartbeat(beat)
            }
            Err(error) => {
                tracing::warn!(job = %work.id, %error, "could not read the heartbeat");
                Event::ReadFailed
            }
        }
    }

    /// Writes all results first, then each segment by compare-and-set.
    pub(super) async fn commit(&self, work: &Assignment, commit: Commit, results: Vec<ResultText>) -> Event {
        if !results.is_empty()
            && let Err(error) = self.rows.retry(|| self.rows.store().segments.put_results(work, &results)).await
        {
            tracing::warn!(job = %work.id, %error, "results could not be written; trying again");
            return Event::Committed(commit.segments.iter().map(|row| (row.index, WriteOutcome::Failed)).collect());
        }
        let written = futures_util::stream::iter(commit.segments)
            .map(|row| async move { (row.index, self.put_segment(work, &row).await) })
            .buffer_unordered(MAX_SEGMENT_WRITES)
            .collect()
            .await;
        Event::Committed(written)
    }

    async fn put_segment(&self, work: &Assignment, row: &Segment) -> WriteOutcome {
        match self.rows.retry(|| self.rows.store().segments.put_segment(work, row)).await {
            Ok(SegmentWrite::Written) => WriteOutcome::Written,
            Ok(SegmentWrite::Refused(row)) => WriteOutcome::Refused(row),
            Err(error) => {
                tracing::warn!(job = %work.id, segment = row.index, %error, "a segment could not be written");
                WriteOutcome::Failed
            }
        }
    }

    pub(super) async fn begin_termination(&self, job: &Job, to: JobState) -> Event {
        match self.rows.retry(|| self.rows.store().jobs.terminate(job, to, self.context.now())).await {
            Ok(_) => Event::JobStateChanged,
            Err(error) => {
                tracing::warn!(job = %job.id, %error, to = to.name(), "could not begin the job's termination");
                Event::JobStateChangeFailed
            }
        }
    }

    /// Settles the job as the machine decided.
    pub(super) async fn settle(
        &self,
        work: &Assignment,
        settling: SettlementRequest,
        result: Option<ResultText>,
    ) -> Event {
        let SettlementRequest { job: JobView { state, admitted, deadline }, totals, final_segment } = settling;
        let job = Job { state, admitted, deadline, ..work.job.clone() };
        let Some(end) = job.settle(&totals, self.context.now()) else { return Event::SettleRefused };
        if final_segment.is_some()
            && let Some(result) = result.as_ref().filter(|result| !Jobs::fits_job_row(&result.text))
            && let Err(error) =
                self.rows.retry(|| self.rows.store().segments.put_results(work, std::slice::from_ref(result))).await
        {
            tracing::warn!(job = %job.id, %error, "a result could not be written; trying again");
            return Event::SettleFailed;
        }
        let text = result.as_ref().map(|result| result.text.as_str());
        let extract_end = final_segment.as_ref().map(|segment| ExtractEnd { segment, result: text });
        // Written with the job's end, so that neither exists without the other. The queue's message is sent afterwards;
        // if that fails, the sweeper sends it.
        let delivery_row = work.spec.webhook.as_ref().map(|webhook| self.notifier.new_delivery(webhook, &job, &end));
        let message = delivery_row.as_ref().map(|(delivery, due)| (delivery, *due));
        match self.rows.retry(|| self.rows.store().jobs.settle(&job, &end, extract_end, message)).await {
            Ok(Settled::Written) => {
                self.context.record(&MetricEvent::JobEnded(&job, &end));
                tracing::info!(job = %job.id, outcome = ?end.outcome, charged = end.charge.charged,
                    refunded = end.charge.refunded(), "job ended");
                if let Some((delivery, _)) = delivery_row {
                    // Runs in a task of its own, because the runner may see the end in the row and finish before the
                    // queue has answered.
                    let notifier = Arc::clone(&self.notifier);
                    let _ = self.context.spawn(async move { notifier.enqueue(&delivery, 0).await }).await;
                }
                Event::Settled
            }
            // A write of our own whose reply was lost looks like this, too: the row decides.
            Ok(Settled::Stale) => Event::SettleRefused,
            Err(error) => {
                tracing::warn!(job = %job.id, %error, "the job could not be settled");
                Event::SettleFailed
            }
        }
    }
}
