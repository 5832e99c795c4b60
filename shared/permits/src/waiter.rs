//! The kinds of waiters at a semaphore: a task, or work for a blocking thread. Knows nothing of whose turn it is.

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::Permit;

/// A waiter for a permit.
pub(super) trait Waiter: Send {
    /// Accepts its permit, from any thread. Does not block.
    fn accept(self: Box<Self>, permit: Permit);
    /// Accepts its permit on a thread that may block. Returns the permit if it is done with it on return.
    fn accept_blocking(self: Box<Self>, permit: Permit) -> Option<Permit>;
}

/// A waiting task. If it has stopped waiting, the permit is dropped.
impl Waiter for oneshot::Sender<Permit> {
    fn accept(self: Box<Self>, permit: Permit) {
        drop(self.send(permit));
    }

    fn accept_blocking(self: Box<Self>, permit: Permit) -> Option<Permit> {
        self.accept(permit);
        None
    }
}

/// Waiting work, and the channel for its result.
pub(super) struct Work<F, T> {
    pub(super) work: F,
    pub(super) done: oneshot::Sender<T>,
    pub(super) runtime: Handle,
}

impl<F: FnOnce() -> T + Send + 'static, T: Send + 'static> Waiter for Work<F, T> {
    fn accept(self: Box<Self>, permit: Permit) {
        let runtime = self.runtime.clone();
        runtime.spawn_blocking(move || {
            let mut held = self.accept_blocking(permit);
            while let Some(permit) = held {
                held = permit.transfer().and_then(|(next, permit)| next.accept_blocking(permit));
            }
        });
    }

    fn accept_blocking(self: Box<Self>, permit: Permit) -> Option<Permit> {
        let Work { work, done, .. } = *self;
        // The caller stopped waiting just as its turn came.
        if done.is_closed() {
            return Some(permit);
        }
        // If the work panics, the permit is given back, and the panic unwinds to the thread pool, which tolerates it.
        drop(done.send(work()));
        Some(permit)
    }
}
