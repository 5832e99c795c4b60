//! Roles allow exactly what the functions do. The real binaries do all their work behind a recorder in front of tables,
//! queues and the renderer; the recorded actions must equal the policies in `template.yaml`, in both directions.

mod check;
mod notify;

use std::collections::BTreeSet;
use std::time::Duration;

use domain::JobId;
use serde_json::{Value, json};

use crate::support::cloud::{Cloud, Function, FunctionRecorder, TIMEOUT};
use crate::support::runtime_api::Answer;
use crate::support::site::Site;
use crate::support::stack::schema;
use crate::support::template::{Actions, Template};
use crate::support::until;

/// The actions of Lambda itself at a queue, on behalf of the function.
/// Source: AWS, "Using Lambda with Amazon SQS", execution role permissions.
const POLLING_ACTIONS: [&str; 3] = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];

/// The functions, each behind a recorder.
pub(crate) struct Setup {
    pub(crate) cloud: Cloud,
    pub(crate) site: Site,
}

impl Setup {
    pub(crate) async fn start() -> Setup {
        Setup { cloud: Cloud::start().await, site: Site::start().await }
    }

    pub(crate) async fn recorded(&self, name: &str, more: &[(&'static str, &str)]) -> (Function, FunctionRecorder) {
        let mut vars = vec![("HOST_DELAY_MS", "1")];
        vars.extend(more);
        self.cloud.recorded_function(name, &vars).await
    }

    pub(crate) fn batch(&self, urls: &[String], options: Value) -> Value {
        json!({ "urls": urls, "schema": schema(), "options": options })
    }

    pub(crate) fn crawl(&self, seed: &str, max_pages: u32) -> Value {
        let crawl = json!({ "follow_pattern": "*", "max_pages": max_pages, "use_sitemap": false });
        json!({ "seed_url": self.site.url(seed), "schema": schema(), "crawl": crawl })
    }

    /// Starts a job for which no handler waits.
    pub(crate) async fn detach(&self, function: &Function, path: &str, body: &Value) -> JobId {
        let mut answer = post(function, path, &[("Prefer", "respond-async")], body);
        let job = answer.job().await;
        answer.body().await;
        job
    }

    /// A webhook whose message is never sent.
    pub(crate) fn webhook(&self) -> Value {
        json!({ "url": self.site.url("/p/0") })
    }

    pub(crate) async fn settle_all(&self, worker: &Function, settle: &Function, job: &JobId) {
        self.cloud.deliver_until_ended(worker, settle, job).await;
    }
}

fn post(function: &Function, path: &str, more: &[(&str, &str)], body: &Value) -> Answer {
    function.request("POST", path, more, body, TIMEOUT)
}

/// Asserts that the recorded actions of a function equal those that its role allows.
pub(crate) fn assert_allows_exactly(id: &str, recorders: &[&FunctionRecorder]) {
    let template = Template::read();
    let function = template.function(id);
    let mut used: Actions = recorders.iter().flat_map(|recorder| recorder.actions()).collect();
    let events = function.properties["Events"].as_object().cloned().unwrap_or_default();
    for event in events.values().filter(|event| event["Type"] == "SQS") {
        let queue = crate::support::template::arn_of(&event["Properties"]["Queue"]);
        used.extend(POLLING_ACTIONS.map(|action| (action.to_owned(), queue.to_owned())));
    }
    let granted = template.allowed_actions(&function);
    let missing: BTreeSet<_> = used.difference(&granted).collect();
    let unused: BTreeSet<_> = granted.difference(&used).collect();
    assert!(
        missing.is_empty() && unused.is_empty(),
        "{id} does what its role does not allow: {missing:?}, and is allowed what it does not do: {unused:?}"
    );
    // The role uses no wildcards.
    assert!(granted.iter().all(|(action, resource)| !action.contains('*') && !resource.contains('*')), "{id}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn extract_does_what_its_role_allows() {
    let setup = Setup::start().await;
    let (extract, seen) = setup.recorded("extract", &[]).await;
    let jobs = setup.cloud.function("jobs").await;
    let body = |path: &str| json!({ "url": setup.site.url(path), "schema": schema() });
    let key = [("Idempotency-Key", "once")];
    // Rendered, fresh, from the cache, replayed, and a throttling host.
    for (path, more) in
        [("/spa/1", &[][..]), ("/p/0", &[]), ("/p/0", &[]), ("/p/1", &key), ("/p/1", &key), ("/busy/429/1", &[])]
    {
        post(&extract, "/v1/extract", more, &body(path)).body().await;
    }
    // A result too large for the job's row, returned and replayed.
    let large = json!([{ "field": "title", "type": "string", "example": "A title", "selector": "h1" }]);
    let large = json!({ "url": setup.site.url("/large/1"), "schema": large });
    let again = [("Idempotency-Key", "large")];
    for _ in 0..2 {
        let answer = post(&extract, "/v1/extract", &again, &large).body().await;
        assert!(answer["data"]["title"].as_str().unwrap().len() > 4_096);
    }
    // Cancelled while it runs.
    let mut answer = post(&extract, "/v1/extract", &[], &body("/gate/0"));
    let job = answer.job().await;
    until("the job runs", async || setup.site.counts().contains_key("/gate/0")).await;
    jobs.request("DELETE", &format!("/v1/jobs/{job}"), &[], &Value::Null, TIMEOUT).body().await;
    setup.site.open_gate();
    assert_eq!(answer.body().await["error"]["code"], "JOB_CANCELLED");
    assert_allows_exactly("ExtractFunction", &[&seen]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_does_what_its_role_allows() {
    let setup = Setup::start().await;
    let (batch, seen) = setup.recorded("batch", &[]).await;
    let (worker, settle, jobs) =
        tokio::join!(setup.cloud.function("worker"), setup.cloud.function("settle"), setup.cloud.function("jobs"));
    let urls = setup.site.urls("/p", 3);
    let key = [("Idempotency-Key", "once")];
    let mut with_webhook = setup.batch(&urls, json!({}));
    with_webhook["webhook"] = setup.webhook();
    for more in [&key, &key] {
        post(&batch, "/v1/batch", more, &with_webhook).body().await;
    }
    // Rendered, before the host throttles.
    let shell = setup.batch(&[setup.site.url("/spa/1")], json!({ "render_js": "always" }));
    post(&batch, "/v1/batch", &[], &shell).body().await;
    let fails = [setup.site.url("/404"), setup.site.url("/p/1"), setup.site.url("/busy/429/1")];
    for options in [json!({ "fail_fast": true, "concurrency": 1 }), json!({})] {
        post(&batch, "/v1/batch", &[], &setup.batch(&fails, options)).body().await;
    }
    // Detached, and held while workers run it.
    let job = setup.detach(&batch, "/v1/batch", &setup.batch(&urls, json!({}))).await;
    setup.settle_all(&worker, &settle, &job).await;
    let mut body = setup.batch(&urls, json!({}));
    body["async_mode"] = json!(true);
    let mut answer = post(&batch, "/v1/batch", &[], &body);
    let job = answer.job().await;
    setup.settle_all(&worker, &settle, &job).await;
    assert_eq!(answer.body().await["succeeded"], 3);
    // Joined by its idempotency key while results that are not adjacent are available.
    let urls = [setup.site.url("/p/0"), setup.site.url("/gate/1"), setup.site.url("/p/2")];
    let body = setup.batch(&urls, json!({ "concurrency": 3 }));
    let joined = [("Idempotency-Key", "joined")];
    let mut answer = post(&batch, "/v1/batch", &[joined[0], ("Prefer", "respond-async")], &body);
    let job = answer.job().await;
    answer.body().await;
    tokio::join!(setup.cloud.deliver(&setup.cloud.units, &worker), async {
        until("two pages are done", async || setup.cloud.pending(&job).await == 1).await;
        let mut answer = post(&batch, "/v1/batch", &joined, &body);
        answer.body_until(|body| body.contains("Page 0")).await;
        setup.site.open_gate();
        answer.body_until(|body| body.contains("Page 2")).await;
    });
    setup.settle_all(&worker, &settle, &job).await;
    // Cancelled while it runs.
    setup.site.close_gate();
    let gated = setup.batch(&setup.site.urls("/gate", 4), json!({ "concurrency": 1 }));
    let mut answer = post(&batch, "/v1/batch", &[], &gated);
    let job = answer.job().await;
    until("the job runs", async || setup.site.counts().contains_key("/gate/0")).await;
    jobs.request("DELETE", &format!("/v1/jobs/{job}"), &[], &Value::Null, TIMEOUT).body().await;
    setup.site.open_gate();
    assert_eq!(answer.body().await["cancelled"], true);
    assert_allows_exactly("BatchFunction", &[&seen]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crawl_does_what_its_role_allows() {
    let setup = Setup::start().await;
    let (crawl, seen) = setup.recorded("crawl", &[]).await;
    let (worker, settle) = tokio::join!(setup.cloud.function("worker"), setup.cloud.function("settle"));
    // Growth up to the limit, robots.txt, a redirect.
    setup.site.set_robots(200, "User-agent: *\nDisallow: /tree/4");
    for (seed, pages) in [("/spa/1", 1), ("/tree/0", 3), ("/tree/0", 9), ("/moved", 2)] {
        let mut body = setup.crawl(seed, pages);
        body["webhook"] = setup.webhook();
        let got = post(&crawl, "/v1/crawl", &[], &body).body().await;
        assert!(got["crawl_meta"]["pages_visited"].as_u64().unwrap() >= 1, "{got}");
    }
    let mut body = setup.crawl("/tree/0", 4);
    body["async_mode"] = json!(true);
    let mut answer = post(&crawl, "/v1/crawl", &[], &body);
    let job = answer.job().await;
    setup.settle_all(&worker, &settle, &job).await;
    answer.body().await;
    assert_allows_exactly("CrawlFunction", &[&seen]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_does_what_its_role_allows() {
    let setup = Setup::start().await;
    let (jobs, seen) = setup.recorded("jobs", &[]).await;
    let (extract, batch) = tokio::join!(setup.cloud.function("extract"), setup.cloud.function("batch"));
    let (worker, settle) = tokio::join!(setup.cloud.function("worker"), setup.cloud.function("settle"));
    let urls = setup.site.urls("/p", 3);
    let delete =
        async |job: &JobId| jobs.request("DELETE", &format!("/v1/jobs/{job}"), &[], &Value::Null, TIMEOUT).body().await;
    let detached = async |urls: &[String]| {
        let mut body = setup.batch(urls, json!({}));
        body["webhook"] = setup.webhook();
        setup.detach(&batch, "/v1/batch", &body).await
    };
    // No unit has started: DELETE skips all units and settles.
    let job = detached(&urls).await;
    assert_eq!(delete(&job).await["status"], "cancelled");
    assert_eq!(jobs.get(&format!("/v1/jobs/{job}/result")).await["cancelled"], true);
    // A reader waits while workers run it.
    let job = detached(&urls).await;
    let path = format!("/v1/jobs/{job}/result");
    let mut waits = jobs.request("GET", &path, &[], &Value::Null, TIMEOUT);
    waits.response_start().await;
    setup.settle_all(&worker, &settle, &job).await;
    assert_eq!(waits.body().await["succeeded"], 3);
    // DELETE ends the extract's unit although its holder runs it.
    let body = json!({ "url": setup.site.url("/gate/0"), "schema": schema() });
    let mut answer = post(&extract, "/v1/extract", &[], &body);
    let job = answer.job().await;
    until("the job runs", async || setup.site.counts().contains_key("/gate/0")).await;
    delete(&job).await;
    setup.site.open_gate();
    for path in ["/v1/jobs", "/v1/jobs?state=finished", &format!("/v1/jobs/{job}"), "/v1/usage", "/v1/keys", "/health"]
    {
        jobs.get(path).await;
    }
    assert_allows_exactly("JobsFunction", &[&seen]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_does_what_its_role_allows() {
    let setup = Setup::start().await;
    let (worker, seen) = setup.recorded("worker", &[]).await;
    let (batch, crawl, settle, jobs) = tokio::join!(
        setup.cloud.function("batch"),
        setup.cloud.function("crawl"),
        setup.cloud.function("settle"),
        setup.cloud.function("jobs")
    );
    let mut urls = setup.site.urls("/p", 12);
    urls.extend([setup.site.url("/404"), setup.site.url("/busy/429/1")]);
    let shell = setup.batch(&[setup.site.url("/spa/1")], json!({ "render_js": "always" }));
    let batched = setup.batch(&urls, json!({ "concurrency": 1 }));
    let fails =
        setup.batch(&[setup.site.url("/404"), setup.site.url("/p/1")], json!({ "fail_fast": true, "concurrency": 1 }));
    let calls = [
        (&batch, "/v1/batch", shell),
        (&batch, "/v1/batch", batched),
        (&batch, "/v1/batch", fails),
        (&crawl, "/v1/crawl", setup.crawl("/tree/0", 3)),
        (&crawl, "/v1/crawl", setup.crawl("/tree/0", 9)),
        (&crawl, "/v1/crawl", setup.crawl("/moved", 2)),
    ];
    for (function, path, body) in calls {
        let job = setup.detach(function, path, &body).await;
        setup.settle_all(&worker, &settle, &job).await;
    }
    // An unreadable message is delivered again soon.
    setup.cloud.send_raw("{}").await;
    setup.cloud.deliver(&setup.cloud.units, &worker).await;
    // Cancelled with a message in the queue.
    let job = setup.detach(&batch, "/v1/batch", &setup.batch(&urls, json!({}))).await;
    jobs.request("DELETE", &format!("/v1/jobs/{job}"), &[], &Value::Null, TIMEOUT).body().await;
    setup.cloud.deliver(&setup.cloud.units, &worker).await;
    assert_allows_exactly("WorkerFunction", &[&seen]);
    let uses_accounts_table = |(_, resource): &(String, String)| resource == "AccountsTable";
    assert!(!seen.actions().iter().any(uses_accounts_table), "the worker called the accounts table");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settle_does_what_its_role_allows() {
    let setup = Setup::start().await;
    let lease = [("LEASE_SECONDS", "1")];
    let (settle, seen) = setup.recorded("settle", &lease).await;
    let (worker, crawl) =
        tokio::join!(setup.cloud.function_with("worker", &lease), setup.cloud.function_with("crawl", &lease));
    let sweep = json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} });
    let sweep_until_found = async || {
        until("the sweep finds the job", async || {
            settle.api.invoke(&sweep, Duration::from_secs(60)).value().await == json!({ "looked_after": 1 })
        })
        .await;
    };
    // A message asks for a settlement.
    let mut body = setup.crawl("/tree/0", 3);
    body["webhook"] = setup.webhook();
    let job = setup.detach(&crawl, "/v1/crawl", &body).await;
    setup.settle_all(&worker, &settle, &job).await;
    // A job without a driver: the sweep sends its units to the queue. If the queue refuses, the sweep runs the job;
    // here a crawl that grows up to its limit and one that is redirected.
    for (seed, refuse) in
        [("/tree/0", false), ("/tree/0", true), ("/moved", true), ("/spa/1", true), ("/busy/429/1", true)]
    {
        let (front, front_seen) = setup.recorded("crawl", &[("LEASE_SECONDS", "1"), ("STALL_SECONDS", "60")]).await;
        let mut body = setup.crawl(seed, 3);
        body["async_mode"] = json!(true);
        let mut answer = post(&front, "/v1/crawl", &[], &body);
        let job = answer.job().await;
        until("the queue has the message", async || setup.cloud.units.depth().await.unwrap().visible > 0).await;
        // From then on the sweep reads the depth of the queue, to see whether there is a backlog.
        until("the driver has noted it", async || setup.cloud.job(&job).await.driver.queued).await;
        drop(front); // SIGKILL
        // The queue loses its messages.
        let lost = setup.cloud.units.receive(10, 0, 900).await.unwrap();
        assert!(setup.cloud.units.delete(&lost.iter().map(|r| &r.receipt_handle).collect::<Vec<_>>()).await.complete());
        seen.refuse_sends(refuse);
        sweep_until_found().await;
        seen.refuse_sends(false);
        setup.settle_all(&worker, &settle, &job).await;
        // Panics if its recorder failed.
        assert!(!front_seen.actions().is_empty());
    }
    // A dead letter.
    let record = json!({
        "messageId": "1", "receiptHandle": "1", "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {},
        "body": json!({ "v": 1, "kind": "units", "job": job, "lane": 0, "seqs": [0] }).to_string(),
    });
    let failed = settle.api.invoke(&json!({ "Records": [record] }), TIMEOUT).value().await;
    assert_eq!(failed["batchItemFailures"], json!([]));
    assert_allows_exactly("SettleFunction", &[&seen]);

    check::the_check_does_what_its_role_allows(&setup, &job).await;
}
