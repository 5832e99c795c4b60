//! A fault at every call on the way of a provider's batch, calls to the provider included. In every run there is one
//! batch, nothing is paid twice, and every unit has the result that it would have had without the fault.

use domain::{Endpoint, JobState};
use engine::Engine;
use language_model::ModelConfig;
use serde_json::{Value, json};
use store::StoreError;

use crate::support::faults::{self, Fault, Faults, Service};
use crate::support::model::{ScriptedModel, fields};
use crate::support::provider::BatchEnd;
use crate::support::site::Site;
use crate::support::test_bed::{TestBed, accept, account, call, drain, run_process};

/// Pages whose second field only the model reads.
const PAGES: usize = 2;

/// The phase in which the fault is injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A worker reads the pages and leaves their questions to a batch.
    Read,
    /// The batch is made and polled, and its answers are taken.
    Ask,
    /// The same, and the batch expires with one answer.
    Expire,
    /// The job is cancelled while its batch is under way.
    Cancel,
}

struct Setup {
    bed: TestBed,
    model: ScriptedModel,
    urls: Vec<String>,
}

fn page(n: usize) -> String {
    format!(
        "<title>House {n}</title><main><h1>House {n}</h1><p>The owners, a couple from Bergen, keep goats.</p></main>"
    )
}

/// A job whose units go through the queue.
fn batch(urls: Vec<String>) -> engine::accept::Call {
    let mut batch = call(Endpoint::Batch, urls);
    let schema = json!([{"field": "title", "type": "string", "example": "A flat"},
        {"field": "ownersOrigin", "type": "string", "example": "Oslo"}]);
    (batch.schema, batch.async_mode) = (domain::Schema::parse(&schema).unwrap(), true);
    batch.options.concurrency = Some(2);
    batch
}

impl Setup {
    async fn new(site: &Site) -> Setup {
        let model =
            ScriptedModel::start(vec![fields([("ownersOrigin", json!("Bergen"), "a couple from Bergen")])]).await;
        model.without_key();
        let mut bed = TestBed::with_queue().await;
        (bed.settings.units_per_message, bed.settings.host_delay_ms) = (2, 0);
        bed.model = Some(ModelConfig { batch: true, ..ModelConfig::new(&model.base(), "m").unwrap() });
        let urls = (0..PAGES).map(|n| site.add_page(&format!("house-{n}"), &page(n))).collect();
        Setup { bed, model, urls }
    }

    /// Accepts the job and sends it to the queue.
    async fn accept(&self) {
        let engine = self.bed.engine(&Faults::default()).await;
        let started = accept(&engine, batch(self.urls.clone())).await.unwrap();
        engine.driver.detach(*started, None).await;
    }

    /// Has the pages read. The settle message that asks for the batch stays in the queue.
    async fn read(&self, engine: &Engine) {
        let queue = self.bed.queue.as_ref().unwrap();
        while let Some(sent) = queue.receive("units", 0) {
            self.bed.handle(queue, &sent, engine, engine).await;
        }
    }

    /// Delivers messages and sweeps, as the schedule does.
    async fn rounds(&self, engine: &Engine, n: usize) -> Result<(), StoreError> {
        for _ in 0..n {
            self.bed.deliver(engine, engine, 0).await;
            self.bed.clock.advance(400);
            engine.sweeper.sweep(None).await?;
            engine.idle().await;
        }
        Ok(())
    }

    async fn results(&self) -> Vec<Value> {
        let engine = self.bed.engine(&Faults::default()).await;
        let job = engine.store().audit.snapshot().await.unwrap().jobs.remove(0).job;
        drain(engine.follow(job, 0)).await.unwrap()
    }

    /// Runs once and returns whether the fault was injected.
    async fn run(site: &Site, phase: Phase, fault: Option<(usize, Fault)>) -> bool {
        let context = format!("{phase:?} {fault:?}");
        let setup = Setup::new(site).await;
        let (bed, provider) = (&setup.bed, setup.model.provider());
        setup.accept().await;
        let healthy = bed.engine(&Faults::default()).await;
        if phase != Phase::Read {
            setup.read(&healthy).await;
        }
        if phase == Phase::Cancel {
            setup.rounds(&healthy, 1).await.unwrap();
            assert_eq!(provider.statuses(), ["in_progress"]);
            provider.answers_before_cancel(1);
        } else {
            provider.end_with(Some(if phase == Phase::Expire { BatchEnd::Expired(1) } else { BatchEnd::Completed }));
        }
        let faults = Faults::default();
        let engine = bed.engine(&faults).await;
        setup.model.inject(&faults);
        let work = async {
            match phase {
                Phase::Read => setup.read(&engine).await,
                Phase::Ask | Phase::Expire => setup.rounds(&engine, 3).await?,
                Phase::Cancel => {
                    let job = healthy.store().audit.snapshot().await?.jobs.remove(0).job.id;
                    engine.canceller.cancel(&account(), &job).await?;
                    setup.rounds(&engine, 2).await?;
                }
            }
            Ok::<(), StoreError>(())
        };
        let ran = run_process(&engine, &faults, fault, &context, work).await;
        let injected = faults.injected();
        // Otherwise the healthy engine below would ask for the page whose answer expired, and no fault would meet that call.
        let asked_alone = faults.calls().iter().any(|call| call.operation.ends_with("/chat/completions"));
        assert!(fault.is_some() || phase != Phase::Expire || asked_alone, "{context}");
        let model_calls = faults.calls().iter().filter(|call| call.service == Service::Model).count();
        assert!(
            fault.is_some() || phase == Phase::Read || model_calls >= 4,
            "{context}: calls to the provider are counted"
        );
        // A cancel that failed is repeated, as a caller would.
        if phase == Phase::Cancel && ran.is_err() {
            let job = healthy.store().audit.snapshot().await.unwrap().jobs.remove(0).job.id;
            healthy.canceller.cancel(&account(), &job).await.unwrap();
        }
        setup.model.inject(&Faults::default());
        setup.rounds(&bed.engine(&Faults::default()).await, 3).await.unwrap();
        bed.settle_all().await;
        bed.assert_sound(&context).await;
        setup.check(phase, fault, &context).await;
        injected
    }

    async fn check(&self, phase: Phase, fault: Option<(usize, Fault)>, context: &str) {
        let provider = self.model.provider();
        let engine = self.bed.engine(&Faults::default()).await;
        let rows = engine.store().audit.snapshot().await.unwrap().jobs.remove(0);
        let charge = rows.job.charge.unwrap();
        assert_eq!((charge.charged, charge.refunded()), (PAGES as u64, 0), "{context}: every unit had started");
        let batches = engine.store().model_batches.batches_of(&rows.job.id).await.unwrap();
        assert!(!batches.is_empty() && batches.iter().all(|batch| batch.due.is_none()), "{context}: {batches:?}");
        assert_eq!(provider.statuses().len(), 1, "{context}: one batch");
        // Each answer is paid for; the same answer twice would be paid twice.
        let mut answered = provider.answered();
        let paid = answered.len();
        answered.sort();
        answered.dedup();
        assert_eq!(answered.len(), paid, "{context}");
        let (alone, results) = (self.model.calls().len(), self.results().await);
        let expected = |result: &Value| {
            assert_eq!(result["data"]["ownersOrigin"], "Bergen", "{context}: {result}");
            assert_eq!(result["model_fields"], json!(["ownersOrigin"]), "{context}: {result}");
            assert!(result.get("warnings").is_none(), "{context}: {result}");
        };
        match phase {
            Phase::Read | Phase::Ask => {
                assert_eq!(
                    (rows.job.state, paid, alone),
                    (JobState::Ended(domain::Outcome::Completed), PAGES, 0),
                    "{context}"
                );
                results.iter().for_each(expected);
            }
            Phase::Expire => {
                // A process that dies between an answer and its result asks again, in a call for one page.
                let more = usize::from(matches!(fault, Some((_, Fault::DeathAfter | Fault::ReplyLost))));
                assert_eq!(paid, 1, "{context}");
                assert!((PAGES - 1..=PAGES - 1 + more * PAGES).contains(&alone), "{context}: {alone} calls");
                results.iter().for_each(expected);
            }
            Phase::Cancel => {
                assert_eq!((provider.statuses(), alone), (vec!["cancelled"], 0), "{context}");
                assert_eq!(rows.job.state, JobState::Ended(domain::Outcome::Cancelled), "{context}");
                for result in &results {
                    assert_eq!((&result["status"], &result["data"]["ownersOrigin"]), (&json!("success"), &Value::Null));
                    assert_eq!(
                        result["warnings"],
                        json!(["LLM_TIMEOUT: the model had not answered when the job ended"])
                    );
                }
            }
        }
    }
}

async fn at_every_call(phase: Phase) {
    let site = Site::start().await;
    assert!(!Setup::run(&site, phase, None).await);
    faults::at_every_call(&Fault::DISTINCT, 4..250, 5..100, async |n, fault| {
        Setup::run(&site, phase, Some((n, fault))).await
    })
    .await;
}

#[tokio::test]
async fn reading_pages_for_a_batch_survives_a_fault_at_every_call() {
    at_every_call(Phase::Read).await;
}

#[tokio::test]
async fn a_batch_survives_a_fault_at_every_call() {
    at_every_call(Phase::Ask).await;
}

#[tokio::test]
async fn a_batch_that_expires_survives_a_fault_at_every_call() {
    at_every_call(Phase::Expire).await;
}

#[tokio::test]
async fn cancelling_a_batch_survives_a_fault_at_every_call() {
    at_every_call(Phase::Cancel).await;
}

/// The call to make a batch has an unknown outcome and takes effect late, after another batch was made.
#[tokio::test]
async fn of_two_batches_for_one_job_one_is_cancelled() {
    let site = Site::start().await;
    let setup = Setup::new(&site).await;
    setup.accept().await;
    let healthy = setup.bed.engine(&Faults::default()).await;
    setup.read(&healthy).await;
    let faults = Faults::default();
    setup.model.inject(&faults);
    // The upload, then the call that makes the batch: it fails without effect, and the process does not know that.
    faults.plan(1, Fault::NoEffect);
    setup.bed.deliver(&healthy, &healthy, 0).await;
    assert_eq!(faults.operations(Service::Model)[1..], ["POST /v1/batches", "GET /v1/batches"]);
    setup.model.inject(&Faults::default());
    assert!(setup.model.provider().statuses().is_empty());
    setup.rounds(&healthy, 1).await.unwrap();
    assert_eq!(setup.model.provider().statuses().len(), 1, "the batch was searched for and made again");
    setup.model.provider().duplicate();
    setup.rounds(&healthy, 1).await.unwrap();
    assert_eq!(setup.model.provider().statuses().iter().filter(|status| **status == "cancelling").count(), 1);
    setup.model.provider().end_with(Some(BatchEnd::Completed));
    setup.rounds(&healthy, 3).await.unwrap();
    assert_eq!(setup.model.provider().answered().len(), PAGES);
    assert!(setup.results().await.iter().all(|result| result["data"]["ownersOrigin"] == "Bergen"));
}

/// A batch that the provider lost is asked page by page. So is one that takes too long, after it was cancelled.
#[tokio::test]
async fn what_a_batch_does_not_answer_is_asked_page_by_page() {
    let site = Site::start().await;
    for late in [false, true] {
        let setup = Setup::new(&site).await;
        setup.accept().await;
        let healthy = setup.bed.engine(&Faults::default()).await;
        setup.read(&healthy).await;
        setup.rounds(&healthy, 1).await.unwrap();
        let provider = setup.model.provider();
        if late {
            // Four hours before the job's deadline.
            setup.bed.clock.advance(72_000);
            setup.rounds(&healthy, 1).await.unwrap();
            assert_eq!(
                (provider.statuses(), setup.model.calls().len()),
                (vec!["cancelling"], 0),
                "not before the cancellation is confirmed"
            );
        } else {
            provider.lose_all();
        }
        setup.rounds(&healthy, 2).await.unwrap();
        assert_eq!((setup.model.calls().len(), provider.answered().len()), (PAGES, 0));
        assert!(setup.results().await.iter().all(|result| result["data"]["ownersOrigin"] == "Bergen"));
        setup.bed.assert_sound("page by page").await;
    }
}

/// If the provider never responds again, the job ends at its deadline with what rules read.
#[tokio::test]
async fn a_silent_provider_ends_with_the_jobs_deadline() {
    let site = Site::start().await;
    let setup = Setup::new(&site).await;
    setup.accept().await;
    let healthy = setup.bed.engine(&Faults::default()).await;
    setup.read(&healthy).await;
    setup.rounds(&healthy, 1).await.unwrap();
    setup.model.provider().refuse(Some(("", 503)));
    setup.bed.clock.advance(86_400);
    setup.rounds(&healthy, 1).await.unwrap();
    let rows = healthy.store().audit.snapshot().await.unwrap().jobs.remove(0);
    assert_eq!(rows.job.state, JobState::Ended(domain::Outcome::Expired));
    let results = setup.results().await;
    assert!(results.iter().all(|r| r["status"] == "success" && r["data"]["title"].is_string()), "{results:?}");
    setup.bed.assert_sound("deadline").await;
}

/// The operator switches the model off while units wait for it.
#[tokio::test]
async fn units_do_not_wait_for_a_model_that_was_switched_off() {
    let site = Site::start().await;
    let mut setup = Setup::new(&site).await;
    setup.accept().await;
    let healthy = setup.bed.engine(&Faults::default()).await;
    setup.read(&healthy).await;
    setup.bed.model = None;
    let without = setup.bed.engine(&Faults::default()).await;
    setup.bed.deliver(&without, &without, 0).await;
    let rows = healthy.store().audit.snapshot().await.unwrap().jobs.remove(0);
    assert_eq!(rows.job.state, JobState::Ended(domain::Outcome::Completed));
    assert!(setup.results().await.iter().all(|result| result["data"]["title"].is_string()));
    assert_eq!(setup.model.provider().statuses().len(), 0);
}
