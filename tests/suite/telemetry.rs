//! What operators see of the real functions: one log line per request, and metrics in CloudWatch's embedded format.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::cloud::{Cloud, TIMEOUT};
use crate::support::site::Site;
use crate::support::stack::schema;
use crate::support::until;

/// The metrics in these lines, summed by name and dimensions. Panics on an unknown dimension.
fn sums(lines: &Mutex<Vec<Value>>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for line in lines.lock().unwrap().iter() {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Runo");
        let metric = directive["Metrics"][0]["Name"].as_str().unwrap();
        let mut name = metric.to_owned();
        for dimension in directive["Dimensions"][0].as_array().unwrap() {
            let dimension = dimension.as_str().unwrap();
            assert!(["Endpoint", "State", "Outcome"].contains(&dimension), "{line}");
            name = format!("{name} {}", line[dimension].as_str().unwrap());
        }
        // For ages, the number of values.
        let value = &line[metric];
        let count =
            if metric == "QueueAge" { value.as_array().map_or(1, |v| v.len() as u64) } else { value.as_u64().unwrap() };
        *sums.entry(name).or_default() += count;
    }
    sums
}

fn requests(lines: &Mutex<Vec<Value>>) -> Vec<Value> {
    let lines = lines.lock().unwrap();
    lines.iter().filter(|line| line["target"] == "request").map(|line| line["fields"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_writes_one_log_line_and_its_metrics() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    let (function, output) = cloud.function_with_output("batch").await;
    let mut urls = site.urls("/p", 3);
    urls.push(site.url("/404?token=QUERYSECRET"));
    let body = json!({ "urls": urls, "schema": schema() });
    let mut answer = function.request("POST", "/v1/batch", &[], &body, TIMEOUT);
    let job = answer.prelude().await["headers"]["x-job-id"].as_str().unwrap().to_owned();
    assert_eq!(answer.body().await["succeeded"], 3);
    let mut refused = function.request("POST", "/v1/batch", &[], &json!({ "urls": urls }), TIMEOUT);
    assert_eq!(refused.prelude().await["statusCode"], 422);
    refused.body().await;
    // Written before the function asks for more work, because it may be frozen then.
    until("it asks for the next invocation", async || function.api.polls() == 3).await;
    until("two log lines", async || requests(&output.log).len() == 2).await;
    let lines = requests(&output.log);
    for (name, value) in [
        ("operation", json!("Batch")),
        ("status", json!(200)),
        ("account", json!("dev")),
        ("job", json!(job)),
        ("units", json!(4)),
        ("succeeded", json!(3)),
        ("failed", json!(1)),
        ("not_run", json!(0)),
    ] {
        assert_eq!(lines[0][name], value, "{}", lines[0]);
    }
    assert!(lines[0]["head_ms"].as_u64().unwrap() <= lines[0]["total_ms"].as_u64().unwrap());
    assert_eq!((&lines[1]["status"], &lines[1]["code"]), (&json!(422), &json!("SCHEMA_REQUIRED")));
    let wanted: BTreeMap<String, u64> = [
        ("JobsStarted batch", 1),
        ("JobsEnded batch completed", 1),
        ("Units SUCCESS", 3),
        ("Units URL_UNREACHABLE", 1),
        ("CreditsReserved", 4),
        ("CreditsCharged", 4),
        ("CreditsRefunded", 0),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    until("its metrics", async || sums(&output.metrics) == wanted).await;
    let printed = format!("{:?}{:?}", output.log.lock().unwrap(), output.metrics.lock().unwrap());
    assert!(!printed.contains("QUERYSECRET") && !printed.contains("127.0.0.1"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queue_ages_failures_sweeps_and_violations_have_metrics() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    let (batch, _) = cloud.function_with_output("batch").await;
    let body = json!({ "urls": site.urls("/p", 3), "schema": schema() });
    let mut answer = batch.request("POST", "/v1/batch", &[("Prefer", "respond-async")], &body, TIMEOUT);
    let job = answer.job().await;
    answer.body().await;
    let (worker, by_worker) = cloud.function_with_output("worker").await;
    let (settle, by_settle) = cloud.function_with_output("settle").await;
    cloud.deliver_until_ended(&worker, &settle, &job).await;
    let total = |sums: &BTreeMap<String, u64>, name: &str| sums.get(name).copied().unwrap_or_default();
    until("the worker's metrics", async || {
        let sums = sums(&by_worker.metrics);
        total(&sums, "QueueAge") >= 1 && total(&sums, "Units SUCCESS") == 3
    })
    .await;
    until("the settlement's", async || total(&sums(&by_settle.metrics), "JobsEnded batch completed") == 1).await;

    // A failed message counts from its third delivery on, because its queue's age does not show it by then.
    for receives in ["2", "3", "4"] {
        let record = json!({
            "messageId": "1", "receiptHandle": "1", "eventSource": "aws:sqs", "messageAttributes": {}, "body": "{}",
            "attributes": { "ApproximateReceiveCount": receives },
        });
        let failed = worker.api.invoke(&json!({ "Records": [record] }), TIMEOUT).value().await;
        assert_eq!(failed["batchItemFailures"][0]["itemIdentifier"], "1");
    }
    until("the failures", async || total(&sums(&by_worker.metrics), "MessagesFailed") == 2).await;
    let reported = |line: &Value| line["fields"]["message"] == "a message failed" && line["fields"]["id"] == "1";
    until("the error in the log", async || by_worker.log.lock().unwrap().iter().any(reported)).await;

    // The sweep reports the metric that an alarm expects, although there was nothing to do.
    let sweep = || settle.api.invoke(&json!({ "source": "aws.events" }), TIMEOUT);
    assert_eq!(sweep().value().await, json!({ "looked_after": 0 }));
    until("the sweep's metric", async || total(&sums(&by_settle.metrics), "Sweeps") == 1).await;

    let check = async || settle.api.invoke(&json!({ "check": true }), TIMEOUT).value().await;
    assert_eq!(check().await, json!({ "violations": 0 }));
    // A month row that differs from the ledger's sum.
    cloud.falsify_month(7).await;
    assert_eq!(check().await, json!({ "violations": 1 }));
    until("the metric", async || total(&sums(&by_settle.metrics), "InvariantViolations") == 1).await;
    let reported = |line: &Value| line["level"] == "ERROR" && line["fields"]["message"] == "an invariant is broken";
    until("the error in the log", async || by_settle.log.lock().unwrap().iter().any(reported)).await;
}
