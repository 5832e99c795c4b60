//! Webhooks: the receiver gets one signed message when the job ends, whatever happens in between.

mod crash;
mod killed;
mod refusals;
mod resend;
mod secrets;
mod store_contract;
mod tries;

use std::sync::Arc;

use api::app::AppDependencies;
use domain::JobId;
use reqwest::Method;
use runtime::clock::Clock;
use serde_json::{Value, json};

use crate::support::receiver::{Receiver, rotate};
use crate::support::site::Site;
use crate::support::stack::{Answer, World, config, schema};
use crate::support::test_bed::{ManualClock, NOV_24};
use crate::support::until;

/// A stack whose account `dev` has a secret, a site, and a receiver.
struct Setup {
    world: World,
    /// Stands still until a test advances it, so that no try is made and no wait ends before.
    clock: ManualClock,
    site: Site,
    receiver: Receiver,
    secret: String,
}

impl Setup {
    async fn start(answers: &[u16]) -> Setup {
        let clock = ManualClock::at(NOV_24);
        let dependencies = AppDependencies { clock: Arc::new(clock.clone()), ..AppDependencies::default() };
        let world = World::with_dependencies(config(&[("HOST_DELAY_MS", "0")]), dependencies).await;
        let secret = rotate(world.stack.engine().store(), "dev", clock.now(), 0, 7).await;
        Setup { world, clock, site: Site::start().await, receiver: Receiver::start(answers).await, secret }
    }

    fn batch(&self, paths: &[&str]) -> Value {
        let urls: Vec<String> = paths.iter().map(|path| self.site.url(path)).collect();
        json!({ "urls": urls, "schema": schema(), "webhook": { "url": self.receiver.url() } })
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.world.post(path, body).await
    }

    /// The `webhook` object of a job.
    async fn state(&self, job: &str) -> Value {
        self.world.job(job).await["webhook"].clone()
    }

    async fn until_state(&self, job: &str, state: &str) -> Value {
        until(&format!("the message is {state}"), async || self.state(job).await["state"] == state).await;
        self.state(job).await
    }

    async fn until_tried(&self, job: &str, attempts: u32, status: u16) {
        until(&format!("try {attempts}"), async || {
            let state = self.state(job).await;
            state["attempts"] == attempts && state["last_status"] == status
        })
        .await;
    }

    /// Delivers the queue's message a second time, as SQS may.
    async fn duplicate(&self, job: &str) {
        let job = JobId::parse(job).unwrap();
        self.world.stack.engine().notifier.deliver(&job).await.unwrap();
    }

    async fn resend(&self, job: &str) -> Answer {
        self.world.send(self.world.request(Method::POST, &format!("/v1/jobs/{job}/webhook"))).await
    }
}

fn state(state: &str, attempts: u32, last_status: Option<u16>) -> Value {
    json!({ "state": state, "attempts": attempts, "last_status": last_status })
}

#[tokio::test]
async fn a_message_arrives_once_signed_and_without_results() {
    let setup = Setup::start(&[204]).await;
    let answer = setup.post("/v1/batch", &setup.batch(&["/p/1", "/p/2", "/404"])).await;
    assert_eq!(answer.json()["succeeded"], 2);
    let job = answer.job();
    assert_eq!(setup.until_state(&job, "delivered").await, state("delivered", 1, Some(204)));
    setup.duplicate(&job).await;
    let received = setup.receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].signed_by(&setup.secret), 1, "{received:?}");
    assert_eq!(received[0].id, job.replace("job_", "msg_"));
    let (shown, body) = (setup.world.job(&job).await, received[0].json());
    let wanted = json!({
        "type": "job.completed",
        "timestamp": shown["ended_at"],
        "data": {
            "job_id": job,
            "endpoint": "/batch",
            "progress": { "total": 3, "done": 2, "failed": 1, "cancelled": 0, "pending": 0 },
            "credits": { "reserved": 3, "charged": 3, "refunded": 0, "monthly": 3, "prepaid": 0 },
            "result": format!("/v1/jobs/{job}/result"),
        },
    });
    assert_eq!(body, wanted);
    assert_eq!((&body["data"]["progress"], &body["data"]["credits"]), (&shown["progress"], &shown["credits"]));
    assert!(
        setup.world.job(&setup.post("/v1/batch", &without(setup.batch(&["/p/1"]))).await.job()).await["webhook"]
            .is_null()
    );
    setup.world.assert_sound().await;
}

fn without(mut body: Value) -> Value {
    body.as_object_mut().unwrap().remove("webhook");
    body
}

#[tokio::test]
async fn a_detached_crawl_sends_its_message() {
    let setup = Setup::start(&[200]).await;
    let body = json!({ "seed_url": setup.site.url("/tree/0"), "schema": schema(), "webhook": { "url": setup.receiver.url() },
        "crawl": { "follow_pattern": "*/tree/*", "max_pages": 5, "use_sitemap": false } });
    let request = setup.world.request(Method::POST, "/v1/crawl").header("Prefer", "respond-async");
    let taken = setup.world.send(request.body(body.to_string())).await;
    assert_eq!(taken.status, 202);
    assert_eq!(setup.until_state(&taken.job(), "delivered").await["attempts"], 1);
    let received = setup.receiver.received().remove(0);
    assert_eq!((received.event().as_str(), &received.json()["data"]["endpoint"]), ("job.completed", &json!("/crawl")));
    assert_eq!(received.json()["data"]["progress"]["done"], 5);
    assert_eq!(setup.receiver.received().len(), 1);
}

#[tokio::test]
async fn each_outcome_has_its_event_type() {
    let setup = Setup::start(&[200]).await;
    let (cancelled, body) = setup.world.begin("/v1/batch", setup.batch(&["/p/0", "/gate/1"])).await;
    until("the job runs", async || setup.site.counts().contains_key("/gate/1")).await;
    assert_eq!(setup.state(&cancelled).await, state("waiting", 0, None));
    assert_eq!(setup.world.delete(&cancelled).await.status, 200);
    setup.site.open_gate();
    body.await.unwrap();
    setup.until_state(&cancelled, "delivered").await;
    let failed = setup.post("/v1/batch", &setup.batch(&["/404", "/403"])).await.job();
    setup.until_state(&failed, "delivered").await;
    let received = setup.receiver.received();
    let events: Vec<String> = received.iter().map(|message| message.event()).collect();
    assert_eq!(events, ["job.cancelled", "job.failed"]);
    assert_eq!(received[0].json()["data"]["job_id"], json!(cancelled));

    // With failures only, a success sends no message.
    let mut some = setup.batch(&["/p/1"]);
    some["webhook"]["events"] = json!(["job.failed", "job.expired"]);
    let quiet = setup.post("/v1/batch", &some).await.job();
    assert_eq!(setup.until_state(&quiet, "skipped").await, state("skipped", 0, None));
    assert_eq!(setup.resend(&quiet).await.code(), "NOT_FOUND");
    assert_eq!(setup.receiver.received().len(), 2);
    setup.world.assert_sound().await;
}
