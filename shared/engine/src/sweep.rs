//! The sweeper: takes up jobs whose driver died and enforces deadlines. One rule for dead drivers: the work goes on.

use std::sync::Arc;

use domain::Job;
use domain::job::DriverLease;
use store::StoreError;

use crate::Engine;

/// Most jobs that one sweep takes from a shard.
const BATCH: i32 = 100;

impl Engine {
    /// Looks once for jobs that nobody drives any more and drives them in this process, each as a task of its own.
    /// Returns how many it took up.
    ///
    /// # Errors
    /// Faults of the store; what was taken up until then runs.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let mut taken = 0;
        let now = self.now();
        for id in self.again(|| self.store().due(now, BATCH)).await? {
            if self.stopping() {
                break;
            }
            // The index lags behind the rows, and a job may be gone: the row decides.
            let Some(job) = self.again(|| self.store().job(&id)).await? else { continue };
            if job.state.ended() || !self.abandoned(&job) {
                continue;
            }
            let lease = DriverLease { holder: self.nonce(), until: self.now().plus_secs(self.settings().lease_secs) };
            if !self.again(|| self.store().drive(&job, &job.driver, &lease)).await? {
                continue;
            }
            tracing::info!(job = %job.id, state = job.state.name(), "taking up a job that nobody drives");
            self.take_up(Job { driver: lease, ..job });
            taken += 1;
        }
        Ok(taken)
    }

    /// Nobody drives it, or whoever does has not noticed its deadline for longer than a lease.
    fn abandoned(&self, job: &Job) -> bool {
        let now = self.now();
        job.driver.until <= now || job.must_expire(now.plus_ms(-1_000 * self.settings().lease_secs.cast_signed()))
    }

    fn take_up(&self, job: Job) {
        let engine = self.clone();
        self.inner.drives.spawn(async move {
            let id = job.id.clone();
            let driven = async {
                let urls = Arc::new(engine.again(|| engine.store().inputs(&id)).await?);
                engine.drive(job, urls, false, None).await
            };
            if let Err(error) = driven.await {
                tracing::error!(job = %id, %error, "the driver failed; a later sweep will take the job up");
            }
        });
    }
}
