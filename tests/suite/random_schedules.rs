//! Random schedules of two jobs, several workers, cancels, deaths and sweeps over a queue that duplicates, loses and
//! reorders messages, on a simulated clock. Every invariant holds after every step, and every job ends.

use std::time::Duration;

use domain::job::Options;
use domain::{Endpoint, JobId, JobState};
use engine::Engine;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::faults::{Fault, Faults};
use crate::support::site::Site;
use crate::support::test_bed::{TestBed, accept, account, call, drain};

/// The next step of a schedule.
#[derive(Debug, Clone)]
enum Step {
    /// A worker receives the `pick`th visible message; a fault may hit one of its calls.
    Work { pick: usize, fault: Option<(usize, Fault)> },
    /// A message is delivered twice.
    Duplicate { pick: usize },
    /// A message is lost.
    Lose { pick: usize },
    /// A settle message is handled.
    Settle { pick: usize, fault: Option<(usize, Fault)> },
    /// The owner of one of the jobs cancels it.
    Cancel { job: usize, fault: Option<(usize, Fault)> },
    /// Time passes.
    Wait { secs: i64 },
    /// The sweeper runs.
    Sweep { fault: Option<(usize, Fault)> },
}

fn fault() -> impl Strategy<Value = Option<(usize, Fault)>> {
    let fault = prop_oneof![
        Just(Fault::NoEffect),
        Just(Fault::ReplyLost),
        Just(Fault::DeathBefore),
        Just(Fault::DeathAfter),
        Just(Fault::Conflict),
    ];
    prop_oneof![1 => Just(None), 1 => (0usize..12, fault).prop_map(Some)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0usize..4, fault()).prop_map(|(pick, fault)| Step::Work { pick, fault }),
        1 => (0usize..4).prop_map(|pick| Step::Duplicate { pick }),
        1 => (0usize..4).prop_map(|pick| Step::Lose { pick }),
        2 => (0usize..4, fault()).prop_map(|(pick, fault)| Step::Settle { pick, fault }),
        1 => (0usize..2, fault()).prop_map(|(job, fault)| Step::Cancel { job, fault }),
        2 => (1i64..90).prop_map(|secs| Step::Wait { secs }),
        2 => fault().prop_map(|fault| Step::Sweep { fault }),
    ]
}

struct Run {
    bed: TestBed,
    jobs: Vec<JobId>,
}

impl Run {
    async fn begin(site: &Site) -> Run {
        let mut bed = TestBed::with_queue().await;
        (bed.settings.max_step_tries, bed.settings.units_per_message) = (2, 2);
        let engine = bed.engine(&Faults::default()).await;
        let mut jobs = Vec::new();
        for (units, fail_fast) in [(7, false), (5, true)] {
            let mut urls = site.urls("/p", units);
            urls[3] = site.url("/404");
            let mut call = call(Endpoint::Batch, urls);
            call.options = Options { fail_fast, concurrency: Some(2), ..call.options };
            call.async_mode = true;
            let started = accept(&engine, call).await.unwrap();
            jobs.push(started.job.id.clone());
            engine.driver.detach(*started, None).await;
        }
        Run { bed, jobs }
    }

    /// A process; a fault may hit one of its calls.
    async fn process(&self, fault: &Option<(usize, Fault)>) -> Engine {
        let faults = Faults::default();
        let engine = self.bed.engine(&faults).await;
        match fault {
            Some((at, fault)) => faults.plan(*at, *fault),
            None => faults.reset(),
        }
        engine
    }

    async fn apply(&self, step: &Step) {
        let queue = self.bed.queue.as_ref().unwrap();
        match step {
            Step::Work { pick, fault } => {
                let engine = self.process(fault).await;
                if let Some(sent) = queue.receive("units", *pick) {
                    self.bed.handle(queue, &sent, &engine, &engine).await;
                }
            }
            Step::Settle { pick, fault } => {
                let engine = self.process(fault).await;
                if let Some(sent) = queue.receive("settle", *pick) {
                    self.bed.handle(queue, &sent, &engine, &engine).await;
                }
            }
            Step::Duplicate { pick } => {
                if let Some(sent) = queue.receive("units", *pick) {
                    queue.duplicate(&sent);
                    queue.hide(&sent.handle, 0);
                }
            }
            Step::Lose { pick } => {
                if let Some(sent) = queue.receive("units", *pick) {
                    queue.delete(&sent.handle);
                }
            }
            // The caller would repeat a cancel that failed; here nobody does.
            Step::Cancel { job, fault } => {
                drop(self.process(fault).await.canceller.cancel(&account(), &self.jobs[*job]).await);
            }
            Step::Wait { secs } => self.bed.clock.advance(*secs),
            Step::Sweep { fault } => {
                let engine = self.process(fault).await;
                let _ = engine.sweeper.sweep(None).await;
                let idle = tokio::time::timeout(Duration::from_secs(120), engine.idle());
                idle.await.expect("a driver never ends");
            }
        }
    }

    async fn finish(&self, context: &str) {
        self.bed.settle_all().await;
        self.bed.assert_sound(context).await;
        let engine = self.bed.engine(&Faults::default()).await;
        for rows in engine.store().audit.snapshot().await.unwrap().jobs {
            assert!(matches!(rows.job.state, JobState::Ended(_)), "{context}");
            let results = drain(engine.follow(rows.job.clone(), 0)).await.unwrap();
            assert_eq!(results.len(), rows.job.admitted as usize, "{context}");
        }
    }
}

#[test]
fn every_job_ends_and_every_invariant_holds_in_any_schedule() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let site = runtime.block_on(Site::start());
    // Shrinks little: a schedule whose driver never ends takes minutes each time.
    let config = Config { cases: 24, failure_persistence: None, max_shrink_iters: 8, ..Config::default() };
    // The same cases in every run.
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let schedules = prop::collection::vec(step(), 5..40);
    runner
        .run(&schedules, |steps| {
            runtime.block_on(async {
                let run = Run::begin(&site).await;
                for step in &steps {
                    run.apply(step).await;
                    run.bed.assert_sound(&format!("{step:?} in {steps:?}")).await;
                }
                run.finish(&format!("{steps:?}")).await;
            });
            Ok(())
        })
        .unwrap();
}
