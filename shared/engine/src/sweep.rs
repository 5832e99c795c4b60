//! The sweeper: looks after jobs that nobody drives and enforces deadlines. One rule for dead drivers: the work goes
//! on, by way of the queue, or in this process where the queue does not take it.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::job::DriverLease;
use domain::machine::{JobView, Machine, WithSettle};
use domain::segment::{Segment, UnitState};
use domain::{Job, JobId, JobState, Seq, Timestamp};
use store::StoreError;

use crate::dispatch::Dispatcher;
use crate::driver::Driver;
use crate::provider_batch::Waiting;
use crate::runner::Runners;
use runtime::context::Context;
use runtime::rows::Rows;

/// Most jobs that one sweep takes from a shard.
const BATCH: i32 = 100;
/// A job that the queue was told of again and again is looked at this many doublings later at most: 16 minutes.
const MOST_DOUBLINGS: u32 = 5;

/// Looks after jobs.
pub struct Sweeper {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
    pub(crate) runners: Arc<Runners>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) driver: Arc<Driver>,
    pub(crate) waiting: Waiting,
}

impl Sweeper {
    /// Looks once after all jobs that are due: nobody drives them, or their deadline has passed. What this process has
    /// to run itself, because the queue does not take it, it runs as tasks of its own, until `until`.
    /// Returns how many jobs it looked after.
    ///
    /// # Errors
    /// The list of due jobs could not be read. A job that cannot be looked after is logged and left for the next sweep.
    pub async fn sweep(&self, until: Option<Timestamp>) -> Result<usize, StoreError> {
        let mut seen = 0;
        let now = self.context.now();
        for id in self.rows.retry(|| self.rows.store().jobs.due(now, BATCH)).await? {
            if self.context.stopping() || until.is_some_and(|until| self.context.now() >= until) {
                break;
            }
            match Box::pin(self.look_after(&id, until)).await {
                Ok(looked) => seen += usize::from(looked),
                Err(error) => tracing::error!(job = %id, %error, "a job could not be looked after"),
            }
        }
        self.waiting.look_after_batches(until).await;
        Ok(seen)
    }

    async fn look_after(&self, id: &JobId, until: Option<Timestamp>) -> Result<bool, StoreError> {
        // The index lags behind the rows, and a job may be gone: the row decides.
        let Some(job) = self.rows.job(id).await? else { return Ok(false) };
        if job.state.ended() || !self.abandoned(&job) {
            return Ok(false);
        }
        let rows = self.rows.retry(|| self.rows.store().segments.all_segments(&job)).await?;
        let (lease, tell) = self.next_look(&job, last_move(&job, &rows, self.context.settings().lease_secs));
        if !self.rows.retry(|| self.rows.store().jobs.drive(&job, &job.driver, &lease)).await? {
            return Ok(false);
        }
        let ended = self.runners.end(job.clone(), None).await?;
        if ended.exit == domain::machine::Exit::Settled {
            return Ok(true);
        }
        if ended.machine.share().waits_for_model() {
            self.waiting.see_to(&job, ended.machine.rows()).await?;
            return Ok(true);
        }
        let JobView { state, admitted, .. } = ended.machine.job();
        let open = to_run(&ended.machine, self.context.now());
        if tell && !open.is_empty() {
            tracing::info!(job = %id, state = state.name(), open = open.len(), "telling the queue of a job again");
            let job = Job { driver: lease, state, admitted, ..job };
            if !self.dispatcher.send_open(&job, &open).await.is_empty() {
                self.driver.take_up(job, until);
            }
        }
        Ok(true)
    }

    /// Nobody drives it, or whoever does has not noticed its deadline for longer than a lease.
    fn abandoned(&self, job: &Job) -> bool {
        let now = self.context.now();
        job.driver.until <= now
            || job.must_expire(now.plus_ms(-1_000 * self.context.settings().lease_secs.cast_signed()))
    }

    /// When the job is to be looked at next, and whether the queue is to be told of it now. Where the queue knows of it
    /// and something moved of late, it is left alone for a lease after that; where nothing moved, the next look comes
    /// the later the more often that was.
    fn next_look(&self, job: &Job, moved_at: Timestamp) -> (DriverLease, bool) {
        let (now, lease) = (self.context.now(), self.context.settings().lease_secs);
        let quiet_until = moved_at.plus_secs(lease);
        let (until, quiet, tell) = if !job.driver.queued {
            (now.plus_secs(lease), 0, true)
        } else if quiet_until > now {
            (quiet_until, 0, false)
        } else {
            (now.plus_secs(lease << job.driver.quiet.min(MOST_DOUBLINGS)), job.driver.quiet + 1, true)
        };
        (DriverLease { holder: self.context.nonce(), until, queued: true, quiet }, tell)
    }
}

/// When something of the job moved last: a unit started or ended, or the job began.
fn last_move(job: &Job, rows: &[Segment], lease_secs: u64) -> Timestamp {
    let lease = i64::from(job.timeout_ms) + 1_000 * lease_secs.cast_signed();
    let moved = rows.iter().flat_map(Segment::known).filter_map(|(_, unit)| match unit {
        UnitState::Started { lease_until, .. } => Some(lease_until.plus_ms(-lease)),
        UnitState::Asked { at, .. } | UnitState::Ended { at, .. } => Some(at),
        UnitState::Pending | UnitState::Skipped => None,
    });
    moved.max().unwrap_or(job.started_at).max(job.started_at)
}

/// Units that somebody should run now: those that nobody has started, as long as the job lets them, and those whose
/// holder's lease is over.
fn to_run(machine: &Machine<WithSettle>, now: Timestamp) -> BTreeSet<Seq> {
    let JobView { state, admitted, .. } = machine.job();
    let unit = |seq: Seq| machine.rows().get(&Segment::of(seq)).map(|row| row.unit(seq)).unwrap_or_default();
    (0..admitted)
        .filter(|seq| match unit(*seq) {
            UnitState::Pending => state == JobState::Running,
            UnitState::Started { lease_until, .. } => lease_until <= now,
            UnitState::Asked { .. } | UnitState::Ended { .. } | UnitState::Skipped => false,
        })
        .collect()
}
