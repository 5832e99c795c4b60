//! One page: fetch it, read it, say what came of it. Knows nothing of rows. A panic or a hang in here ends as this
//! unit's error and touches no other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::job::RenderJs;
use domain::{ErrorCode, Job, RenderMode, UnitError, UnitOutcome};
use extraction::budget::Budget;
use extraction::links::Links;
use extraction::{ExtractError, Extracted};
use fetch::{FetchError, FetchRequest, Hops, Throttled, UrlFault};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use crate::Engine;
use crate::crawl::{Found, Redirects};
use crate::gate::Place;

/// A result's JSON text may take this much; DynamoDB's limit for an item is 400 KB.
const MAX_RESULT_BYTES: usize = 64 * 1024;

/// How a page is visited.
pub(crate) struct Visit {
    /// Leave to fetch it. Given back once nothing of the visit runs any more, which may be later than its end: a parser
    /// cannot be stopped.
    pub(crate) place: Place,
    /// Who judges its redirects: a crawl.
    pub(crate) redirects: Option<Arc<Redirects>>,
}

/// What came of a visit.
pub(crate) struct Visited {
    pub(crate) outcome: UnitOutcome,
    /// What a crawl may follow.
    pub(crate) found: Option<Found>,
    /// It turned out to be another unit's page.
    pub(crate) duplicate: bool,
    /// Set where the site asked to be left alone for a while.
    pub(crate) throttled: Option<Throttled>,
}

impl Visited {
    /// What the cache had: nothing was fetched.
    pub(crate) fn recalled(outcome: UnitOutcome) -> Visited {
        Visited { outcome, found: None, duplicate: false, throttled: None }
    }

    /// No such page can be asked for.
    pub(crate) fn unreachable(url: &str, fault: &UrlFault) -> Visited {
        Visited::failed(url, UnitError::new(ErrorCode::UrlUnreachable, fault.to_string()))
    }

    fn failed(url: &str, error: UnitError) -> Visited {
        Visited { outcome: UnitOutcome::error(url, error), found: None, duplicate: false, throttled: None }
    }
}

impl Engine {
    /// Visits one unit's page: `target`, which is what `url` says. Never fails: what goes wrong is the outcome.
    pub(crate) async fn visit(&self, job: &Arc<Job>, url: &str, target: Url, visit: Visit) -> Visited {
        let (engine, job, asked) = (self.clone(), Arc::clone(job), url.to_owned());
        let limit = Duration::from_millis(u64::from(job.options.timeout_ms));
        // A task of its own: a panic ends there, and it goes on while its caller waits for a row. It ends with this future.
        let end = Instant::now() + limit;
        let work = tokio::spawn(async move { engine.fetch_and_read(&job, asked, target, visit, end).await });
        match tokio::time::timeout(limit, AbortOnDropHandle::new(work)).await {
            Ok(Ok(visited)) => Visited { outcome: cut(visited.outcome), ..visited },
            Ok(Err(e)) => {
                tracing::error!(panicked = e.is_panic(), "a page could not be read");
                let text = "this page could not be read because of a fault of ours";
                Visited::failed(url, UnitError::new(ErrorCode::Internal, text))
            }
            Err(_) => {
                let text = format!("the page took longer than timeout_ms ({} ms)", limit.as_millis());
                Visited::failed(url, UnitError::new(ErrorCode::Timeout, text))
            }
        }
    }

    async fn fetch_and_read(&self, job: &Arc<Job>, url: String, target: Url, visit: Visit, end: Instant) -> Visited {
        let request = FetchRequest {
            url: &target,
            accept_language: &job.options.locale,
            timeout: Duration::from_millis(u64::from(job.options.timeout_ms)),
            headers: None,
            hops: visit.redirects.as_deref().map(|hops| hops as &dyn Hops),
        };
        let page = match self.inner.fetcher.fetch(request).await {
            Ok(page) => page,
            Err(e) => {
                let (throttled, duplicate) = (e.throttled(), matches!(e, FetchError::Diverted(_)));
                return Visited { throttled, duplicate, ..Visited::failed(&url, e.into_unit_error()) };
            }
        };
        let final_url = page.redirected.then(|| page.final_url.to_string());
        let (read_job, now, place) = (Arc::clone(job), self.now(), visit.place);
        let found_at = page.final_url.clone();
        // Parsing is work for the processor: off the threads that serve the network.
        let read = self.inner.gates.parsers.work(&job.account, move || {
            let _held = place;
            read_page(&read_job, &page.body, page.content_type, &page.final_url, now, end)
        });
        match read.await {
            Some((read, links)) => {
                let found = job.crawl.is_some().then_some(Found { at: found_at, links });
                let outcome = match read {
                    Ok((data, warnings, render_mode)) => {
                        UnitOutcome::Success { url, final_url, render_mode, data, warnings, images_processed: None }
                    }
                    Err(error) => UnitOutcome::Error { url, final_url, error },
                };
                Visited { outcome, found, duplicate: false, throttled: None }
            }
            None => {
                tracing::error!("extraction failed: it panicked, or the process ends");
                let text = "this page could not be read because of a fault of ours";
                let error = UnitError::new(ErrorCode::Internal, text);
                let outcome = UnitOutcome::Error { url, final_url, error };
                Visited { outcome, found: None, duplicate: false, throttled: None }
            }
        }
    }
}

type Read = (serde_json::Map<String, serde_json::Value>, Vec<String>, RenderMode);

fn read_page(
    job: &Job,
    body: &[u8],
    content_type: Option<String>,
    url: &Url,
    now: domain::Timestamp,
    end: Instant,
) -> (Result<Read, UnitError>, Links) {
    let page = extraction::Page { body, content_type: content_type.as_deref(), url };
    // The thread ends with the unit: what reads the page asks for the time.
    let over = || Instant::now() >= end;
    let budget = Budget::until(&over);
    let context = extraction::Context { locale: &job.options.locale, now, budget: &budget };
    if job.crawl.is_none() {
        return (values(job, extraction::extract(&page, &job.schema, &context)), Links::default());
    }
    let (read, links) = extraction::extract_with_links(&page, &job.schema, &context);
    (values(job, read), links)
}

fn values(job: &Job, read: Result<Extracted, ExtractError>) -> Result<Read, UnitError> {
    let read = read.map_err(|e| {
        let code = match e {
            ExtractError::OutOfTime => ErrorCode::Timeout,
            ExtractError::Unsupported(_) | ExtractError::BrokenJson | ExtractError::TooMuch(_) => {
                ErrorCode::UnsupportedContent
            }
        };
        UnitError::new(code, e.to_string())
    })?;
    let mut warnings = read.warnings;
    if job.options.render_js == RenderJs::Always {
        warnings.push("render_js was \"always\", but no browser is configured; the page was fetched plainly".into());
    }
    if job.options.process_images {
        warnings.push(
            "process_images was ignored: it needs the plan scale and a vision pass, and none is configured".into(),
        );
    }
    Ok((read.data, warnings, read.render_mode))
}

/// Cuts a result that would not fit its row: the longest texts first, and says so.
fn cut(mut outcome: UnitOutcome) -> UnitOutcome {
    let UnitOutcome::Success { data, warnings, .. } = &mut outcome else { return outcome };
    let size = |data: &serde_json::Map<_, _>, warnings: &[String]| {
        serde_json::to_string(data).map_or(0, |t| t.len()) + warnings.iter().map(|w| w.len() + 3).sum::<usize>()
    };
    // Room for URLs (8 KB each), the envelope and the sentence that is added.
    let room = MAX_RESULT_BYTES - 20 * 1024;
    if size(data, warnings) <= room {
        return outcome;
    }
    if warnings.len() > 50 {
        warnings.truncate(50);
        warnings.push("further warnings were left out".into());
    }
    for w in warnings.iter_mut() {
        if w.chars().count() > 300 {
            *w = w.chars().take(300).collect();
        }
    }
    let mut share = room / 2;
    while size(data, &[]) > room.saturating_sub(size(&serde_json::Map::new(), warnings)) && share > 0 {
        for value in data.values_mut() {
            shorten(value, share);
        }
        share /= 2;
    }
    warnings.push(format!("the result was over {} KB; its longest values were cut", MAX_RESULT_BYTES / 1024));
    outcome
}

fn shorten(value: &mut serde_json::Value, bytes: usize) {
    use serde_json::Value;
    match value {
        Value::String(text) if text.len() > bytes => {
            let mut end = bytes;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
        }
        Value::Array(items) => {
            let mut sum = 0;
            let keep = items.iter().take_while(|v| {
                sum += v.as_str().map_or(24, |s| s.len() + 3);
                sum <= bytes
            });
            let keep = keep.count();
            items.truncate(keep);
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::marker;

    fn success(data: Value, warnings: Vec<String>) -> UnitOutcome {
        let Value::Object(data) = data else { panic!("an object") };
        UnitOutcome::Success {
            url: "https://x.test/".into(),
            final_url: None,
            render_mode: RenderMode::Fetch,
            data,
            warnings,
            images_processed: None,
        }
    }

    #[test]
    fn small_results_stay_as_they_are() {
        let r = success(json!({"a": "x"}), vec![]);
        assert_eq!(cut(r.clone()), r);
    }

    #[test]
    fn large_results_fit_and_say_so() {
        for data in [
            json!({"a": "é".repeat(80_000), "b": "kept", "n": 3}),
            json!({"list": vec!["word"; 30_000], "b": "kept"}),
            Value::Object((0..200).map(|i| (format!("f{i}"), json!("y".repeat(3_000)))).collect::<Map<_, _>>()),
        ] {
            let keys = data.as_object().unwrap().len();
            let out = cut(success(data, vec!["w".repeat(2_000); 80]));
            assert!(marker::json(&out).len() < MAX_RESULT_BYTES, "{}", marker::json(&out).len());
            let UnitOutcome::Success { data, warnings, .. } = &out else { panic!("a success") };
            assert_eq!(data.len(), keys);
            assert!(warnings.last().unwrap().contains("cut"));
            if let Some(b) = data.get("b") {
                assert_eq!(b, "kept");
            }
        }
    }
}
