//! The results of units that have no result row, built the same way wherever they are shown.

use crate::segment::UnitEnd;
use crate::{ErrorCode, Job, Outcome, UnitError, UnitOutcome};

/// Returns the error of a unit that ended without a result of its own. Returns `None` if it has a result or is a
/// duplicate.
pub fn end_error(end: UnitEnd) -> Option<UnitError> {
    match end {
        UnitEnd::Succeeded | UnitEnd::Failed | UnitEnd::Duplicate => None,
        UnitEnd::Exhausted => Some(exhausted_error()),
        UnitEnd::Expired => Some(expired_error(true)),
        UnitEnd::Cancelled => Some(cancelled_extract()),
    }
}

/// Returns the error that says why a unit of a job never started.
pub fn skipped_error(job: &Job) -> UnitError {
    match job.state.final_outcome() {
        Outcome::Expired => expired_error(false),
        Outcome::Completed if job.is_crawl() => UnitError::new(
            ErrorCode::RobotsDenied,
            "robots.txt denies this page, or the site's server did not send its robots.txt; in the second case, repeat \
             the call after ten minutes. To visit the page anyway, set crawl.ignore_robots to true",
        ),
        Outcome::Cancelled => UnitError::new(
            ErrorCode::JobCancelled,
            "the job was cancelled before this URL was started; the URL was not charged",
        ),
        Outcome::Completed => UnitError::new(
            ErrorCode::JobCancelled,
            "options.fail_fast stopped the job at another URL's failure before this URL was started; the URL was not \
             charged",
        ),
    }
}

/// Returns the error of a unit that was open when its job's deadline passed.
fn expired_error(started: bool) -> UnitError {
    let charged = if started { "it had started and was charged" } else { "it was not charged" };
    UnitError::new(ErrorCode::JobExpired, format!("the job's deadline passed before this URL was done; {charged}"))
}

/// Returns the error of an extract that was cancelled while it ran.
pub fn cancelled_extract() -> UnitError {
    UnitError::new(
        ErrorCode::JobCancelled,
        "the job was cancelled while the page was being fetched; it had started and was charged",
    )
}

/// Returns the error of a unit that was started the maximum number of times and never finished.
fn exhausted_error() -> UnitError {
    UnitError::new(
        ErrorCode::Internal,
        format!(
            "this URL was started {} times and never finished; it was charged. Its page may stop the process that reads \
             it: leave it out, or send it in a call of its own",
            crate::segment::MAX_ATTEMPTS
        ),
    )
}

/// Returns the JSON text of a unit whose result does not exist although the unit has ended or waits for a model. This cannot
/// happen: a result is written before its segment names it, and is kept as long as the job.
pub fn lost_json(url: &str) -> String {
    let text = "the result of this URL was lost because of an internal error";
    error_json(url, UnitError::new(ErrorCode::Internal, text))
}

/// Returns the JSON text of a result.
pub fn json(outcome: &UnitOutcome) -> String {
    // A tree of strings, numbers and maps with string keys always serialises.
    serde_json::to_string(outcome).unwrap_or_default()
}

/// Returns the JSON text of a failed unit's result.
pub fn error_json(url: &str, error: UnitError) -> String {
    json(&UnitOutcome::error(url, error))
}

/// Returns the JSON text of a unit that is still open.
pub fn pending_json(url: &str) -> String {
    serde_json::json!({ "url": url, "status": "pending" }).to_string()
}
