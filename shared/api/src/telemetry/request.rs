//! The log line of a request, written when its body ends: caller, operation, outcome and durations. It contains no URL,
//! no key and no text of the client.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::progress::Tally;
use domain::time::millis;
use domain::{AccountId, ErrorCode, JobId};

/// Returns a code as it is on the wire.
pub(crate) fn code_name(code: ErrorCode) -> String {
    // An enum without data serialises to its name.
    serde_json::to_value(code).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Collects what is known about a request. Shared by everything that serves it; the line is written when the last clone
/// is dropped.
#[derive(Debug, Clone)]
pub(crate) struct RequestLog(Arc<Inner>);

struct Inner {
    /// Called after the line was written.
    at_end: Box<dyn Fn() + Send + Sync>,
    begun: Instant,
    noted: Mutex<Noted>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("noted", &self.noted).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Noted {
    operation: Option<String>,
    status: u16,
    code: Option<ErrorCode>,
    account: Option<AccountId>,
    job: Option<JobId>,
    tally: Option<Tally>,
    head: Duration,
}

impl RequestLog {
    /// Begins the log of a request. `at_end` is called once the line is written.
    pub(crate) fn begin(at_end: impl Fn() + Send + Sync + 'static) -> RequestLog {
        RequestLog(Arc::new(Inner { at_end: Box::new(at_end), begun: Instant::now(), noted: Mutex::default() }))
    }

    /// Calls `note` with the log of a request, if it has one.
    pub(crate) fn note(request: &lambda_http::Request, note: impl FnOnce(&RequestLog)) {
        if let Some(log) = request.extensions().get() {
            note(log);
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the operation by its name in the code.
    pub(crate) fn operation(&self, operation: impl fmt::Debug) {
        self.noted().operation = Some(format!("{operation:?}"));
    }

    pub(crate) fn account(&self, account: &AccountId) {
        self.noted().account = Some(account.clone());
    }

    pub(crate) fn job(&self, job: &JobId) {
        self.noted().job = Some(job.clone());
    }

    /// Notes the job's tally at the end of the body.
    pub(crate) fn tally(&self, tally: &Tally) {
        self.noted().tally = Some(*tally);
    }

    /// Notes that the head is ready.
    pub(crate) fn head(&self, status: u16, code: Option<ErrorCode>) {
        let mut noted = self.noted();
        noted.status = status;
        noted.code = code;
        noted.head = self.0.begun.elapsed();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let noted = self.noted.get_mut().unwrap_or_else(PoisonError::into_inner);
        let tally = noted.tally;
        tracing::info!(
            target: "request",
            operation = noted.operation.take(),
            status = noted.status,
            code = noted.code.map(code_name),
            account = noted.account.as_ref().map(ToString::to_string),
            job = noted.job.as_ref().map(ToString::to_string),
            units = tally.map(|t| t.total),
            succeeded = tally.map(|t| t.done),
            failed = tally.map(|t| t.failed),
            not_run = tally.map(|t| t.cancelled),
            pending = tally.map(|t| t.pending),
            head_ms = millis(noted.head),
            total_ms = millis(self.begun.elapsed()),
            "request"
        );
        (self.at_end)();
    }
}
