//! A job's state as a driver sees it: read again when it is older than 100 ms and somebody is about to claim.

use domain::{Job, JobState, Timestamp};
use store::StoreError;
use tokio::sync::Mutex;

use crate::Engine;

/// The oldest that a state may be when a claim follows from it, in milliseconds.
const FRESH_MS: u64 = 100;

pub(crate) struct Watch {
    engine: Engine,
    seen: Mutex<Seen>,
}

struct Seen {
    job: Job,
    at: Option<Timestamp>,
}

impl Watch {
    /// `job` was read (or written) at `at`.
    pub(crate) fn new(engine: Engine, job: Job, at: Timestamp) -> Watch {
        Watch { engine, seen: Mutex::new(Seen { job, at: Some(at) }) }
    }

    /// The state, at most 100 ms old. Many who ask at once share one read.
    pub(crate) async fn state(&self) -> Result<JobState, StoreError> {
        let mut seen = self.seen.lock().await;
        let fresh = seen.at.is_some_and(|at| self.engine.now().ms_since(at) <= FRESH_MS);
        if !fresh && !seen.job.state.ended() {
            let now = self.engine.now();
            let id = seen.job.id.clone();
            let job = self.engine.again(|| self.engine.store().job(&id)).await?;
            // A job whose row is gone is over.
            let Some(job) = job else { return Ok(JobState::Ended(seen.job.state.heads_for())) };
            *seen = Seen { job, at: Some(now) };
        }
        Ok(seen.job.state)
    }

    /// Makes the next look read again: something was seen that the known state does not explain.
    pub(crate) async fn doubt(&self) {
        self.seen.lock().await.at = None;
    }

    /// The job as last read.
    pub(crate) async fn job(&self) -> Job {
        self.seen.lock().await.job.clone()
    }
}
