//! What a job costs in rows: pending units cost nothing, and started ones stay within the budget.

#![allow(clippy::print_stdout)] // the counts are in the table of docs/SCALING.md

mod crawl;
mod real_times;

use domain::Endpoint;
use engine::result_stream::Order;
use runtime::settings::Settings;

use crate::support::faults::{Call, Faults};
use crate::support::site::Site;
use crate::support::test_bed::{TestBed, accept, call, drain};

/// The calls of a batch in a handler, without those to the table `hosts`.
async fn batch(pages: usize, concurrency: u32) -> Vec<Call> {
    let (mut bed, site) = (TestBed::new().await, Site::start().await);
    // Much longer than in production, so that a slow machine neither makes the groups smaller nor renews leases.
    bed.settings.linger_ms = 10_000;
    bed.settings.lease_secs = 600;
    let faults = Faults::default();
    let engine = bed.engine(&faults).await;
    faults.reset();
    let mut batch = call(Endpoint::Batch, site.urls("/p", pages));
    batch.options.concurrency = Some(concurrency);
    let started = accept(&engine, batch).await.unwrap();
    let results = drain(engine.driver.start(*started, None)).await.unwrap();
    assert_eq!(results.len(), pages);
    engine.idle().await;
    let mut calls = faults.calls();
    calls.retain(|call| call.tables != ["runo-hosts"]);
    calls
}

fn units(calls: &[Call]) -> usize {
    calls.iter().map(|call| call.units).sum()
}

#[tokio::test]
async fn a_batch_of_fast_pages_writes_in_groups() {
    const PAGES: usize = 1_000;
    // On a machine with other work, fewer pages end together: one of three measurements must be within the budget.
    let (mut per_page, mut cost) = (0.0, 0.0);
    for _ in 0..3 {
        let calls = batch(PAGES, 32).await;
        (per_page, cost) = (calls.len() as f64 / PAGES as f64, units(&calls) as f64 / PAGES as f64);
        println!("1,000 pages, 32 at once: {per_page:.2} calls and {cost:.2} write units a page");
        if per_page <= 0.35 && cost <= 1.4 {
            return;
        }
    }
    panic!("{per_page} calls and {cost} write units a page");
}

/// A runner prepares as many units at once as may run. One read serves them all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jobs_urls_are_read_once_for_all_units_that_start_together() {
    let calls = batch(64, 32).await;
    let queries = calls.iter().filter(|call| call.operation == "Query").count();
    // The URLs, and at the end the segments for the result stream.
    assert!(queries <= 2, "{queries} queries");
}

#[tokio::test]
async fn pages_that_arrive_one_by_one_take_two_write_units_each() {
    const PAGES: usize = 600;
    let calls = batch(PAGES, 1).await;
    let cost = units(&calls) as f64 / PAGES as f64;
    println!("one page at a time: {cost:.2} write units a page");
    assert!(cost <= 2.1, "{cost} write units a page");
}

#[tokio::test]
async fn an_extract_takes_one_transaction_and_one_write() {
    let (bed, site) = (TestBed::new().await, Site::start().await);
    let faults = Faults::default();
    let engine = bed.engine(&faults).await;
    faults.reset();
    let started = accept(&engine, call(Endpoint::Extract, site.urls("/p", 1))).await.unwrap();
    drain(engine.driver.start(*started, None)).await.unwrap();
    engine.idle().await;
    let calls = faults.calls();
    let (cache_calls, job_calls): (Vec<_>, Vec<_>) = calls.iter().partition(|c| c.tables == ["runo-hosts"]);
    let operations = |calls: Vec<&Call>| -> Vec<String> {
        calls.iter().filter(|c| c.writes > 0).map(|c| c.operation.clone()).collect()
    };
    let cost: usize = job_calls.iter().map(|call| call.units).sum();
    println!("an extract: {cost} write units");
    assert!(cost <= 14, "{cost} write units");
    assert_eq!(operations(job_calls), ["TransactWriteItems", "UpdateItem"]);
    assert_eq!((cache_calls.len(), operations(cache_calls)), (2, vec!["PutItem".to_owned()]));
}

/// The handler reads rows as long as it waits, so a machine with other work reads more: one of three measurements must be
/// within the budget.
#[tokio::test]
async fn an_async_batch_stays_within_its_budget_of_rows_and_requests() {
    const UNITS: usize = 200;
    let mut reads = 0;
    for _ in 0..3 {
        reads = async_batch(UNITS).await;
        if reads as f64 <= 1.2 * UNITS as f64 {
            return;
        }
    }
    panic!("{reads} row reads");
}

/// Runs a batch of `units` pages through the queue. Returns the number of rows that were read; tests all other counts.
async fn async_batch(units: usize) -> usize {
    let (mut bed, site) = (TestBed::with_queue().await, Site::start().await);
    bed.settings.detached_linger_ms = Settings::default().detached_linger_ms;
    let (handler_calls, worker_calls) = (Faults::default(), Faults::default());
    let handler = bed.engine(&handler_calls).await;
    let worker = bed.engine(&worker_calls).await;
    handler_calls.reset();
    worker_calls.reset();
    let mut batch = call(Endpoint::Batch, site.urls("/p", units));
    batch.async_mode = true;
    let started = accept(&handler, batch).await.unwrap();
    let reading = tokio::spawn(drain(handler.driver.start(*started, None)));
    let mut messages = 0;
    while !reading.is_finished() {
        messages += bed.deliver(&worker, &handler, 0).await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(reading.await.unwrap().unwrap().len(), units);
    handler.idle().await;
    let mut calls = [handler_calls.calls(), worker_calls.calls()].concat();
    // Rows of `hosts` are counted separately.
    calls.retain(|call| call.tables != ["runo-hosts"]);
    let writes: usize = calls.iter().map(|c| c.writes).sum();
    let sends = calls.iter().filter(|c| c.operation == "SendMessageBatch").count();
    assert!(writes as f64 <= 2.2 * units as f64, "{writes} row writes in {} calls", calls.len());
    // One more message asks for the settlement.
    assert!(sends <= units / 10 + 1, "{sends} sends");
    assert!(messages <= units / 10 + 1, "{messages} messages, each deleted with one request");
    bed.assert_sound("async budget").await;
    calls.iter().map(|c| c.reads).sum()
}

/// The worker's calls never name the accounts table, which its role does not allow.
#[tokio::test]
async fn a_worker_does_not_touch_the_accounts_table() {
    let (bed, site) = (TestBed::with_queue().await, Site::start().await);
    let engine = bed.engine(&Faults::default()).await;
    let mut batch = call(Endpoint::Batch, site.urls("/p", 25));
    batch.async_mode = true;
    let started = accept(&engine, batch).await.unwrap();
    let id = started.job.id.clone();
    engine.driver.detach(*started, None).await;
    let calls = Faults::default();
    let worker = bed.engine(&calls).await;
    calls.reset();
    bed.deliver(&worker, &engine, 0).await;
    assert!(engine.jobs.job(&id).await.unwrap().unwrap().state.ended());
    let tables: std::collections::BTreeSet<String> = calls.calls().into_iter().flat_map(|c| c.tables).collect();
    assert_eq!(tables, ["runo-hosts".to_owned(), "runo-jobs".to_owned()].into());
}

/// Reading the end of a result does not read the rows before it.
#[tokio::test]
async fn the_end_of_a_result_is_read_without_what_comes_before() {
    const UNITS: usize = 200;
    let (bed, site) = (TestBed::new().await, Site::start().await);
    let faults = Faults::default();
    let engine = bed.engine(&faults).await;
    let started = accept(&engine, call(Endpoint::Batch, site.urls("/p", UNITS))).await.unwrap();
    let id = started.job.id.clone();
    drain(engine.driver.start(*started, None)).await.unwrap();
    engine.idle().await;
    let job = engine.jobs.job(&id).await.unwrap().unwrap();
    for order in [Order::Input, Order::Completion] {
        let follow = |from| drain(engine.follow(job.clone(), from).in_order(order));
        let whole = follow(0).await.unwrap();
        assert_eq!(whole.len(), UNITS);
        faults.reset();
        assert_eq!(follow(190).await.unwrap(), whole[190..], "{order:?}");
        // Reads the progress, in order of completion also the end of each unit, and ten results.
        let calls = faults.calls();
        let reads: usize = calls.iter().map(|c| c.reads).sum();
        assert!(calls.len() <= 3 && reads <= 12, "{order:?}: {reads} reads in {} calls", calls.len());
    }
}
