//! What a job costs in rows: pending ones cost nothing, and the rest stays within the budget.

use domain::Endpoint;

use crate::support::faults::Faults;
use crate::support::site::Site;
use crate::support::world::{Ground, accept, call, drain};

#[tokio::test]
async fn a_sync_batch_stays_within_its_budget_of_rows() {
    const UNITS: usize = 200;
    let (mut ground, site) = (Ground::new().await, Site::start().await);
    // The production interval: the tests' own is shorter.
    ground.settings.progress_ms = engine::settings::Settings::default().progress_ms;
    let faults = Faults::default();
    let engine = ground.engine(&faults).await;
    faults.reset();
    let started = accept(&engine, call(Endpoint::Batch, site.urls("/p", UNITS))).await.unwrap();
    let results = drain(engine.start(*started, None)).await.unwrap();
    assert_eq!(results.len(), UNITS);
    engine.idle().await;
    let calls = faults.calls();
    let writes: usize = calls.iter().map(|c| c.writes).sum();
    let reads: usize = calls.iter().map(|c| c.reads).sum();
    assert!(writes as f64 <= 2.2 * UNITS as f64, "{writes} row writes in {} calls", calls.len());
    assert!(reads as f64 <= 1.2 * UNITS as f64, "{reads} row reads in {} calls", calls.len());
}

#[tokio::test]
async fn an_extract_takes_two_transactions() {
    let (ground, site) = (Ground::new().await, Site::start().await);
    let faults = Faults::default();
    let engine = ground.engine(&faults).await;
    faults.reset();
    let started = accept(&engine, call(Endpoint::Extract, site.urls("/p", 1))).await.unwrap();
    drain(engine.start(*started, None)).await.unwrap();
    let writes: Vec<String> = faults.calls().into_iter().filter(|c| c.writes > 0).map(|c| c.operation).collect();
    assert_eq!(writes, ["TransactWriteItems", "TransactWriteItems"]);
}
