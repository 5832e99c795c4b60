//! What a body says about its job as a whole: the members beside `results`.

use domain::job::CrawlFigures;
use domain::progress::Tally;
use domain::{Endpoint, Job, Outcome};
use serde_json::{Map, Value, json};

/// The members beside `results`, of a job that ended or still runs.
pub(super) fn members(job: &Job, tally: &Tally, figures: &CrawlFigures) -> Map<String, Value> {
    let (charged, refunded) = (job.charge.map(|c| c.charged), job.charge.map(|c| c.refunded()));
    let cancelled = job.state.heads_for() == Outcome::Cancelled;
    let body = match job.endpoint {
        Endpoint::Extract => json!({}),
        Endpoint::Batch => json!({
            "total": tally.total,
            "succeeded": tally.done,
            "failed": tally.failed,
            "not_run": tally.cancelled,
            "cancelled": cancelled,
            "credits_reserved": job.reservation.total(),
            "credits_charged": charged,
            "credits_refunded": refunded,
        }),
        Endpoint::Crawl => {
            let stopped_by = match (cancelled, job.limit_reached) {
                (true, _) => json!("JOB_CANCELLED"),
                (false, true) => json!("CRAWL_LIMIT_REACHED"),
                (false, false) => Value::Null,
            };
            json!({ "crawl_meta": {
                // A unit that turned out to be another's page counts as skipped, not as visited.
                "pages_visited": (tally.done + tally.failed).saturating_sub(figures.duplicates),
                "pages_skipped": figures.skipped,
                "pages_failed": tally.failed,
                "cancelled": cancelled,
                "stopped_by": stopped_by,
                "credits_reserved": job.reservation.total(),
                "credits_charged": charged,
                "credits_refunded": refunded,
                "sitemaps_read": figures.sitemaps.read,
                "sitemaps_failed": figures.sitemaps.failed,
            }})
        }
    };
    match body {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// What a body says that is not the whole of its job, before the rest: that there is more, and where: at the result of
/// place `rest`, or from the beginning, where pending results have become others.
pub(super) fn running(job: &Job, rest: Option<u32>) -> Map<String, Value> {
    let next = crate::headers::result_path(&job.id);
    let next = rest.map_or(next.clone(), |from| format!("{next}?from={from}"));
    Map::from_iter([
        ("status".to_owned(), json!("running")),
        ("job_id".to_owned(), json!(job.id)),
        ("next".to_owned(), json!(next)),
    ])
}
