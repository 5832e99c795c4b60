//! Counts what one page transfers, and records its failed connections.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fetch::FetchError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::config::Limits;

/// Maximum number of recorded failures.
const MAX_FAILURES: usize = 64;

/// The limit that a page exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Bytes(u64),
    Requests(u32),
    Connections(u32),
}

impl std::fmt::Display for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Over::Bytes(max) => write!(f, "{} MB", max >> 20),
            Over::Requests(max) => write!(f, "{max} requests"),
            Over::Connections(max) => write!(f, "{max} connections"),
        }
    }
}

/// The ledger of one page. Once the page exceeds a limit or ends, all its connections are cut.
pub(crate) struct Ledger {
    max_bytes: u64,
    max_connections: u32,
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
            max_bytes: limits.bytes,
            max_connections: limits.connections,
            bytes: AtomicU64::new(0),
            connections: AtomicU32::new(0),
            at_once: Arc::new(Semaphore::new(limits.connections_at_once)),
            cut: CancellationToken::new(),
            state: Mutex::default(),
        }
    }

    /// Waits for a permit for another connection. Returns `None` if the page may open no more.
    pub(super) async fn connect(&self) -> Option<OwnedSemaphorePermit> {
        if self.connections.fetch_add(1, Ordering::Relaxed) >= self.max_connections {
            self.stop(Over::Connections(self.max_connections));
        }
        let place = Arc::clone(&self.at_once).acquire_owned();
        self.cut.run_until_cancelled(place).await?.ok()
    }

    /// Counts bytes of either direction.
    pub(super) fn count(&self, bytes: usize) {
        if self.bytes.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64 > self.max_bytes {
            self.stop(Over::Bytes(self.max_bytes));
        }
    }

    /// Cuts all connections and records the limit that was exceeded.
    pub(crate) fn stop(&self, over: Over) {
        self.state().over.get_or_insert(over);
        self.close();
    }

    /// Cuts all connections.
    pub(crate) fn close(&self) {
        self.cut.cancel();
    }

    /// Waits until all connections are cut.
    pub(super) async fn closed(&self) {
        self.cut.cancelled().await;
    }

    /// Records a host that could not be reached, and why.
    pub(super) fn failed(&self, host: &str, error: FetchError) {
        let mut state = self.state();
        if state.failures.len() < MAX_FAILURES {
            state.failures.push((host.to_owned(), error));
        }
    }

    /// Returns why a host could not be reached, the last time.
    pub(crate) fn failure(&self, host: &str) -> Option<FetchError> {
        self.state().failures.iter().rev().find(|(failed, _)| failed == host).map(|(_, error)| error.clone())
    }

    /// Returns the number of connections that the guard refused.
    pub(crate) fn refused(&self) -> usize {
        self.state().failures.iter().filter(|(_, error)| matches!(error, FetchError::Forbidden(_))).count()
    }

    /// Returns the limit that the page exceeded, if any.
    pub(crate) fn over(&self) -> Option<Over> {
        self.state().over
    }

    /// Returns the bytes transferred.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
