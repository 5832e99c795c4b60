//! Who may wait at a gate: a task, or work that is done on a thread of its own. Knows nothing of whose turn it is.

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Place;

/// Who waits for a place.
pub(super) trait Waiter: Send {
    /// Takes its place, from any thread: does not block.
    fn granted(self: Box<Self>, place: Place);
    /// Takes its place on a thread that may be blocked. Returns the place once it is done with it there.
    fn granted_here(self: Box<Self>, place: Place) -> Option<Place>;
}

/// A task that waits. Who has stopped waiting lets the place fall.
impl Waiter for oneshot::Sender<Place> {
    fn granted(self: Box<Self>, place: Place) {
        drop(self.send(place));
    }

    fn granted_here(self: Box<Self>, place: Place) -> Option<Place> {
        self.granted(place);
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
    fn granted(self: Box<Self>, place: Place) {
        let runtime = self.runtime.clone();
        runtime.spawn_blocking(move || {
            let mut held = self.granted_here(place);
            while let Some(place) = held {
                held = place.pass_on().and_then(|(next, place)| next.granted_here(place));
            }
        });
    }

    fn granted_here(self: Box<Self>, place: Place) -> Option<Place> {
        let Work { work, done, .. } = *self;
        // Whoever waited left while its turn came.
        if done.is_closed() {
            return Some(place);
        }
        // A panic in there gives the place back and goes on to the thread pool, which bears it.
        drop(done.send(work()));
        Some(place)
    }
}
