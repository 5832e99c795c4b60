//! The sweeper: looks after jobs that nobody drives and enforces deadlines. One rule for dead drivers: the work goes
//! on, by way of the queue, or in this process where the queue does not take it.

use std::collections::BTreeSet;

use domain::job::DriverLease;
use domain::progress::Progress;
use domain::unit::Unit;
use domain::{Job, JobId, JobState, Seq, Timestamp};
use store::StoreError;

use crate::Engine;
use crate::driver::Drive;
use crate::unit::fate;

/// Most jobs that one sweep takes from a shard.
const BATCH: i32 = 100;
/// A job that the queue was told of again and again is looked at this many doublings later at most: 16 minutes.
const MOST_DOUBLINGS: u32 = 5;

impl Engine {
    /// Looks once after all jobs that are due: nobody drives them, or their deadline has passed. What this process has
    /// to run itself, because the queue does not take it, it runs as tasks of its own, until `until`.
    /// Returns how many jobs it looked after.
    ///
    /// # Errors
    /// The list of due jobs could not be read. A job that cannot be looked after is logged and left for the next sweep.
    pub async fn sweep(&self, until: Option<Timestamp>) -> Result<usize, StoreError> {
        let mut seen = 0;
        let now = self.now();
        for id in self.again(|| self.store().due(now, BATCH)).await? {
            if self.stopping() || until.is_some_and(|until| self.now() >= until) {
                break;
            }
            match self.look_after(&id, until).await {
                Ok(looked) => seen += usize::from(looked),
                Err(error) => tracing::error!(job = %id, %error, "a job could not be looked after"),
            }
        }
        Ok(seen)
    }

    async fn look_after(&self, id: &JobId, until: Option<Timestamp>) -> Result<bool, StoreError> {
        // The index lags behind the rows, and a job may be gone: the row decides.
        let Some(job) = self.again(|| self.store().job(id)).await? else { return Ok(false) };
        if job.state.ended() || !self.abandoned(&job) {
            return Ok(false);
        }
        let (progress, moved_at) = self.again(|| self.store().progress_seen(id)).await?;
        let (lease, tell) = self.next_look(&job, moved_at);
        if !self.again(|| self.store().drive(&job, &job.driver, &lease)).await? {
            return Ok(false);
        }
        let mut job = Job { driver: lease, ..job };
        if job.must_expire(self.now()) {
            self.again(|| self.store().wind_down(&job, JobState::Expiring, self.now())).await?;
            job = Job { driver: job.driver, ..self.reread(id).await? };
        }
        if self.wind_up(&job).await?.is_some() {
            return Ok(true);
        }
        let open = self.open_units(&job, &progress).await?;
        if tell && !open.is_empty() {
            tracing::info!(job = %id, state = job.state.name(), open = open.len(), "telling the queue of a job again");
            if !self.send_open(&job, &open).await.is_empty() {
                self.take_up(job, until);
            }
        }
        Ok(true)
    }

    /// Nobody drives it, or whoever does has not noticed its deadline for longer than a lease.
    fn abandoned(&self, job: &Job) -> bool {
        let now = self.now();
        job.driver.until <= now || job.must_expire(now.plus_ms(-1_000 * self.settings().lease_secs.cast_signed()))
    }

    /// When the job is to be looked at next, and whether the queue is to be told of it now. Where the queue knows of it
    /// and something moved of late, it is left alone for a lease after that; where nothing moved, the next look comes
    /// the later the more often that was.
    fn next_look(&self, job: &Job, moved_at: Option<Timestamp>) -> (DriverLease, bool) {
        let (now, lease) = (self.now(), self.settings().lease_secs);
        let quiet_until = moved_at.unwrap_or(job.started_at).plus_secs(lease);
        let (until, quiet, tell) = if !job.driver.queued {
            (now.plus_secs(lease), 0, true)
        } else if quiet_until > now {
            (quiet_until, 0, false)
        } else {
            (now.plus_secs(lease << job.driver.quiet.min(MOST_DOUBLINGS)), job.driver.quiet + 1, true)
        };
        (DriverLease { holder: self.nonce(), until, queued: true, quiet }, tell)
    }

    /// Units that somebody should run now: those that nobody has started, as long as the job lets them, and those whose
    /// holder's lease is over.
    async fn open_units(&self, job: &Job, progress: &Progress) -> Result<BTreeSet<Seq>, StoreError> {
        let mut open: BTreeSet<Seq> = job.seqs().filter(|seq| progress.fate(*seq).is_none()).collect();
        let (Some(first), Some(last)) = (open.first().copied(), open.last().copied()) else { return Ok(open) };
        let now = self.now();
        let rows = self.again(|| self.store().units(&job.id, first, last)).await?;
        let mut started = BTreeSet::new();
        for row in rows {
            let live = matches!(row.unit, Unit::Started { lease_until, .. } if lease_until > now);
            if live || fate(&row.unit).is_some() {
                open.remove(&row.seq);
            } else {
                started.insert(row.seq);
            }
        }
        if job.state != JobState::Running {
            open.retain(|seq| started.contains(seq));
        }
        Ok(open)
    }

    fn take_up(&self, job: Job, until: Option<Timestamp>) {
        let engine = self.clone();
        self.inner.drives.spawn(async move {
            let id = job.id.clone();
            tracing::info!(job = %id, "running a job that nobody drives");
            let driven = async { engine.drive(job, Drive { fresh: false, events: None, until }).await };
            if let Err(error) = driven.await {
                tracing::error!(job = %id, %error, "the driver failed; a later sweep will take the job up");
            }
        });
    }
}
