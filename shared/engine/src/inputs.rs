//! The URLs of jobs that this process works on: read once per job, not once per message.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Job, JobId};
use store::StoreError;

use crate::Engine;

/// How many jobs' URLs are kept. A batch's are 1 MiB at most.
const JOBS: usize = 16;

/// The URLs of the jobs that were asked for last.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<VecDeque<(JobId, Arc<Vec<String>>)>>);

impl Cache {
    fn get(&self, id: &JobId) -> Option<Arc<Vec<String>>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == id).map(|(_, urls)| Arc::clone(urls))
    }

    fn put(&self, id: &JobId, urls: &Arc<Vec<String>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| known != id);
        kept.push_back((id.clone(), Arc::clone(urls)));
        if kept.len() > JOBS {
            kept.pop_front();
        }
    }
}

impl Engine {
    /// The URLs of a job's units, in order of their numbers: all that it has admitted.
    pub(crate) async fn urls_of(&self, job: &Job) -> Result<Arc<Vec<String>>, StoreError> {
        if let Some(urls) = self.inner.inputs.get(&job.id).filter(|urls| urls.len() >= job.admitted as usize) {
            return Ok(urls);
        }
        let urls = Arc::new(self.again(|| self.store().inputs(&job.id)).await?);
        self.inner.inputs.put(&job.id, &urls);
        Ok(urls)
    }
}
