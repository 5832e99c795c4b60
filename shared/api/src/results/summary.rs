//! What a body says about its job as a whole: the members beside `results`.

use domain::progress::Tally;
use domain::{Endpoint, Job, Outcome};
use serde_json::{Map, Value, json};

/// The members beside `results`, of a job that ended or still runs.
pub(super) fn members(job: &Job, tally: &Tally) -> Map<String, Value> {
    let body = match job.endpoint {
        Endpoint::Extract => json!({}),
        Endpoint::Batch | Endpoint::Crawl => json!({
            "total": tally.total,
            "succeeded": tally.done,
            "failed": tally.failed,
            "not_run": tally.cancelled,
            "cancelled": job.state.heads_for() == Outcome::Cancelled,
            "credits_reserved": job.reservation.total(),
            "credits_charged": job.charge.map(|c| c.charged),
            "credits_refunded": job.charge.map(|c| c.refunded()),
        }),
    };
    match body {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// What a body says whose job still runs, before the rest: that it does, and where to go on.
pub(super) fn running(job: &Job) -> Map<String, Value> {
    Map::from_iter([
        ("status".to_owned(), json!("running")),
        ("job_id".to_owned(), json!(job.id)),
        ("next".to_owned(), json!(crate::headers::result_path(&job.id))),
    ])
}
