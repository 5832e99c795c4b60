//! Low-priority threads for work that may take long, so that everything else gets a processor first. Knows nothing of
//! the work.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Handle, Runtime};

/// How many steps of `nice` their priority is lowered. Beside a busy thread of normal priority they get one thirtieth
/// of a processor, so their work ends however busy the other threads are.
const NICE_STEPS: i32 = 15;

/// One thread for tasks and several for blocking work, started when they are first needed. Cheap to clone.
#[derive(Clone)]
pub struct Background(Arc<Threads>);

struct Threads {
    blocking: u32,
    runtime: OnceLock<Option<Runtime>>,
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Background")
    }
}

impl Background {
    /// Creates threads, `blocking` of them for blocking work.
    pub fn new(blocking: u32) -> Background {
        Background(Arc::new(Threads { blocking: blocking.max(1), runtime: OnceLock::new() }))
    }

    /// Returns the runtime to start work on: the caller's own if the machine can start no more threads.
    pub fn handle(&self) -> Handle {
        match self.0.runtime.get_or_init(|| start(self.0.blocking)) {
            Some(runtime) => runtime.handle().clone(),
            None => Handle::current(),
        }
    }
}

fn start(blocking: u32) -> Option<Runtime> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(usize::try_from(blocking).unwrap_or(1))
        .thread_name("background")
        .on_thread_start(|| lower_thread_priority(NICE_STEPS))
        .build();
    runtime
        .inspect_err(|error| tracing::warn!(%error, "could not start threads for heavy pages; other threads read them"))
        .ok()
}

/// Lowers the calling thread's priority permanently, by `steps` of `nice`.
pub fn lower_thread_priority(steps: i32) {
    // On Linux "this process" means the calling thread; elsewhere it would mean all threads.
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::setpriority_process(None, steps)
    {
        tracing::debug!(%error, "could not lower a thread's priority");
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Dropping a runtime waits for its threads, which a task must not do.
        if let Some(Some(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
