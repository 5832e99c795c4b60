//! What a runner is given: a job and what it was asked to do. What never changes of a job is read once by a process: its
//! spec, and what its units are about.

use std::num::NonZeroUsize;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use domain::segment::Totals;
use domain::{Job, JobId, JobSpec, Seq, Timestamp};
use lru::LruCache;
use store::StoreError;
use store::jobs::Input;

use crate::context::Context;
use crate::rows::Rows;

/// How many jobs' specs and inputs are kept. A batch's inputs are 5 MiB at most.
#[allow(clippy::unwrap_used)] // judged by the compiler
const JOBS: NonZeroUsize = NonZeroUsize::new(32).unwrap();

/// A job and its spec.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// As it was when it was read.
    pub job: Job,
    /// What it was asked to do.
    pub spec: Arc<JobSpec>,
}

impl Deref for Assignment {
    type Target = Job;
    fn deref(&self) -> &Job {
        &self.job
    }
}

/// What the units are about, in order. Each is shared: a crawl's list is made anew as it grows.
pub type Inputs = Arc<Vec<Arc<Input>>>;

/// What is kept of the jobs that were worked on last.
struct JobCache {
    specs: Mutex<LruCache<JobId, Arc<JobSpec>>>,
    inputs: Mutex<LruCache<JobId, Arc<JobInputs>>>,
}

/// What a job's units are about, as far as it was read. One read at a time: a runner prepares many units at once, and one
/// read is for all of them.
#[derive(Default)]
struct JobInputs {
    reading: tokio::sync::Mutex<()>,
    known: Mutex<Inputs>,
}

impl JobInputs {
    fn known(&self) -> Inputs {
        Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, inputs: &Inputs) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(inputs);
    }
}

impl Default for JobCache {
    fn default() -> Self {
        JobCache { specs: Mutex::new(LruCache::new(JOBS)), inputs: Mutex::new(LruCache::new(JOBS)) }
    }
}

impl JobCache {
    fn put_spec(&self, id: &JobId, spec: &Arc<JobSpec>) {
        self.specs.lock().unwrap_or_else(PoisonError::into_inner).put(id.clone(), Arc::clone(spec));
    }

    fn spec(&self, id: &JobId) -> Option<Arc<JobSpec>> {
        self.specs.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn inputs(&self, id: &JobId) -> Arc<JobInputs> {
        let mut kept = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kept.get_or_insert(id.clone(), Arc::default))
    }
}

/// Reads jobs and what does not change of them.
pub struct JobReader {
    context: Arc<Context>,
    rows: Rows,
    cache: JobCache,
}

impl JobReader {
    /// Reads from `rows`; nothing is kept yet.
    pub fn new(context: Arc<Context>, rows: Rows) -> JobReader {
        JobReader { context, rows, cache: JobCache::default() }
    }

    /// The rows it reads.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The process's time.
    pub fn now(&self) -> Timestamp {
        self.context.now()
    }

    /// A job that is still kept.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        Ok(self.rows.job(id).await?.filter(|job| job.retained(self.now())))
    }

    /// What a job's units add up to so far.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn totals(&self, job: &Job) -> Result<Totals, StoreError> {
        let rows = self.rows.retry(|| self.rows.store().segments.all_segments(job)).await?;
        Ok(Totals::of(&rows, job.admitted))
    }

    /// Keeps the spec of a job that was accepted here.
    pub fn keep_spec(&self, id: &JobId, spec: &Arc<JobSpec>) {
        self.cache.put_spec(id, spec);
    }

    /// A job with its spec.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn assignment(&self, job: Job) -> Result<Arc<Assignment>, StoreError> {
        let kept = self.cache.spec(&job.id);
        let spec = match kept {
            Some(spec) => spec,
            None => {
                let spec = Arc::new(self.rows.retry(|| self.rows.store().jobs.spec(&job)).await?);
                self.cache.put_spec(&job.id, &spec);
                spec
            }
        };
        Ok(Arc::new(Assignment { job, spec }))
    }

    /// What one unit is about.
    ///
    /// # Errors
    /// Faults of the store, and a unit without an input.
    pub async fn input_of(&self, job: &Job, seq: Seq) -> Result<Arc<Input>, StoreError> {
        if let Some(one) = &job.one {
            return Ok(Arc::new(Input { url: one.url.clone(), depth: 0 }));
        }
        let kept = self.cache.inputs(&job.id);
        let mut inputs = kept.known();
        if inputs.len() <= seq as usize {
            let _reading = kept.reading.lock().await;
            // Another unit's read may have been for this one too.
            inputs = kept.known();
            if inputs.len() <= seq as usize {
                // Rows never change and follow each other without a gap: the next begins where the known ones end.
                let from = Seq::try_from(inputs.len()).unwrap_or(Seq::MAX);
                let more = self.rows.retry(|| self.rows.store().jobs.inputs(&job.id, from)).await?;
                inputs = Arc::new(inputs.iter().cloned().chain(more.into_iter().map(Arc::new)).collect());
                kept.put(&inputs);
            }
        }
        let found = inputs.get(seq as usize).cloned();
        found.ok_or_else(|| StoreError::Malformed(format!("{}: unit {seq} has no input", job.id)))
    }
}
