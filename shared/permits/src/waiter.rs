//! Who may wait at a semaphore: a task, or work that is done on a thread of its own. Knows nothing of whose turn it is.

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::Permit;

/// Who waits for a permit.
pub(super) trait Waiter: Send {
    /// Takes its permit, from any thread: does not block.
    fn granted(self: Box<Self>, permit: Permit);
    /// Takes its permit on a thread that may be blocked. Returns the permit once it is done with it there.
    fn granted_here(self: Box<Self>, permit: Permit) -> Option<Permit>;
}

/// A task that waits. Who has stopped waiting lets the permit fall.
impl Waiter for oneshot::Sender<Permit> {
    fn granted(self: Box<Self>, permit: Permit) {
        drop(self.send(permit));
    }

    fn granted_here(self: Box<Self>, permit: Permit) -> Option<Permit> {
        self.granted(permit);
        None
    }
}

/// Work that waits, and who waits for what comes of it.
pub(super) struct Work<F, T> {
    pub(super) work: F,
    pub(super) done: oneshot::Sender<T>,
    pub(super) runtime: Handle,
}

impl<F: FnOnce() -> T + Send + 'static, T: Send + 'static> Waiter for Work<F, T> {
    fn granted(self: Box<Self>, permit: Permit) {
        let runtime = self.runtime.clone();
        runtime.spawn_blocking(move || {
            let mut held = self.granted_here(permit);
            while let Some(permit) = held {
                held = permit.pass_on().and_then(|(next, permit)| next.granted_here(permit));
            }
        });
    }

    fn granted_here(self: Box<Self>, permit: Permit) -> Option<Permit> {
        let Work { work, done, .. } = *self;
        // Whoever waited left while its turn came.
        if done.is_closed() {
            return Some(permit);
        }
        // A panic in there gives the permit back and goes on to the thread pool, which bears it.
        drop(done.send(work()));
        Some(permit)
    }
}
