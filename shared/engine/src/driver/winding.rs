//! Winding a job down: what has not started is closed, and where the state says so, what has started is ended.

use std::time::Duration;

use domain::{JobState, Seq};
use store::StoreError;

use super::Driver;

/// How long closing may take in one go before the driver looks round again.
const CLOSE_SLICE: Duration = Duration::from_secs(10);

impl Driver {
    /// Stops the job at its first failure. Returns whether it winds down.
    pub(super) async fn fail_fast(&mut self) -> bool {
        let job = self.watch.job().await;
        if job.state == JobState::Running {
            let (engine, now) = (&self.engine, self.engine.now());
            if let Err(error) = engine.again(|| engine.store().wind_down(&job, JobState::FailingFast, now)).await {
                tracing::warn!(job = %job.id, %error, "could not stop the job at its first failure");
                self.faults += 1;
                return false;
            }
            self.watch.doubt().await;
        }
        true
    }

    /// Does what the job's state asks for: nothing while it runs; else closes what is open and, where the state says
    /// so, ends what has started. Returns whether the job winds down.
    pub(super) async fn wind_down(&mut self) -> bool {
        let state = match self.enforced_state().await {
            Ok(state) => state,
            Err(error) => {
                tracing::warn!(job = %self.job.id, %error, "could not read the job's state");
                self.faults += 1;
                return false;
            }
        };
        match state {
            JobState::Running => return false,
            JobState::FailingFast | JobState::Cancelling => self.close_open().await,
            JobState::Expiring => {
                self.close_open().await;
                self.tasks.abort_all();
            }
            // Somebody settled it: everything has ended.
            JobState::Ended(_) => self.slots.clear(),
        }
        self.end_started().await;
        true
    }

    /// The state, moved on where the deadline has passed.
    async fn enforced_state(&mut self) -> Result<JobState, StoreError> {
        let state = self.watch.state().await?;
        let (job, now) = (self.watch.job().await, self.engine.now());
        if state == JobState::Running && job.must_expire(now) {
            let engine = &self.engine;
            engine.again(|| engine.store().wind_down(&job, JobState::Expiring, now)).await?;
            self.watch.doubt().await;
            return self.watch.state().await;
        }
        Ok(state)
    }

    fn open(&self) -> Vec<Seq> {
        self.slots.open.union(&self.slots.queued).copied().collect()
    }

    async fn close_open(&mut self) {
        if self.open().is_empty() {
            return;
        }
        // Whoever cancelled has closed most of them already; a look is cheaper than a write that is bound to fail.
        match self.engine.store().progress(&self.job.id).await {
            Ok(known) => {
                for seq in self.open() {
                    if let Some(fate) = known.fate(seq) {
                        self.know(seq, fate, None);
                    }
                }
            }
            Err(error) => tracing::debug!(job = %self.job.id, %error, "could not read progress; closing all"),
        }
        let open = self.open();
        let wanted = open.len();
        let reached = self.engine.close_units(&self.job, open, CLOSE_SLICE).await;
        if reached.len() < wanted {
            self.faults += 1;
        }
        for (seq, unit) in reached {
            self.learn(seq, unit);
        }
    }

    /// Ends every started unit, whoever runs it, where the job's state asks for that.
    async fn end_started(&mut self) {
        let job = self.watch.job().await;
        match self.engine.end_started(&job).await {
            Ok(ended) => ended.into_iter().for_each(|(seq, fate)| self.end(seq, fate, None)),
            Err(error) => {
                tracing::warn!(job = %job.id, %error, "could not end what has started");
                self.faults += 1;
            }
        }
    }
}
