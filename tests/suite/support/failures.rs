//! Failures of scripted servers. An assertion in a server's task only breaks a connection: the product may try again, or
//! do without the answer, and the test would pass. So it is recorded, and fails the test when the test reads what was
//! received.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;

/// The failures of a server.
#[derive(Clone, Default)]
pub struct Failures(Arc<Mutex<Vec<String>>>);

impl Failures {
    /// Waits for a server's answer. Returns an error, which breaks the connection, if the server gives none, or if it
    /// panics. Records the panic.
    pub async fn record<T>(&self, answer: impl Future<Output = Option<T>>) -> io::Result<T> {
        match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(answer) => answer.ok_or_else(|| io::Error::other("no answer")),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                self.0.lock().unwrap().push(text.unwrap_or_default());
                Err(io::Error::other("a failure"))
            }
        }
    }

    /// Panics if there was a failure.
    pub fn assert_none(&self) {
        // Copied, so that the panic does not poison the mutex.
        let failures = self.0.lock().unwrap().clone();
        assert!(failures.is_empty(), "a scripted server failed: {failures:?}");
    }
}
