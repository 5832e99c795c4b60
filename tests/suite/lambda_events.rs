//! The events in `events/`, as API Gateway, SQS and EventBridge send them, sent to the real binaries. Each is
//! understood and answered as its case expects. These are the files that people invoke by hand.

use std::collections::{BTreeMap, BTreeSet};

use domain::JobId;
use serde_json::{Value, json};

use crate::support::cloud::{Cloud, Function, KEY, TIMEOUT};
use crate::support::runtime_api::Answer;
use crate::support::site::Site;
use crate::support::until;

/// Values in the files that each test replaces with its own.
const FILE_KEY: &str = "sk_live_try_me";
const FILE_PAGE: &str = "http://127.0.0.1:8080/sample/product";
const FILE_JOB: &str = "job_0123456789abcdef";

fn folder() -> std::path::PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../events").into()
}

/// The files' names without their ending: `function.case`.
fn names() -> BTreeSet<String> {
    let files = std::fs::read_dir(folder()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
    files.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect()
}

/// An event with this test's key, page and job.
fn event(name: &str, page: &str, job: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    let text = text.replace(FILE_KEY, KEY).replace(FILE_PAGE, page).replace(FILE_JOB, job);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Invokes the function as API Gateway does and returns status, headers and body.
async fn ask(function: &Function, name: &str, event: &Value) -> (u64, Value, String) {
    let mut answer = function.api.invoke(event, TIMEOUT);
    let start = answer.response_start().await;
    assert_eq!(start.headers["lambda-runtime-function-response-mode"], "streaming", "{name}");
    let prelude = answer.prelude().await;
    let status = prelude["statusCode"].as_u64().unwrap_or_else(|| panic!("{name}: {prelude}"));
    (status, prelude["headers"].clone(), answer.text().await)
}

fn read(name: &str, text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}: {text}"))
}

fn job_of(headers: &Value) -> JobId {
    JobId::parse(headers["x-job-id"].as_str().unwrap()).unwrap()
}

/// Every function has events, and the names listed here are all of them.
#[test]
fn every_function_has_events() {
    let mut cases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in names() {
        let (function, case) = name.split_once('.').unwrap();
        cases.entry(function.to_owned()).or_default().push(case.to_owned());
    }
    let wanted: [(&str, &[&str]); 8] = [
        ("batch", &["options", "post", "respond-async"]),
        ("crawl", &["post"]),
        ("extract", &["post", "refused"]),
        (
            "jobs",
            &[
                "cancel",
                "capture",
                "console",
                "get",
                "health",
                "health-head",
                "keys",
                "list",
                "openapi",
                "result",
                "root",
                "usage",
                "webhook",
            ],
        ),
        ("mcp", &["call", "get"]),
        ("notify", &["notify"]),
        ("settle", &["check", "check-on", "dead", "settle", "sweep"]),
        ("worker", &["one-bad", "units"]),
    ];
    let wanted = wanted.map(|(function, cases)| (function.to_owned(), cases.iter().map(|c| (*c).to_owned()).collect()));
    assert_eq!(cases, wanted.into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_gateway_events_are_understood() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    let (extract, batch, crawl, jobs, mcp) = tokio::join!(
        cloud.function("extract"),
        cloud.function("batch"),
        cloud.function("crawl"),
        cloud.function("jobs"),
        cloud.function("mcp")
    );
    let page = site.url("/p/1");
    let none = "job_0000000000000000";

    let (status, headers, text) = ask(&extract, "extract.post", &event("extract.post", &page, none)).await;
    assert_eq!((status, read("extract.post", &text)["data"]["title"].as_str()), (200, Some("Page 1")));
    let job = job_of(&headers).to_string();
    let (status, _, text) = ask(&extract, "extract.refused", &event("extract.refused", &page, none)).await;
    assert_eq!((status, &read("refused", &text)["error"]["code"]), (422, &json!("SCHEMA_REQUIRED")));

    let (status, _, text) = ask(&batch, "batch.post", &event("batch.post", &page, none)).await;
    assert_eq!((status, &read("batch.post", &text)["succeeded"]), (200, &json!(2)));
    let (status, headers, text) = ask(&batch, "batch.options", &event("batch.options", &page, none)).await;
    assert_eq!((status, &headers["allow"], text.as_str()), (204, &json!("POST, OPTIONS"), ""));
    let (status, headers, text) = ask(&batch, "batch.respond-async", &event("batch.respond-async", &page, none)).await;
    let detached = job_of(&headers).to_string();
    assert_eq!((status, read("respond-async", &text)), (202, json!({ "job_id": detached, "status": "running" })));
    // Behind API Gateway paths begin with the stage, and so does `Location`.
    assert_eq!(headers["location"], format!("/live/v1/jobs/{detached}/result"));

    let (status, _, text) = ask(&crawl, "crawl.post", &event("crawl.post", &page, none)).await;
    assert_eq!((status, &read("crawl.post", &text)["crawl_meta"]["pages_visited"]), (200, &json!(1)));

    for (case, job, wanted, check) in [
        ("list", none, 200, "/jobs/0/status"),
        ("get", job.as_str(), 200, "/status"),
        ("get", none, 404, "/error/code"),
        ("cancel", detached.as_str(), 200, "/status"),
        ("webhook", job.as_str(), 404, "/error/code"),
        ("capture", job.as_str(), 404, "/error/code"),
        ("usage", none, 200, "/monthly/used"),
        ("keys", none, 200, "/keys/0/active"),
        ("health", none, 200, "/status"),
        ("openapi", none, 200, "/paths/~1v1~1batch/post"),
    ] {
        let name = format!("jobs.{case}");
        let (status, _, text) = ask(&jobs, &name, &event(&name, &page, job)).await;
        assert_eq!(status, wanted, "{name}: {text}");
        assert!(read(&name, &text).pointer(check).is_some(), "{name}: {text}");
    }
    let (status, headers, text) =
        jobs.api.invoke(&event("jobs.health-head", &page, none), TIMEOUT).buffered_response().await;
    assert_eq!((status, headers["content-type"].as_str(), text.as_str()), (200, "application/json", ""));
    let (status, headers, text) = ask(&jobs, "jobs.console", &event("jobs.console", &page, none)).await;
    assert_eq!((status, &headers["content-type"]), (200, &json!("text/html; charset=utf-8")));
    assert!(text.starts_with("<!doctype html>"), "{text}");
    // The console is next to the API, behind the stage.
    let (status, headers, _) = ask(&jobs, "jobs.root", &event("jobs.root", &page, none)).await;
    assert_eq!((status, &headers["location"]), (302, &json!("/live/console")));
    let (status, headers, text) = ask(&jobs, "jobs.result", &event("jobs.result", &page, &job)).await;
    assert_eq!((status, &headers["content-type"]), (200, &json!("application/x-ndjson")));
    let lines: Vec<Value> = text.lines().filter(|l| !l.trim().is_empty()).map(|l| read("jobs.result", l)).collect();
    assert_eq!((&lines[0]["index"], lines.last().unwrap()["summary"].is_object()), (&json!(0), true), "{text}");
    let (status, _, text) = ask(&mcp, "mcp.call", &event("mcp.call", &page, none)).await;
    let reported = read("mcp.call", &text);
    assert_eq!((status, &reported["id"], &reported["result"]["isError"]), (200, &json!(1), &json!(false)), "{text}");
    let reported = read("mcp.call", reported["result"]["content"][0]["text"].as_str().unwrap());
    assert_eq!((reported["data"]["title"].as_str(), reported["job_id"].is_string()), (Some("Page 1"), true), "{text}");
    let (status, headers, text) = ask(&mcp, "mcp.get", &event("mcp.get", &page, none)).await;
    assert_eq!((status, &headers["allow"]), (405, &json!("POST, OPTIONS")), "{text}");
    cloud.assert_sound().await;
}

/// Without a streamed integration a function responds in the other format, whole. `sam local` is recognised by its
/// environment variable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sam_local_gets_buffered_responses() {
    let cloud = Cloud::start().await;
    let jobs = cloud.function_with("jobs", &[("AWS_SAM_LOCAL", "true")]).await;
    let mut answer = jobs.api.invoke(&event("jobs.list", "", ""), TIMEOUT);
    let answer = answer.value().await;
    assert_eq!((&answer["statusCode"], &answer["isBase64Encoded"]), (&json!(200), &json!(false)), "{answer}");
    assert_eq!(answer["multiValueHeaders"]["content-type"], json!(["application/json"]), "{answer}");
    assert_eq!(read("jobs.list", answer["body"].as_str().unwrap())["jobs"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqs_and_schedule_events_are_understood() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    let (batch, worker, settle, notify) = tokio::join!(
        cloud.function("batch"),
        cloud.function("worker"),
        cloud.function("settle"),
        cloud.function("notify")
    );
    let page = site.url("/p/1");
    let invoke = async |function: &Function, name: &str, job: &str| {
        let mut answer: Answer = function.api.invoke(&event(name, &page, job), TIMEOUT);
        answer.value().await
    };
    let respond_async = event("batch.respond-async", &page, "job_0000000000000000");
    let (_, headers, _) = ask(&batch, "batch.respond-async", &respond_async).await;
    let job = job_of(&headers);
    let none = json!({ "batchItemFailures": [] });

    // The message names the job's two units; the unreadable record fails alone.
    let failed = invoke(&worker, "worker.one-bad", job.as_str()).await;
    let bad = &event("worker.one-bad", &page, "")["Records"][1]["messageId"];
    assert_eq!(failed["batchItemFailures"], json!([{ "itemIdentifier": bad }]));
    assert_eq!(cloud.pending(&job).await, 0);
    assert_eq!(invoke(&worker, "worker.units", job.as_str()).await, none, "a second delivery does nothing");
    assert_eq!(site.hits(), 2);

    assert!(!cloud.job(&job).await.state.ended());
    assert_eq!(invoke(&settle, "settle.settle", job.as_str()).await, none);
    assert!(cloud.job(&job).await.state.ended());
    assert_eq!(invoke(&settle, "settle.dead", job.as_str()).await, none, "an unreadable message is dropped");
    assert_eq!(invoke(&settle, "settle.sweep", "").await, json!({ "looked_after": 0 }));
    assert_eq!(invoke(&settle, "settle.check", "").await, json!({ "violations": 0 }));
    assert_eq!(invoke(&settle, "settle.check-on", "").await, json!({ "nothing_to_go_on_with": true }));
    // For jobs that do not exist there is nothing to do.
    for (function, name) in
        [(&worker, "worker.units"), (&settle, "settle.settle"), (&settle, "settle.dead"), (&notify, "notify.notify")]
    {
        assert_eq!(invoke(function, name, "job_0000000000000000").await, none, "{name}");
    }
    until("it asks for the next invocation", async || worker.api.polls() >= 3).await;
    cloud.assert_sound().await;
}
