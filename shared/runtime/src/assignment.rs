//! A runner's input: a job and its spec. The parts of a job that never change, its spec and its units' inputs, are read
//! once per process.

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

/// Maximum number of jobs whose specs and inputs are cached. A batch's inputs take 5 MiB at most.
#[allow(clippy::unwrap_used)] // checked at compile time
const MAX_CACHED_JOBS: NonZeroUsize = NonZeroUsize::new(32).unwrap();

/// A job and its spec.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The job as it was read.
    pub job: Job,
    /// Its spec.
    pub spec: Arc<JobSpec>,
}

impl Deref for Assignment {
    type Target = Job;
    fn deref(&self) -> &Job {
        &self.job
    }
}

/// The inputs of units, in order. Each is shared, because a crawl's list is rebuilt as it grows.
pub type Inputs = Arc<Vec<Arc<Input>>>;

/// Specs and inputs of the most recent jobs.
struct JobCache {
    specs: Mutex<LruCache<JobId, Arc<JobSpec>>>,
    inputs: Mutex<LruCache<JobId, Arc<JobInputs>>>,
}

/// The inputs of a job as far as they were read. Reads are serialised: a runner prepares many units at once, and one
/// read serves them all.
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
        JobCache {
            specs: Mutex::new(LruCache::new(MAX_CACHED_JOBS)),
            inputs: Mutex::new(LruCache::new(MAX_CACHED_JOBS)),
        }
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
        let mut inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(inputs.get_or_insert(id.clone(), Arc::default))
    }
}

/// Reads jobs, and caches their unchanging parts.
pub struct JobReader {
    context: Arc<Context>,
    rows: Rows,
    cache: JobCache,
}

impl JobReader {
    /// Creates a reader of `rows` with an empty cache.
    pub fn new(context: Arc<Context>, rows: Rows) -> JobReader {
        JobReader { context, rows, cache: JobCache::default() }
    }

    /// Returns the rows it reads.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Returns the process's time.
    pub fn now(&self) -> Timestamp {
        self.context.now()
    }

    /// Returns a job, unless its retention is over.
    ///
    /// # Errors
    /// Store errors.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        Ok(self.rows.job(id).await?.filter(|job| job.retained(self.now())))
    }

    /// Returns the totals of a job's units so far.
    ///
    /// # Errors
    /// Store errors.
    pub async fn totals(&self, job: &Job) -> Result<Totals, StoreError> {
        let rows = self.rows.retry(|| self.rows.store().segments.all_segments(job)).await?;
        Ok(Totals::of(&rows, job.admitted))
    }

    /// Caches the spec of a job that was accepted here.
    pub fn cache_spec(&self, id: &JobId, spec: &Arc<JobSpec>) {
        self.cache.put_spec(id, spec);
    }

    /// Returns a job together with its spec.
    ///
    /// # Errors
    /// Store errors.
    pub async fn assignment(&self, job: Job) -> Result<Arc<Assignment>, StoreError> {
        let cached = self.cache.spec(&job.id);
        let spec = match cached {
            Some(spec) => spec,
            None => {
                let spec = Arc::new(self.rows.retry(|| self.rows.store().jobs.spec(&job)).await?);
                self.cache.put_spec(&job.id, &spec);
                spec
            }
        };
        Ok(Arc::new(Assignment { job, spec }))
    }

    /// Returns the input of one unit.
    ///
    /// # Errors
    /// Store errors, or a unit without an input.
    pub async fn input_of(&self, job: &Job, seq: Seq) -> Result<Arc<Input>, StoreError> {
        if let Some(unit) = &job.extract_unit {
            return Ok(Arc::new(Input { url: unit.url.clone(), depth: 0 }));
        }
        let cached = self.cache.inputs(&job.id);
        let mut inputs = cached.known();
        if inputs.len() <= seq as usize {
            let _reading = cached.reading.lock().await;
            // A read for another unit may have included this one.
            inputs = cached.known();
            if inputs.len() <= seq as usize {
                // Rows never change and follow each other without a gap: the next row begins where the known ones end.
                let from = Seq::try_from(inputs.len()).unwrap_or(Seq::MAX);
                let more = self.rows.retry(|| self.rows.store().jobs.inputs(&job.id, from)).await?;
                inputs = Arc::new(inputs.iter().cloned().chain(more.into_iter().map(Arc::new)).collect());
                cached.put(&inputs);
            }
        }
        let found = inputs.get(seq as usize).cloned();
        found.ok_or_else(|| StoreError::Malformed(format!("{}: unit {seq} has no input", job.id)))
    }
}
