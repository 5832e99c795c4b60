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
pub(crate) enum ExceededLimit {
    Bytes(u64),
    Requests(u32),
    Connections(u32),
}

impl std::fmt::Display for ExceededLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ExceededLimit::Bytes(max) => write!(f, "{} MiB", max >> 20),
            ExceededLimit::Requests(max) => write!(f, "{max} requests"),
            ExceededLimit::Connections(max) => write!(f, "{max} connections"),
        }
    }
}

/// The traffic of one page. Once the page exceeds a limit or ends, all its connections are closed.
pub(crate) struct PageTraffic {
    max_bytes: u64,
    max_requests: u32,
    max_connections: u32,
    bytes: AtomicU64,
    requests: AtomicU32,
    connections: AtomicU32,
    connection_permits: Arc<Semaphore>,
    closed: CancellationToken,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    exceeded: Option<ExceededLimit>,
    failures: Vec<(String, FetchError)>,
}

impl PageTraffic {
    pub(crate) fn new(limits: &Limits) -> PageTraffic {
        PageTraffic {
            max_bytes: limits.bytes,
            max_requests: limits.requests,
            max_connections: limits.connections,
            bytes: AtomicU64::new(0),
            requests: AtomicU32::new(0),
            connections: AtomicU32::new(0),
            connection_permits: Arc::new(Semaphore::new(limits.connections_at_once)),
            closed: CancellationToken::new(),
            state: Mutex::default(),
        }
    }

    /// Waits for a permit for another connection. Returns `None` if the page may open no more.
    pub(super) async fn acquire_connection(&self) -> Option<OwnedSemaphorePermit> {
        if self.connections.fetch_add(1, Ordering::Relaxed) >= self.max_connections {
            self.stop(ExceededLimit::Connections(self.max_connections));
        }
        let permit = Arc::clone(&self.connection_permits).acquire_owned();
        self.closed.run_until_cancelled(permit).await?.ok()
    }

    /// Counts a request that the proxy reads. Returns whether it may be forwarded. Requests in tunnels are unreadable: only the
    /// browser reports those, and some time after they were sent.
    pub(super) fn admit_request(&self) -> bool {
        let admitted = self.requests.fetch_add(1, Ordering::Relaxed) < self.max_requests;
        if !admitted {
            self.stop(ExceededLimit::Requests(self.max_requests));
        }
        admitted
    }

    /// Counts bytes of either direction.
    pub(super) fn add_bytes(&self, bytes: usize) {
        if self.bytes.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64 > self.max_bytes {
            self.stop(ExceededLimit::Bytes(self.max_bytes));
        }
    }

    /// Closes all connections and records the limit that was exceeded.
    pub(crate) fn stop(&self, limit: ExceededLimit) {
        self.state().exceeded.get_or_insert(limit);
        self.close();
    }

    /// Closes all connections.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    /// Waits until all connections are closed.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Records why a connection to a host failed.
    pub(super) fn record_failure(&self, host: &str, error: FetchError) {
        let mut state = self.state();
        if state.failures.len() < MAX_FAILURES {
            state.failures.push((host.to_owned(), error));
        }
    }

    /// Returns why the last connection to a host failed.
    pub(crate) fn last_failure(&self, host: &str) -> Option<FetchError> {
        self.state().failures.iter().rev().find(|(failed, _)| failed == host).map(|(_, error)| error.clone())
    }

    /// Returns the number of connections that the guard refused.
    pub(crate) fn refused_count(&self) -> usize {
        self.state().failures.iter().filter(|(_, error)| matches!(error, FetchError::Forbidden(_))).count()
    }

    /// Returns the limit that the page exceeded, if any.
    pub(crate) fn exceeded_limit(&self) -> Option<ExceededLimit> {
        self.state().exceeded
    }

    /// Returns the bytes transferred.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
