//! Reads a page of a job's results: limited in number, in size (as much as a model may read at once) and in waiting
//! time.
//!
//! Results are read in the order in which they were recorded, so a page can name the next one by a number while the job
//! still runs. The API keeps that order for a client that waits. When it has to end a body, it may send the remaining
//! results in another order. A page therefore asks for more time than it needs, and stops reading when its own time is
//! over.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use http::{HeaderValue, Method};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::carrier::{AnswerBody, Call, CallFailed, Carrier, ToolResult, call_failed, carry, read};
use crate::result_size::{MAX_BYTES, json_size, shorten_to_fit};

/// How long the API is asked to hold the response: longer than any page takes.
const PREFER_WAIT: &str = "wait=60";
/// How long a page that has results waits for the next one.
const NEXT_RESULT_WAIT: Duration = Duration::from_secs(1);
/// How long to wait for the summary of a job that has ended.
const SUMMARY_WAIT: Duration = Duration::from_secs(3);

/// The page to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageRequest<'j> {
    pub(crate) job: &'j str,
    /// Number of results to leave out.
    pub(crate) from: u32,
    /// Maximum number of results.
    pub(crate) limit: usize,
    /// Maximum wait for the first result.
    pub(crate) wait: Duration,
}

/// Reads a page.
pub(crate) async fn page(carrier: &impl Carrier, request: PageRequest<'_>) -> ToolResult {
    let path = format!("/v1/jobs/{}", request.job);
    let call =
        Call { query: vec![("from", request.from.to_string())], ..Call::new(Method::GET, format!("{path}/result")) };
    let call = call
        .header("accept", HeaderValue::from_static("application/x-ndjson"))
        .header("prefer", HeaderValue::from_static(PREFER_WAIT));
    let mut lines = Lines::of(carry(carrier, call).await?.into_body());
    let mut read_results = read_lines(&mut lines, request).await.map_err(|error| call_failed(&error))?;
    let job = read(carry(carrier, Call::new(Method::GET, path)).await?).await?;
    let running = ["running", "cancelling"].contains(&job["status"].as_str().unwrap_or_default());
    if read_results.summary.is_none() && !read_results.has_more && !running {
        // The next line shows whether there is more, and comes at once.
        let next = timeout_at(Instant::now() + SUMMARY_WAIT, lines.next()).await;
        read_results.summary = next.ok().and_then(Result::ok).flatten().and_then(|line| summary(&line));
    }
    let given = u32::try_from(read_results.results.len()).unwrap_or(u32::MAX);
    let next = read_results.summary.is_none().then(|| request.from.saturating_add(given));
    let mut result = json!({
        "job_id": request.job,
        "status": job["status"],
        "progress": job["progress"],
        "credits": job["credits"],
        "from": request.from,
        "results": read_results.results,
        "next_from": next,
    });
    if let Some(summary) = read_results.summary {
        result["summary"] = summary;
    }
    Ok(result)
}

#[derive(Debug, Default)]
struct ReadResults {
    results: Vec<Value>,
    /// The summary of a job whose results were all read.
    summary: Option<Value>,
    /// Whether a result arrived that did not fit.
    has_more: bool,
}

async fn read_lines(lines: &mut Lines, request: PageRequest<'_>) -> Result<ReadResults, CallFailed> {
    let (mut read_results, mut size) = (ReadResults::default(), 0);
    let until = Instant::now() + request.wait;
    while read_results.results.len() < request.limit {
        // Wait at least `NEXT_RESULT_WAIT` in any case.
        let next_result_until = Instant::now() + NEXT_RESULT_WAIT;
        let deadline = if read_results.results.is_empty() { until.max(next_result_until) } else { next_result_until };
        let line = match timeout_at(deadline, lines.next()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Err(error)) if read_results.results.is_empty() => return Err(error),
            // The results read so far form the page; the next call gets the rest.
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        };
        if line.get("summary").is_some() {
            read_results.summary = summary(&line);
            break;
        }
        let mut result = line;
        shorten_to_fit(&mut result);
        size += json_size(&result);
        if size > MAX_BYTES && !read_results.results.is_empty() {
            read_results.has_more = true;
            break;
        }
        read_results.results.push(result);
    }
    Ok(read_results)
}

/// Returns the summary of an ended job, if the line is one.
fn summary(line: &Value) -> Option<Value> {
    line.get("summary").filter(|summary| summary["status"] != "running").cloned()
}

/// The lines of a response, as they arrive.
struct Lines {
    body: AnswerBody,
    read: BytesMut,
}

impl Lines {
    fn of(body: AnswerBody) -> Lines {
        Lines { body, read: BytesMut::new() }
    }

    /// Returns the next line that is not blank; `None` at the end. Dropping the future loses no line.
    async fn next(&mut self) -> Result<Option<Value>, CallFailed> {
        loop {
            while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line = self.read.split_to(end);
                self.read.advance(1);
                if !line.trim_ascii().is_empty() {
                    let broken = |_| CallFailed("a line of the response is not JSON".to_owned());
                    return serde_json::from_slice(&line).map(Some).map_err(broken);
                }
            }
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.read.extend_from_slice(&data);
                    }
                }
                None => return Ok(None),
            }
        }
    }
}
