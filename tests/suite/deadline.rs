//! The deadline of a job: open units end as `JOB_EXPIRED`, and the job as `expired`.

use domain::Endpoint;
use domain::job::Options;

use crate::support::faults::Faults;
use crate::support::site::Site;
use crate::support::test_bed::{TestBed, accept, call, drain};
use crate::support::until;

#[tokio::test]
async fn a_job_past_its_deadline_ends_as_expired() {
    let (bed, site) = (TestBed::new().await, Site::start().await);
    let engine = bed.engine(&Faults::default()).await;
    let mut batch = call(Endpoint::Batch, site.urls("/gate", 6));
    batch.options = Options { concurrency: Some(2), timeout_ms: 120_000, ..batch.options };
    let started = accept(&engine, batch).await.unwrap();
    let job = started.job.id.clone();
    let stream = engine.driver.start(*started, None);
    until("two pages are requested", async || site.hits() == 2).await;
    bed.clock.advance(86_400 + 1);
    let results = drain(stream).await.unwrap();
    assert_eq!(results.len(), 6);
    assert!(results.iter().all(|r| r["error"]["code"] == "JOB_EXPIRED" && r["error"]["retryable"] == true));
    let ended = engine.jobs.job(&job).await.unwrap().unwrap();
    assert_eq!(ended.state.name(), "expired");
    assert_eq!(ended.charge.map(|c| (c.charged, c.refunded())), Some((2, 4)));
    bed.assert_sound("expired").await;
}
