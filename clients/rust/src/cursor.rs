//! Follows a job's NDJSON lines over any number of connections and yields each result exactly once. Sans-IO: takes what
//! was received and returns what to request next.

use std::collections::{HashSet, VecDeque};
use std::mem;
use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::types::{Row, Summary};

const MAX_LINE: usize = 64 * 1024 * 1024;
const MAX_CHECKS: u8 = 2;
/// Pause after a response that ended without a result while the job runs.
const IDLE: Duration = Duration::from_millis(500);
/// A `from` that leaves out every result.
const EVERYTHING: u64 = u32::MAX as u64;

/// Identifies a result: its place in the input, or for a crawl its URL (places may still shift while a crawl runs).
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Index(u64),
    Url(Box<str>),
}

/// The state of reading a job.
///
/// After a broken connection reading resumes with `from=N`. While a job runs, its order of completion may still shift a
/// little, so the cursor remembers the results it has yielded (a number or a URL each, at most 10,000). If any is
/// missing at the end, it reads all results again from the start.
#[derive(Debug)]
pub(crate) struct Cursor {
    job_id: String,
    crawl: bool,
    skip: bool,
    seen: HashSet<Key>,
    place: u64,
    received: u64,
    last_summary: Option<Row>,
    joined: bool,
    checks: u8,
    rest: Vec<u8>,
    summary: Option<Summary>,
}

impl Cursor {
    /// Creates a cursor. With `skip` it waits for the job's end without reading results.
    pub(crate) fn new(job_id: &str, crawl: bool, skip: bool) -> Cursor {
        Cursor {
            job_id: job_id.to_owned(),
            crawl,
            skip,
            seen: HashSet::new(),
            place: 0,
            received: 0,
            last_summary: None,
            joined: false,
            checks: 0,
            rest: Vec::new(),
            summary: None,
        }
    }

    /// Returns the summary once the job has ended and every result was yielded.
    pub(crate) fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Returns how many results the next response should leave out.
    pub(crate) fn start(&self) -> u64 {
        if self.skip { EVERYTHING } else { self.place }
    }

    /// Appends those results of a piece of the body that are new.
    pub(crate) fn feed(&mut self, chunk: &[u8], results: &mut VecDeque<Row>) -> Result<()> {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = mem::take(&mut self.rest);
                results.extend(self.line(&line)?);
            } else if self.rest.len() > MAX_LINE {
                return Err(self.error("a line of the response is longer than 64 MiB"));
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<Option<Row>> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let Ok(mut members) = serde_json::from_slice::<Row>(line) else {
            return Err(self.error("a line of the response is not a JSON object"));
        };
        if let Some(Value::Object(summary)) = members.remove("summary") {
            self.last_summary = Some(summary);
            return Ok(None);
        }
        self.place += 1;
        self.received += 1;
        let key = if self.crawl {
            members.get("url").and_then(Value::as_str).map(|url| Key::Url(url.into()))
        } else {
            members.get("index").and_then(Value::as_u64).map(Key::Index)
        };
        let Some(key) = key else { return Err(self.error("a result has neither index nor url")) };
        Ok(self.seen.insert(key).then_some(members))
    }

    /// Handles the regular end of a body. Returns how long to wait before the next request, or `None` if the body ended
    /// before its summary.
    pub(crate) fn body_ended(&mut self) -> Result<Option<Duration>> {
        let whole = self.rest.iter().all(u8::is_ascii_whitespace);
        let Some(summary) = self.last_summary.take().filter(|_| whole) else {
            self.broke();
            return Ok(None);
        };
        let received = mem::take(&mut self.received);
        if summary.get("status").is_some_and(|status| status == "running") {
            self.joined = true;
            // A service that shuts down ends the calls that it holds at once.
            return Ok(Some(if received > 0 { Duration::ZERO } else { IDLE }));
        }
        if self.skip || self.complete(&summary) {
            let summary = serde_json::from_value::<Summary>(Value::Object(summary));
            self.summary = Some(summary.map_err(|e| self.error(&format!("the summary is malformed: {e}")))?.ended());
        } else if self.checks == MAX_CHECKS {
            return Err(self.error(&format!("the job has ended, but only {received} of its results were received")));
        } else {
            // The job has ended: results and their order are final now.
            self.checks += 1;
            self.place = 0;
            self.joined = false;
        }
        Ok(Some(Duration::ZERO))
    }

    /// Handles a connection that failed in the middle of a body.
    pub(crate) fn broke(&mut self) {
        self.joined = true;
        self.last_summary = None;
        self.received = 0;
        self.rest.clear();
    }

    fn complete(&self, summary: &Row) -> bool {
        if self.crawl {
            return !self.joined;
        }
        // The summary of an extract has no counts; an extract has one result.
        self.seen.len() as u64 >= summary.get("total").and_then(Value::as_u64).unwrap_or(1)
    }

    fn error(&self, why: &str) -> Error {
        Error::protocol(why, Some(&self.job_id))
    }
}
