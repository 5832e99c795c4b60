//! What one page has taken of the network, and what came of it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fetch::FetchError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::config::Limits;

/// Most failures that are kept.
const MAX_FAILURES: usize = 64;

/// What a page took too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Bytes(u64),
    Requests(u32),
    Connections(u32),
}

impl std::fmt::Display for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Over::Bytes(most) => write!(f, "{} MB", most >> 20),
            Over::Requests(most) => write!(f, "{most} requests"),
            Over::Connections(most) => write!(f, "{most} connections"),
        }
    }
}

/// The account of one page. Once it is over its limits, or the page has ended, all its connections are cut.
pub(crate) struct Ledger {
    most_bytes: u64,
    most_connections: u32,
    bytes: AtomicU64,
    connections: AtomicU32,
    at_once: Arc<Semaphore>,
    cut: CancellationToken,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    over: Option<Over>,
    failures: Vec<(String, FetchError)>,
}

impl Ledger {
    pub(crate) fn new(limits: &Limits) -> Ledger {
        Ledger {
            most_bytes: limits.bytes,
            most_connections: limits.connections,
            bytes: AtomicU64::new(0),
            connections: AtomicU32::new(0),
            at_once: Arc::new(Semaphore::new(limits.connections_at_once)),
            cut: CancellationToken::new(),
            state: Mutex::default(),
        }
    }

    /// Another connection. `None` where there may be no more.
    pub(super) async fn connect(&self) -> Option<OwnedSemaphorePermit> {
        if self.connections.fetch_add(1, Ordering::Relaxed) >= self.most_connections {
            self.stop(Over::Connections(self.most_connections));
        }
        let place = Arc::clone(&self.at_once).acquire_owned();
        self.cut.run_until_cancelled(place).await?.ok()
    }

    /// Counts bytes of either direction.
    pub(super) fn count(&self, bytes: usize) {
        if self.bytes.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64 > self.most_bytes {
            self.stop(Over::Bytes(self.most_bytes));
        }
    }

    /// Lets nothing through any more, for this reason.
    pub(crate) fn stop(&self, over: Over) {
        self.state().over.get_or_insert(over);
        self.close();
    }

    /// Lets nothing through any more.
    pub(crate) fn close(&self) {
        self.cut.cancel();
    }

    /// Ends when nothing goes through any more.
    pub(super) async fn closed(&self) {
        self.cut.cancelled().await;
    }

    /// A host that was not reached, and why.
    pub(super) fn failed(&self, host: &str, error: FetchError) {
        let mut state = self.state();
        if state.failures.len() < MAX_FAILURES {
            state.failures.push((host.to_owned(), error));
        }
    }

    /// Why a host was not reached, the last time.
    pub(crate) fn failure(&self, host: &str) -> Option<FetchError> {
        self.state().failures.iter().rev().find(|(failed, _)| failed == host).map(|(_, error)| error.clone())
    }

    /// How many hosts were refused.
    pub(crate) fn refused(&self) -> usize {
        self.state().failures.iter().filter(|(_, error)| matches!(error, FetchError::Forbidden(_))).count()
    }

    /// What it took too much of.
    pub(crate) fn over(&self) -> Option<Over> {
        self.state().over
    }

    /// Bytes that it took.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
