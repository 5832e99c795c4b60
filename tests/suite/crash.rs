//! A fault at every call: a scenario runs once for each kind of fault and each of its calls to the store at which that
//! fault makes a difference. After every run the leases end, the sweeper runs, and every invariant must hold.

use std::time::Duration;

use domain::job::Options;
use domain::segment::UnitState;
use domain::{Endpoint, JobState};
use engine::Engine;
use store::StoreError;

use crate::support::faults::{self, Fault, Faults};
use crate::support::site::Site;
use crate::support::test_bed::{TestBed, accept, account, call, crawl_options, drain, run_process};
use engine::accept::Call;

/// What a process does until it finishes or dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    Extract,
    Batch,
    FailFast,
    CancelBatch,
    CancelExtract,
    Sweep,
    /// A handler and a worker in one process, with a queue between them.
    Queued,
    QueuedFailFast,
    /// A worker alone, on a job for which no handler waits.
    Worker,
    /// A job in the queue is cancelled while its messages are still there.
    CancelQueued,
    /// The queue lost every message; a sweeper finds the job.
    LostMessages,
    /// A crawl in a handler.
    Crawl,
    /// A crawl by workers alone.
    QueuedCrawl,
}

impl Scenario {
    fn has_queue(self) -> bool {
        matches!(
            self,
            Scenario::Queued
                | Scenario::QueuedFailFast
                | Scenario::Worker
                | Scenario::CancelQueued
                | Scenario::LostMessages
                | Scenario::QueuedCrawl
        )
    }
}

/// A crawl of five pages, whose limit is higher.
fn crawl(site: &Site) -> Call {
    let mut crawl = call(Endpoint::Crawl, vec![site.url("/tree/0")]);
    crawl.crawl = Some(crawl_options(site.url("/tree/*"), 8, 5));
    crawl.options.concurrency = Some(2);
    crawl
}

/// Two messages in one lane.
fn queued(site: &Site, fail_fast: bool) -> Call {
    let mut urls = site.urls("/p", 3);
    urls[1] = site.url("/404");
    let mut queued = call(Endpoint::Batch, urls);
    queued.options = Options { fail_fast, concurrency: Some(1), ..queued.options };
    queued.async_mode = true;
    queued
}

impl Scenario {
    async fn run(self, bed: &TestBed, engine: &Engine, site: &Site) -> Result<(), StoreError> {
        match self {
            Scenario::Queued | Scenario::QueuedFailFast => {
                let started = accept(engine, queued(site, self == Scenario::QueuedFailFast)).await?;
                let stream = engine.driver.start(*started, None);
                let read = tokio::spawn(drain(stream));
                while !read.is_finished() {
                    if bed.deliver(engine, engine, 0).await == 0 {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        bed.clock.advance(1);
                    }
                }
                read.await.unwrap()?;
            }
            Scenario::Crawl => {
                let started = accept(engine, crawl(site)).await?;
                drain(engine.driver.start(*started, None)).await?;
            }
            // Messages of lanes that wait for growth are delivered again after a second.
            Scenario::QueuedCrawl => {
                for _ in 0..6 {
                    bed.deliver(engine, engine, 0).await;
                    bed.clock.advance(1);
                }
            }
            Scenario::Worker => drop(bed.deliver(engine, engine, 0).await),
            Scenario::CancelQueued => {
                let healthy = bed.engine(&Faults::default()).await;
                let job = healthy.store().audit.snapshot().await?.jobs.remove(0).job.id;
                engine.canceller.cancel(&account(), &job).await?;
                bed.deliver(engine, engine, 0).await;
            }
            Scenario::LostMessages => {
                engine.sweeper.sweep(None).await?;
                bed.deliver(engine, engine, 0).await;
            }
            Scenario::Extract => {
                let started = accept(engine, call(Endpoint::Extract, site.urls("/p", 1))).await?;
                drain(engine.driver.start(*started, None)).await?;
            }
            Scenario::Batch | Scenario::FailFast => {
                let mut batch =
                    call(Endpoint::Batch, [site.urls("/p", 2), vec![site.url("/404"), site.url("/p/3")]].concat());
                let fail_fast = self == Scenario::FailFast;
                batch.options = Options { fail_fast, concurrency: Some(1), ..batch.options };
                let started = accept(engine, batch).await?;
                drain(engine.driver.start(*started, None)).await?;
            }
            // The job is accepted but never started (its handler died at once), then cancelled by another process.
            Scenario::CancelBatch => {
                let job = accept(engine, call(Endpoint::Batch, site.urls("/p", 3))).await?.job.id;
                engine.canceller.cancel(&account(), &job).await?;
            }
            Scenario::CancelExtract => {
                let job = accept(engine, call(Endpoint::Extract, site.urls("/p", 1))).await?.job.id;
                engine.canceller.cancel(&account(), &job).await?;
            }
            // A sweeper takes over the job of a dead handler; the fault is injected into the sweeper's calls.
            Scenario::Sweep => {
                engine.sweeper.sweep(None).await?;
                engine.idle().await;
            }
        }
        Ok(())
    }

    /// Writes what exists before the process starts.
    async fn prepare(self, bed: &TestBed, site: &Site) {
        if self == Scenario::Sweep {
            let engine = bed.engine(&Faults::default()).await;
            accept(&engine, call(Endpoint::Batch, site.urls("/p", 2))).await.unwrap();
            accept(&engine, call(Endpoint::Extract, site.urls("/p", 1))).await.unwrap();
            bed.clock.advance(200);
        }
        if matches!(self, Scenario::Worker | Scenario::CancelQueued | Scenario::LostMessages) {
            let engine = bed.engine(&Faults::default()).await;
            let started = accept(&engine, queued(site, false)).await.unwrap();
            engine.driver.detach(*started, None).await;
        }
        if self == Scenario::QueuedCrawl {
            let engine = bed.engine(&Faults::default()).await;
            let started = accept(&engine, Call { async_mode: true, ..crawl(site) }).await.unwrap();
            engine.driver.detach(*started, None).await;
        }
        if self == Scenario::LostMessages {
            bed.queue.as_ref().unwrap().lose_all();
            bed.clock.advance(200);
        }
    }
}

/// Runs the scenario once and returns whether the fault was injected. The number of calls differs between runs, because
/// how often progress is written depends on time.
async fn run(scenario: Scenario, fault: Option<(usize, Fault)>, site: &Site) -> bool {
    let mut bed = if scenario.has_queue() { TestBed::with_queue().await } else { TestBed::new().await };
    (bed.settings.units_per_message, bed.settings.host_delay_ms) = (2, 0);
    scenario.prepare(&bed, site).await;
    let faults = Faults::default();
    let engine = bed.engine(&faults).await;
    let context = format!("{scenario:?} {fault:?}");
    let _ = run_process(&engine, &faults, fault, &context, scenario.run(&bed, &engine, site)).await;
    let injected = faults.injected();
    bed.settle_all().await;
    bed.assert_sound(&context).await;
    assert_complete(&bed, &context).await;
    injected
}

/// Asserts that every job has ended with a readable or synthetic result for each unit, and that its credits add up.
async fn assert_complete(bed: &TestBed, context: &str) {
    let engine = bed.engine(&Faults::default()).await;
    for rows in engine.store().audit.snapshot().await.unwrap().jobs {
        let job = rows.job;
        assert!(matches!(job.state, JobState::Ended(_)), "{context}");
        let results = drain(engine.follow(job.clone(), 0)).await.unwrap();
        assert_eq!(results.len(), job.admitted as usize, "{context}");
        let charge = job.charge.unwrap();
        assert_eq!(charge.charged + charge.refunded(), job.reservation.total(), "{context}");
        if job.fail_fast {
            let failed = results.iter().position(|r| r["error"]["code"] == "URL_UNREACHABLE").unwrap();
            // One unit runs at a time, so a unit that ended after the recorded failure also started after it.
            let units: Vec<UnitState> = job.seqs().map(|seq| rows.segments[&0].unit(seq)).collect();
            let ended = |unit: &UnitState| match unit {
                // A second attempt belongs to a unit that started before the failure.
                UnitState::Ended { attempt: 1, at, .. } => Some(*at),
                _ => None,
            };
            for unit in &units[failed + 1..] {
                assert!(ended(unit) <= ended(&units[failed]), "{context}: {units:?}");
            }
        }
        let synthetic = results.iter().filter(|r| r["error"]["code"] == "JOB_CANCELLED").count() as u64;
        if job.endpoint == Endpoint::Crawl {
            assert_eq!((results.len(), charge.charged, charge.refunded()), (5, 5, 3), "{context}");
            continue;
        }
        let cancelled_extract = job.endpoint == Endpoint::Extract && synthetic == 1;
        assert_eq!(charge.refunded(), if cancelled_extract { 0 } else { synthetic }, "{context}");
    }
}

async fn at_every_call(scenario: Scenario) {
    let site = Site::start().await;
    run(scenario, None, &site).await;
    faults::at_every_call(&Fault::DISTINCT, 4..200, 3..100, async |n, fault| {
        run(scenario, Some((n, fault)), &site).await
    })
    .await;
}

#[tokio::test]
async fn extract_survives_a_fault_at_every_call() {
    at_every_call(Scenario::Extract).await;
}

#[tokio::test]
async fn batch_survives_a_fault_at_every_call() {
    at_every_call(Scenario::Batch).await;
}

#[tokio::test]
async fn fail_fast_survives_a_fault_at_every_call() {
    at_every_call(Scenario::FailFast).await;
}

#[tokio::test]
async fn cancel_survives_a_fault_at_every_call() {
    at_every_call(Scenario::CancelBatch).await;
    at_every_call(Scenario::CancelExtract).await;
}

#[tokio::test]
async fn the_sweeper_survives_a_fault_at_every_call() {
    at_every_call(Scenario::Sweep).await;
}

#[tokio::test]
async fn the_queue_survives_a_fault_at_every_call() {
    at_every_call(Scenario::Queued).await;
}

#[tokio::test]
async fn fail_fast_through_the_queue_survives_a_fault_at_every_call() {
    at_every_call(Scenario::QueuedFailFast).await;
}

#[tokio::test]
async fn a_worker_survives_a_fault_at_every_call() {
    at_every_call(Scenario::Worker).await;
}

#[tokio::test]
async fn cancelling_a_queued_job_survives_a_fault_at_every_call() {
    at_every_call(Scenario::CancelQueued).await;
}

#[tokio::test]
async fn the_sweep_after_a_lost_queue_survives_a_fault_at_every_call() {
    at_every_call(Scenario::LostMessages).await;
}

#[tokio::test]
async fn a_growing_crawl_survives_a_fault_at_every_call() {
    at_every_call(Scenario::Crawl).await;
}

#[tokio::test]
async fn a_crawl_through_the_queue_survives_a_fault_at_every_call() {
    at_every_call(Scenario::QueuedCrawl).await;
}

#[tokio::test]
async fn transaction_conflicts_are_retried() {
    let site = Site::start().await;
    for n in 2..5 {
        let bed = TestBed::new().await;
        let faults = Faults::default();
        let engine = bed.engine(&faults).await;
        faults.conflict_every(n);
        for scenario in
            [Scenario::Batch, Scenario::Extract, Scenario::FailFast, Scenario::CancelBatch, Scenario::CancelExtract]
        {
            scenario.run(&bed, &engine, &site).await.unwrap();
        }
        engine.idle().await;
        faults.reset();
        bed.settle_all().await;
        bed.assert_sound(&format!("every {n}th call conflicts")).await;
    }
}
