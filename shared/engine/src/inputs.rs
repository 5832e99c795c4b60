//! What the jobs' units are about, kept in this process: read once per job, not once per message, and of a crawl that
//! has grown only what is new.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Job, JobId, Seq};
use store::StoreError;
use store::jobs::Input;

use crate::Engine;

/// How many jobs' inputs are kept. A batch's are 1 MiB at most.
const JOBS: usize = 16;

/// The inputs of a job's units, as far as they are known.
/// Each is shared: a crawl's list is made anew as it grows, and ten thousand URLs are not copied each time.
pub(crate) type Inputs = Arc<Vec<Arc<Input>>>;

/// The inputs of the jobs that were asked for last.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<VecDeque<(JobId, Inputs)>>);

impl Cache {
    fn get(&self, id: &JobId) -> Inputs {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == id).map(|(_, inputs)| Arc::clone(inputs)).unwrap_or_default()
    }

    fn put(&self, id: &JobId, inputs: &Inputs) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.iter_mut().find(|(known, _)| known == id) {
            Some((_, old)) if old.len() > inputs.len() => {}
            Some((_, old)) => *old = Arc::clone(inputs),
            None => kept.push_back((id.clone(), Arc::clone(inputs))),
        }
        if kept.len() > JOBS {
            kept.pop_front();
        }
    }
}

impl Engine {
    /// The inputs of a job's units, all of those that are admitted as far as `job` tells.
    pub(crate) async fn inputs_of(&self, job: &Job) -> Result<Inputs, StoreError> {
        self.inputs_up_to(&job.id, job.admitted).await
    }

    async fn inputs_up_to(&self, id: &JobId, admitted: Seq) -> Result<Inputs, StoreError> {
        let known = self.inner.inputs.get(id);
        if known.len() >= admitted as usize {
            return Ok(known);
        }
        // Rows are never changed and follow each other without a gap, so the next one begins where the known ones end.
        let from = Seq::try_from(known.len()).unwrap_or(Seq::MAX);
        let more = self.again(|| self.store().inputs(id, from)).await?;
        let inputs = Arc::new(known.iter().cloned().chain(more.into_iter().map(Arc::new)).collect::<Vec<_>>());
        self.inner.inputs.put(id, &inputs);
        Ok(inputs)
    }

    /// What one unit is about.
    pub(crate) async fn input_of(&self, job: &Job, seq: Seq) -> Result<Arc<Input>, StoreError> {
        let inputs = self.inputs_up_to(&job.id, seq + 1).await?;
        let found = inputs.get(seq as usize).cloned();
        found.ok_or_else(|| StoreError::Malformed(format!("{}: unit {seq} has no input", job.id)))
    }
}
