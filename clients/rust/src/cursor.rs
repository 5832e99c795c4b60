//! Reads a job's NDJSON lines over any number of connections and yields each result exactly once. Sans-IO: takes received
//! bytes and returns what to request next.

use std::collections::{HashSet, VecDeque};
use std::mem;
use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::types::{Row, Summary};

const MAX_LINE_BYTES: usize = 64 * 1024 * 1024;
const MAX_REREADS: u8 = 2;
/// Pause after a response that ended without a result while the job runs.
const IDLE_PAUSE: Duration = Duration::from_millis(500);
/// A `from` that leaves out every result.
const SKIP_ALL: u64 = u32::MAX as u64;

/// Identifies a result: its position in the input, or for a crawl its URL (positions may still shift while a crawl runs).
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
    position: u64,
    received: u64,
    last_summary: Option<Row>,
    /// Whether a response since the last start from the first result ended before the job did.
    interrupted: bool,
    rereads: u8,
    /// The bytes of a line whose end has not been received.
    partial_line: Vec<u8>,
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
            position: 0,
            received: 0,
            last_summary: None,
            interrupted: false,
            rereads: 0,
            partial_line: Vec::new(),
            summary: None,
        }
    }

    /// Returns the summary once the job has ended and every result was yielded.
    pub(crate) fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Returns how many results the next response should leave out.
    pub(crate) fn start(&self) -> u64 {
        if self.skip { SKIP_ALL } else { self.position }
    }

    /// Appends those results of a piece of the body that are new.
    pub(crate) fn feed(&mut self, chunk: &[u8], results: &mut VecDeque<Row>) -> Result<()> {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.partial_line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = mem::take(&mut self.partial_line);
                results.extend(self.line(&line)?);
            } else if self.partial_line.len() > MAX_LINE_BYTES {
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
        self.position += 1;
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
        let is_complete = self.partial_line.iter().all(u8::is_ascii_whitespace);
        let Some(summary) = self.last_summary.take().filter(|_| is_complete) else {
            self.connection_lost();
            return Ok(None);
        };
        let received = mem::take(&mut self.received);
        if summary.get("status").is_some_and(|status| status == "running") {
            self.interrupted = true;
            // A service that shuts down ends the calls that it holds at once.
            return Ok(Some(if received > 0 { Duration::ZERO } else { IDLE_PAUSE }));
        }
        if self.skip || self.has_all_results(&summary) {
            let summary = serde_json::from_value::<Summary>(Value::Object(summary));
            self.summary = Some(summary.map_err(|e| self.error(&format!("the summary is malformed: {e}")))?.ended());
        } else if self.rereads == MAX_REREADS {
            return Err(self.error(&format!("the job has ended, but only {received} of its results were received")));
        } else {
            // The job has ended: results and their order are final now.
            self.rereads += 1;
            self.position = 0;
            self.interrupted = false;
        }
        Ok(Some(Duration::ZERO))
    }

    /// Handles a connection that failed in the middle of a body.
    pub(crate) fn connection_lost(&mut self) {
        self.interrupted = true;
        self.last_summary = None;
        self.received = 0;
        self.partial_line.clear();
    }

    fn has_all_results(&self, summary: &Row) -> bool {
        if self.crawl {
            return !self.interrupted;
        }
        // The summary of an extract has no counts; an extract has one result.
        self.seen.len() as u64 >= summary.get("total").and_then(Value::as_u64).unwrap_or(1)
    }

    fn error(&self, why: &str) -> Error {
        Error::protocol(why, Some(&self.job_id))
    }
}
