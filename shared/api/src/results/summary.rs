//! The members of a body beside `results`, which describe the job as a whole.

use domain::job::CrawlFigures;
use domain::progress::Tally;
use domain::{Endpoint, Job, Outcome};
use serde_json::{Map, Value, json};

/// Returns the members beside `results`, of a job that has ended or is running.
pub(super) fn members(job: &Job, tally: &Tally, figures: &CrawlFigures) -> Map<String, Value> {
    let (charged, refunded) = (job.charge.map(|c| c.charged), job.charge.map(|c| c.refunded()));
    let cancelled = job.state.final_outcome() == Outcome::Cancelled;
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
                // A duplicate counts as skipped, not as visited.
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

/// Returns the members that say that the body is incomplete, and where to continue: at the result of place `next_place`,
/// or, if it is `None`, from the beginning, because results will have replaced the pending units.
pub(super) fn continuation(job: &Job, next_place: Option<u32>) -> Map<String, Value> {
    let next = crate::headers::result_path(&job.id);
    let next = next_place.map_or(next.clone(), |from| format!("{next}?from={from}"));
    Map::from_iter([
        ("status".to_owned(), json!("running")),
        ("job_id".to_owned(), json!(job.id)),
        ("next".to_owned(), json!(next)),
    ])
}
