//! Times and limits of a process, read from the environment by whoever builds it.

use std::path::PathBuf;

/// Times and limits. Defaults are production's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `LEASE_SECONDS`: how long a driver is believed alive; a unit's lease is the page timeout plus this.
    pub lease_secs: u64,
    /// `HOLD_SECONDS`: how long a response is held open.
    pub hold_secs: u64,
    /// `READ_HOLD_SECONDS`: how long a call that starts nothing is held open: a result that is read, an idempotent replay.
    pub read_hold_secs: u64,
    /// Bytes after which a body ends and says where to go on. Lambda carries 200 MB of a streamed response.
    pub most_body_bytes: usize,
    /// `JOB_DEADLINE_SECONDS`: how long a job may take.
    pub deadline_secs: u64,
    /// `SWEEP_SECONDS`: how often the sweeper looks.
    pub sweep_secs: u64,
    /// `FETCH_CONCURRENCY`: pages that this process fetches at once.
    pub fetch_concurrency: u32,
    /// `RENDER_CONCURRENCY`: pages that this process has a browser render at once.
    pub render_concurrency: u32,
    /// `MODEL_CONCURRENCY`: calls of the operator's model that this process makes at once.
    pub model_concurrency: u32,
    /// `HOST_DELAY_MS`: least time between two pages of crawls on one host, in milliseconds; 0 switches it off.
    pub host_delay_ms: u64,
    /// Parallel fetches of a job that asks for nothing else.
    pub default_concurrency: u32,
    /// Parallel fetches of a job that asks for nothing else and goes through the queue.
    pub queue_concurrency: u32,
    /// Units in one message of the queue.
    pub units_per_message: u32,
    /// `STALL_SECONDS`: how long no worker may have given a sign of life before a waiting handler does the work.
    pub stall_secs: u64,
    /// `CACHE_TTL_SECONDS`: how long a result may be served again; 0 switches the cache off.
    pub cache_ttl_secs: u64,
    /// How long reading all sitemaps of a seed may take, in milliseconds.
    pub sitemap_ms: u64,
    /// Longest that a page that has ended waits for others to end, so that one write tells of all, in milliseconds;
    /// and the same where nobody waits for each result.
    pub linger_ms: u64,
    /// See `linger_ms`.
    pub detached_linger_ms: u64,
    /// Store faults in a row after which a driver gives its job up for a sweeper to take.
    pub driver_faults: u32,
    /// Tries of one store step.
    pub step_attempts: u32,
    /// First wait between tries of a step, in milliseconds.
    pub retry_base_ms: u64,
    /// The program that reads a page in a process of its own when it is started with `reader::ARGUMENT`. Where
    /// there is none, pages that may have killed a process are read in this one, within their budget.
    pub reader: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            lease_secs: 30,
            hold_secs: 840,
            read_hold_secs: 60,
            most_body_bytes: 150 * 1024 * 1024,
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
            step_attempts: 4,
            retry_base_ms: 100,
            reader: None,
        }
    }
}

/// How many processors there are.
pub fn processors() -> u32 {
    std::thread::available_parallelism().ok().and_then(|n| u32::try_from(n.get()).ok()).unwrap_or(1)
}
