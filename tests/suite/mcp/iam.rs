//! The role of the function behind `/mcp` allows exactly what its tools do, whether or not the queue accepts jobs.

use domain::JobId;
use serde_json::{Value, json};

use super::tool_result;
use crate::iam::{Setup, assert_allows_exactly};
use crate::support::cloud::{Function, TIMEOUT};
use crate::support::runtime_api::Answer;
use crate::support::stack::schema;
use crate::support::until;

fn ask(function: &Function, name: &str, arguments: Value) -> Answer {
    let accept = ("accept", "application/json, text/event-stream");
    let fields = [accept, ("content-type", "application/json"), ("host", "api.example")];
    let message = super::message("tools/call", json!({ "name": name, "arguments": arguments }));
    function.request("POST", "/mcp", &fields, &message, TIMEOUT)
}

async fn tool(function: &Function, name: &str, arguments: Value) -> Value {
    tool_result(&ask(function, name, arguments).body().await).unwrap()
}

fn id(result: &Value) -> JobId {
    JobId::parse(result["job_id"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mcp_does_what_its_role_allows() {
    let setup = Setup::start().await;
    let (mcp, seen) = setup.recorded("mcp", &[]).await;
    let (canceller, cancels) = setup.recorded("mcp", &[]).await;
    let (worker, settle) = tokio::join!(setup.cloud.function("worker"), setup.cloud.function("settle"));
    // One page: rendered, fresh, from the cache, replayed; a throttling host; a large result.
    let page = |path: &str, key: Option<&str>| {
        let mut arguments = json!({ "url": setup.site.url(path), "schema": schema() });
        key.into_iter().for_each(|key| arguments["idempotency_key"] = json!(key));
        arguments
    };
    for (path, key) in [
        ("/spa/1", None),
        ("/p/0", None),
        ("/p/0", None),
        ("/p/1", Some("once")),
        ("/p/1", Some("once")),
        ("/busy/429/1", None),
    ] {
        tool(&mcp, "extract", page(path, key)).await;
    }
    let large = json!([{ "field": "title", "type": "string", "example": "A title", "selector": "h1" }]);
    for _ in 0..2 {
        let arguments = json!({ "url": setup.site.url("/large/1"), "schema": large, "idempotency_key": "large" });
        assert!(tool(&mcp, "extract", arguments).await["data"]["title"].as_str().unwrap().len() > 4_096);
    }
    // Jobs that the queue accepts, read while workers run them and afterwards.
    let urls = [setup.site.urls("/p", 3), vec![setup.site.url("/404")]].concat();
    let job = id(&tool(&mcp, "start_batch", setup.batch(&urls, json!({}))).await);
    let mut page = ask(&mcp, "job_results", json!({ "job_id": job, "wait_seconds": 40 }));
    tokio::join!(setup.settle_all(&worker, &settle, &job), async { page.body().await });
    assert_eq!(tool(&mcp, "job_results", json!({ "job_id": job })).await["summary"]["succeeded"], 3);
    assert_eq!(tool(&mcp, "job_status", json!({ "job_id": job })).await["status"], "completed");
    tool(&mcp, "usage", json!({})).await;
    // What the queue refuses runs in the function: a batch, one that fails fast, and crawls that grow and are
    // redirected.
    seen.refuse_sends(true);
    for batch in [
        setup.batch(&urls, json!({ "concurrency": 1 })),
        setup.batch(&urls[3..], json!({ "fail_fast": true, "concurrency": 1 })),
        setup.batch(&[setup.site.url("/spa/1")], json!({ "render_js": "always" })),
    ] {
        let job = id(&tool(&mcp, "start_batch", batch).await);
        assert_eq!(tool(&mcp, "job_status", json!({ "job_id": job })).await["progress"]["pending"], 0);
    }
    for (seed, pages) in [("/tree/0", 3), ("/tree/0", 9), ("/moved", 2)] {
        let job = id(&tool(&mcp, "start_crawl", setup.crawl(seed, pages)).await);
        let got = tool(&mcp, "job_results", json!({ "job_id": job })).await;
        assert!(got["summary"]["crawl_meta"]["pages_visited"].as_u64().unwrap() >= 1, "{got}");
    }
    seen.refuse_sends(false);
    // A detached batch is cancelled before anything has started, by another process of the function. Its webhook, named
    // in the call of /v1/batch, is stored by the process that ends the job. Then an extract runs.
    let batch = setup.cloud.function("batch").await;
    let mut with_webhook = setup.batch(&urls, json!({}));
    with_webhook["webhook"] = setup.webhook();
    let job = setup.detach(&batch, "/v1/batch", &with_webhook).await;
    assert_eq!(tool(&canceller, "cancel_job", json!({ "job_id": job })).await["status"], "cancelled");
    let mut answer = ask(&mcp, "extract", json!({ "url": setup.site.url("/gate/0"), "schema": schema() }));
    until("the job runs", async || setup.site.counts().contains_key("/gate/0")).await;
    setup.site.open_gate();
    answer.body().await;
    assert_allows_exactly("McpFunction", &[&seen, &cancels]);
}
