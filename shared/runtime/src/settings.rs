//! Times and limits of a process. The code that builds the process reads them from the environment.

use std::path::PathBuf;

/// Times and limits. The defaults are those of production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `LEASE_SECONDS`: length of a driver's lease. A unit's lease is the page timeout plus this.
    pub lease_secs: u64,
    /// `HOLD_SECONDS`: how long a response is held open.
    pub hold_secs: u64,
    /// `READ_HOLD_SECONDS`: how long a response to a call that starts nothing is held open: reading a result, or an
    /// idempotent replay.
    pub read_hold_secs: u64,
    /// Number of bytes after which a response body ends and says how to continue. Lambda streams at most 200 MB per
    /// response.
    pub max_body_bytes: usize,
    /// `JOB_DEADLINE_SECONDS`: how long a job may take.
    pub deadline_secs: u64,
    /// `SWEEP_SECONDS`: interval of the sweeper.
    pub sweep_secs: u64,
    /// `FETCH_CONCURRENCY`: number of pages that this process fetches at once.
    pub fetch_concurrency: u32,
    /// `RENDER_CONCURRENCY`: number of pages that this process renders in a browser at once.
    pub render_concurrency: u32,
    /// `MODEL_CONCURRENCY`: number of parallel calls of the operator's model in this process.
    pub model_concurrency: u32,
    /// `HOST_DELAY_MS`: minimum time between two pages of crawls on one host, in milliseconds; 0 switches it off.
    pub host_delay_ms: u64,
    /// Parallel fetches of a job that asks for no other number.
    pub default_concurrency: u32,
    /// The same for a job that goes through the queue.
    pub queue_concurrency: u32,
    /// Number of units in a queue message.
    pub units_per_message: u32,
    /// `STALL_SECONDS`: how long no worker shows a heartbeat before a waiting handler does the work.
    pub stall_secs: u64,
    /// `CACHE_TTL_SECONDS`: how long a result may be served again; 0 switches the cache off.
    pub cache_ttl_secs: u64,
    /// Time for reading all sitemaps of a seed, in milliseconds.
    pub sitemap_ms: u64,
    /// Maximum time that an ended page waits for others to be written with it, in milliseconds.
    pub linger_ms: u64,
    /// The same for jobs that no caller waits for.
    pub detached_linger_ms: u64,
    /// Number of consecutive store faults after which a driver leaves its job to the sweeper.
    pub driver_faults: u32,
    /// Maximum number of tries of a store step.
    pub max_step_tries: u32,
    /// First wait between tries of a step, in milliseconds.
    pub retry_base_ms: u64,
    /// The program that reads a page in a process of its own when started with `reader::ARGUMENT`. Without one, pages
    /// that may have killed a process are read in this process, within their budget.
    pub reader: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            lease_secs: 30,
            hold_secs: 840,
            read_hold_secs: 60,
            max_body_bytes: 150 * 1024 * 1024,
            deadline_secs: 86_400,
            sweep_secs: 60,
            fetch_concurrency: 32,
            render_concurrency: processors(),
            model_concurrency: 8,
            host_delay_ms: 250,
            default_concurrency: 8,
            queue_concurrency: 32,
            units_per_message: domain::segment::UNITS_PER_SEGMENT,
            stall_secs: 30,
            cache_ttl_secs: 900,
            sitemap_ms: 20_000,
            linger_ms: 20,
            detached_linger_ms: 250,
            driver_faults: 5,
            max_step_tries: 4,
            retry_base_ms: 100,
            reader: None,
        }
    }
}

/// Returns the number of processors.
pub fn processors() -> u32 {
    std::thread::available_parallelism().ok().and_then(|n| u32::try_from(n.get()).ok()).unwrap_or(1)
}
