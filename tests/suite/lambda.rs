//! The real function binaries as Lambda runs them: streamed responses byte by byte, events of queues and schedules, the
//! deadline of an invocation, an incomplete environment.

#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::time::Duration;

use domain::segment::{UnitEnd, UnitState};
use domain::{JobId, JobState, Outcome};
#[cfg(target_os = "linux")]
use rustix::net::{getpeername, sockopt::tcp_nodelay};
#[cfg(target_os = "linux")]
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use serde_json::{Value, json};
use store::queue::Message;

use crate::support::cloud::{Cloud, Function, TIMEOUT};
use crate::support::runtime_api::Answer;
use crate::support::site::Site;
use crate::support::stack::schema;
use crate::support::test_bed::account;
use crate::support::until;

/// Sends a batch.
fn batch(function: &Function, urls: &[String], options: Value, more: &[(&str, &str)], time: Duration) -> Answer {
    let body = json!({ "urls": urls, "schema": schema(), "options": options });
    function.request("POST", "/v1/batch", more, &body, time)
}

/// The job id in the head, which must have this status.
async fn job_of(answer: &mut Answer, status: u16) -> JobId {
    let prelude = answer.prelude().await;
    assert_eq!(prelude["statusCode"], status, "{prelude}");
    answer.job().await
}

/// Starts a job that only the queue's messages name.
async fn detached(function: &Function, urls: &[String], options: Value) -> JobId {
    let mut answer = batch(function, urls, options, &[("Prefer", "respond-async")], TIMEOUT);
    let job = job_of(&mut answer, 202).await;
    assert_eq!(answer.body().await, json!({ "job_id": job, "status": "running" }));
    job
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_head_is_streamed_before_any_page_is_fetched() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    for (name, path, body) in [
        ("batch", "/v1/batch", json!({ "urls": site.urls("/gate", 3), "schema": schema() })),
        ("extract", "/v1/extract", json!({ "url": site.url("/gate/0"), "schema": schema() })),
    ] {
        site.close_gate();
        let function = cloud.function(name).await;
        let mut answer = function.request("POST", path, &[], &body, TIMEOUT);
        let start = answer.response_start().await;
        let header = |name: &str| start.headers[name].to_str().unwrap().to_owned();
        assert!(!start.error);
        assert_eq!(header("lambda-runtime-function-response-mode"), "streaming");
        assert_eq!(header("transfer-encoding"), "chunked");
        assert_eq!(header("content-type"), "application/vnd.awslambda.http-integration-response");
        // No page is served before the gate opens, so all of this was sent before the work was done.
        job_of(&mut answer, 200).await;
        assert_eq!(answer.prelude().await["headers"]["content-type"], "application/json");
        let padding = answer.body_until(|body| body.len() >= 4096).await;
        assert_eq!(padding.trim(), "");
        assert!(!answer.has_ended());
        site.open_gate();
        answer.body_until(|body| body.contains("Page 0")).await;
        let whole = answer.body().await;
        if name == "batch" {
            let titles: Vec<_> = whole["results"].as_array().unwrap().iter().map(|r| &r["data"]["title"]).collect();
            assert_eq!(titles, ["Page 0", "Page 1", "Page 2"]);
            assert_eq!((&whole["total"], &whole["credits_charged"]), (&json!(3), &json!(3)));
        } else {
            assert_eq!(whole["data"]["title"], "Page 0");
        }
        until("it asks for the next invocation", async || function.api.polls() == 2).await;
    }
    cloud.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_record_fails_alone_and_a_worker_needs_no_accounts_table() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    let (front, worker) = tokio::join!(cloud.function("batch"), cloud.function("worker"));
    assert!(cloud.environment("worker").iter().all(|(name, _)| *name != "ACCOUNTS_TABLE"));
    let job = detached(&front, &[site.url("/p/0"), site.url("/404"), site.url("/p/2")], json!({})).await;
    cloud.send_raw("{\"v\":1,\"kind\":\"units\"").await;
    until("both messages are in the queue", async || cloud.units.depth().await.unwrap().visible == 2).await;
    assert_eq!(site.hits(), 0);

    let (received, failed) = cloud.deliver(&cloud.units, &worker).await;
    let bad: Vec<_> = received.iter().filter(|r| r.message().is_err()).map(|r| r.message_id.clone()).collect();
    assert_eq!((received.len(), bad.len()), (2, 1));
    assert_eq!(failed, bad);
    let rows = cloud.store.segments.all_segments(&cloud.job(&job).await).await.unwrap();
    let ends = rows[0].non_pending().map(|(_, unit)| match unit {
        UnitState::Ended { end, .. } => Some(end),
        _ => None,
    });
    let ends: Vec<_> = ends.collect();
    assert_eq!(ends, [UnitEnd::Succeeded, UnitEnd::Failed, UnitEnd::Succeeded].map(Some));

    // The worker leaves the settlement to another function and asks for it.
    assert_eq!(cloud.job(&job).await.state, JobState::Running);
    let received = cloud.settle.receive(10, 0, 0).await.unwrap();
    let received: Vec<_> = received.iter().map(|r| r.message().unwrap()).collect();
    assert_eq!(received, [Message::Settle { job }]);
    // The unreadable message is delivered again soon, because the worker shortened its visibility timeout.
    let again = cloud.units.receive(10, 20, 0).await.unwrap();
    assert_eq!(again.iter().map(|r| &r.message_id).collect::<Vec<_>>(), bad.iter().collect::<Vec<_>>());
    assert_eq!(again[0].receive_count, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settle_message_settles_once() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    let (front, worker, settle, jobs) = tokio::join!(
        cloud.function("batch"),
        cloud.function("worker"),
        cloud.function("settle"),
        cloud.function("jobs")
    );
    let options = json!({ "fail_fast": true, "concurrency": 1 });
    let job = detached(&front, &[site.url("/404"), site.url("/p/1"), site.url("/p/2")], options).await;
    cloud.deliver(&cloud.units, &worker).await;
    assert_eq!(cloud.job(&job).await.charge, None);
    // SQS may deliver a message twice.
    assert!(cloud.settle.send(&account(), &[Message::Settle { job: job.clone() }]).await.complete());
    let (received, failed) = cloud.deliver(&cloud.settle, &settle).await;
    assert_eq!((received.len(), failed), (2, vec![]));
    let ended = cloud.job(&job).await;
    let charge = ended.charge.unwrap();
    assert_eq!(ended.state, JobState::Ended(Outcome::Completed));
    assert_eq!((ended.reservation.total(), charge.charged, charge.refunded()), (3, 1, 2));
    cloud.assert_sound().await;
    let result = jobs.get(&format!("/v1/jobs/{job}/result")).await;
    assert_eq!((&result["failed"], &result["not_run"]), (&json!(1), &json!(2)));
    assert_eq!(jobs.get("/v1/usage").await["monthly"]["used"], 1);
}

/// The process of a sync batch is killed while it runs. The scheduled sweep finds the job, and workers finish it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduled_event_sweeps() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    let (front, worker, settle) = tokio::join!(
        cloud.function_with("batch", &[("LEASE_SECONDS", "1")]),
        cloud.function_with("worker", &[("LEASE_SECONDS", "1")]),
        cloud.function_with("settle", &[("LEASE_SECONDS", "1")])
    );
    let event = json!({ "source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {} });
    assert_eq!(settle.api.invoke(&event, TIMEOUT).value().await, json!({ "looked_after": 0 }));
    let options = json!({ "concurrency": 1, "timeout_ms": 10_000 });
    // A fast page, then a slow one: the first has ended when the process dies, the second has started.
    let urls = [site.url("/p/0"), site.url("/gate/1"), site.url("/p/2"), site.url("/p/3")];
    let mut answer = batch(&front, &urls, options, &[], TIMEOUT);
    let job = job_of(&mut answer, 200).await;
    until("the second page has started", async || site.hits() == 2).await;
    drop(front); // SIGKILL
    site.open_gate();
    until("the sweep finds the job", async || {
        settle.api.invoke(&event, TIMEOUT).value().await == json!({ "looked_after": 1 })
    })
    .await;
    let ended = cloud.deliver_until_ended(&worker, &settle, &job).await;
    let charge = ended.charge.unwrap();
    assert_eq!(ended.state, JobState::Ended(Outcome::Completed));
    assert_eq!((charge.charged, charge.refunded()), (4, 0));
    assert_eq!(ended.tally.unwrap().done, 4);
    assert_eq!((site.counts()["/p/0"], site.counts()["/p/2"], site.counts()["/p/3"]), (1, 1, 1), "fetched once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn near_its_deadline_a_handler_hands_over_and_nothing_is_lost() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    let (front, worker, settle, jobs) = tokio::join!(
        cloud.function("batch"),
        cloud.function("worker"),
        cloud.function("settle"),
        cloud.function("jobs")
    );
    let urls = site.urls("/p", 25);
    let options = json!({ "timeout_ms": 20_000 });
    // Its own settings allow a hold of 14 minutes; only the invocation's context gives these 8 seconds.
    let mut answer = batch(&front, &urls, options, &[], Duration::from_secs(8));
    let (deadline, job) = (answer.deadline().await, job_of(&mut answer, 200).await);
    let body = answer.body().await;
    assert!(answer.ended_at().await < deadline, "the body ends before the invocation does");
    assert_eq!((&body["status"], &body["job_id"]), (&json!("running"), &json!(job)));
    assert_eq!(body["next"], format!("/v1/jobs/{job}/result"));
    let pending: Vec<Value> = urls.iter().map(|url| json!({ "url": url, "status": "pending" })).collect();
    assert_eq!(body["results"], json!(pending));
    assert_eq!(site.hits(), 0, "no page started that might not have finished");
    assert!(cloud.units.depth().await.unwrap().visible > 0, "the queue has the messages before the end");

    let ended = cloud.deliver_until_ended(&worker, &settle, &job).await;
    assert_eq!((ended.state, ended.charge.unwrap().charged), (JobState::Ended(Outcome::Completed), 25));
    assert_eq!(site.hits(), 25, "each once");
    let result = jobs.get(&format!("/v1/jobs/{job}/result")).await;
    let shown: Vec<&str> = result["results"].as_array().unwrap().iter().map(|r| r["url"].as_str().unwrap()).collect();
    assert_eq!((shown, &result["succeeded"]), (urls.iter().map(String::as_str).collect(), &json!(25)));
}

/// A handler that can start no more pages but has time to wait returns what workers do meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_handed_over_waits_for_the_workers_results() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    let (front, worker) = tokio::join!(cloud.function("batch"), cloud.function("worker"));
    let urls = site.urls("/gate", 5);
    let mut answer = batch(&front, &urls, json!({ "timeout_ms": 60_000 }), &[], Duration::from_secs(60));
    let job = job_of(&mut answer, 200).await;
    until("the queue has the message", async || cloud.units.depth().await.unwrap().visible > 0).await;
    assert_eq!(site.hits(), 0);
    site.open_gate();
    until("all units are done", async || {
        cloud.deliver(&cloud.units, &worker).await;
        cloud.pending(&job).await == 0
    })
    .await;
    let body = answer.body().await;
    assert_eq!((&body["status"], &body["succeeded"], &body["credits_charged"]), (&Value::Null, &json!(5), &json!(5)));
    cloud.assert_sound().await;
}

/// With Nagle's algorithm, each part of a streamed answer waits until the part before is acknowledged: some 40 ms.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_parts_of_an_answer_are_sent_at_once() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    let function = cloud.function("batch").await;
    let mut answer = batch(&function, &site.urls("/gate", 1), json!({}), &[], TIMEOUT);
    // While an answer is open, its connection is the only one: the function does not ask for the next invocation yet.
    answer.prelude().await;
    match sockets_to(&function.api.address(), function.pid()) {
        Ok(sockets) => {
            let at_once: Vec<bool> = sockets.iter().map(|socket| tcp_nodelay(socket).unwrap()).collect();
            assert_eq!(at_once, [true]);
        }
        // A container may forbid it, for the function, too.
        Err(error) => eprintln!("SKIPPED: file descriptors cannot be duplicated: {error}"),
    }
    site.open_gate();
    answer.body().await;
}

/// Returns duplicates of a process's sockets that are connected to an address.
#[cfg(target_os = "linux")]
fn sockets_to(address: &str, pid: u32) -> rustix::io::Result<Vec<std::os::fd::OwnedFd>> {
    let process = pidfd_open(Pid::from_raw(pid.try_into().unwrap()).unwrap(), PidfdFlags::empty())?;
    let address = address.parse::<SocketAddr>().unwrap();
    let mut sockets = Vec::new();
    for file in std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let number = file.unwrap().file_name().to_str().unwrap().parse().unwrap();
        match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
            Ok(file) if getpeername(&file).ok().flatten().and_then(|peer| peer.try_into().ok()) == Some(address) => {
                sockets.push(file);
            }
            // Not a connection to the address, or closed meanwhile.
            Ok(_) | Err(rustix::io::Errno::BADF) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sockets)
}

/// A cold start does not wait for the stores: it calls them only when there is work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_init_makes_no_network_call() {
    let cloud = Cloud::start().await;
    for name in ["batch", "crawl", "extract", "jobs", "mcp", "notify", "settle", "worker"] {
        let (function, recorded) = cloud.recorded_function(name, &[]).await;
        until("it asks for work", async || function.api.polls() == 1).await;
        assert_eq!(recorded.connections(), 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incomplete_environment_fails_the_init_with_the_variables_name() {
    let cloud = Cloud::start().await;
    let needed =
        ["ACCOUNTS_TABLE", "JOBS_TABLE", "HOSTS_TABLE", "UNITS_QUEUE_URL", "SETTLE_QUEUE_URL", "NOTIFY_QUEUE_URL"];
    for name in ["batch", "extract", "jobs", "mcp", "settle", "worker"] {
        let whole = cloud.environment(name);
        for missing in needed.into_iter().filter(|var| whole.iter().any(|(name, _)| name == var)) {
            let rest: Vec<_> = whole.iter().filter(|(name, _)| *name != missing).cloned().collect();
            assert_init_fails(name, &rest, missing).await;
        }
    }
    let mut unreadable = cloud.environment("batch");
    unreadable.push(("LEASE_SECONDS", "soon".to_owned()));
    assert_init_fails("batch", &unreadable, "LEASE_SECONDS").await;
}

async fn assert_init_fails(name: &str, vars: &[(&'static str, String)], culprit: &str) {
    let (status, output) = Function::fails_to_start(name, vars).await;
    assert!(!status.success(), "{name} without {culprit}: {status}");
    assert!(output.contains(culprit), "{name} without {culprit}: {output}");
}
