//! Threads for what may take long and need not be quick: of a low priority, so that whatever else has to be done takes a
//! processor first. Knows nothing of what they do.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Handle, Runtime};

/// How far their priority is below that of others (`nice`): beside a busy thread of a usual priority they get one
/// thirtieth of a processor, so that they come to an end however busy the others are.
const NICE: i32 = 15;

/// One thread for tasks and some for work that blocks, started when they are first needed. Cheap to clone.
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
    /// With so many threads for work that blocks.
    pub fn new(blocking: u32) -> Background {
        Background(Arc::new(Threads { blocking: blocking.max(1), runtime: OnceLock::new() }))
    }

    /// Where to start work. Where the machine has no thread left, that is the runtime of who asks.
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
        .on_thread_start(|| lower(NICE))
        .build();
    runtime
        .inspect_err(|error| tracing::warn!(%error, "no threads for heavy pages; they are read among the others"))
        .ok()
}

/// Lowers the calling thread's priority by so many steps of `nice`, for good.
pub fn lower(steps: i32) {
    // On Linux "this process" means the calling thread; elsewhere it would be all of them.
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::setpriority_process(None, steps)
    {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // A runtime that is dropped waits for its threads, which a task may not.
        if let Some(Some(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
