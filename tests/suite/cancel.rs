//! `DELETE /v1/jobs/{job_id}`: exact to the credit, limited to the owner, cooperative; the shell example of the
//! contract.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::server::Folder;
use crate::support::site::Site;
use crate::support::stack::{World, schema};
use crate::support::until;

#[tokio::test]
async fn a_cancelled_batch_refunds_exactly_the_units_that_did_not_start() {
    let (world, site) = (World::start().await, Site::start().await);
    let before = world.used().await;
    let urls = site.urls("/gate", 200);
    let body = json!({ "urls": urls, "schema": schema(), "options": { "concurrency": 4 } });
    let (job, result) = world.begin("/v1/batch", body).await;
    until("four pages under way", async || site.hits() == 4).await;
    assert_eq!(world.used().await, before + 200, "the whole job is reserved");
    let stranger = world.account("stranger", domain::Plan::Free, None, None).await;
    assert_eq!(stranger.delete(&job).await.code(), "JOB_FORBIDDEN");

    let answer = world.delete(&job).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "status": "cancelled", "job_id": job })));
    let state = world.job(&job).await;
    assert_eq!(state["status"], "cancelling");
    assert_eq!(state["progress"], json!({"total": 200, "done": 0, "failed": 0, "cancelled": 196, "pending": 4}));
    assert_eq!(state["credits"]["charged"], Value::Null);
    assert_eq!(world.delete(&job).await.status, 200, "a second DELETE while it is being terminated");

    site.open_gate();
    let body = result.await.unwrap();
    assert_eq!(site.hits(), 4, "nothing starts after DELETE has answered");
    assert_eq!(body["cancelled"], true);
    assert_eq!((&body["succeeded"], &body["failed"], &body["not_run"]), (&json!(4), &json!(0), &json!(196)));
    assert_eq!((&body["credits_charged"], &body["credits_refunded"]), (&json!(4), &json!(196)));
    for (i, result) in body["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!(result["url"], urls[i]);
        let ran = i < 4;
        assert_eq!(result["status"], if ran { "success" } else { "error" });
        if !ran {
            assert_eq!(
                (&result["error"]["code"], &result["error"]["retryable"]),
                (&json!("JOB_CANCELLED"), &json!(false))
            );
        }
    }
    assert_eq!(world.used().await, before + 4);
    assert_eq!(world.job(&job).await["status"], "cancelled");
    let over = world.delete(&job).await;
    assert_eq!((over.status.as_u16(), over.code().as_str()), (404, "JOB_NOT_FOUND"));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_cancelled_extract_is_job_cancelled_and_stays_charged() {
    let (world, site) = (World::start().await, Site::start().await);
    let body = json!({ "url": site.url("/gate/1"), "schema": schema() });
    let (job, result) = world.begin("/v1/extract", body).await;
    until("the page is being fetched", async || site.hits() == 1).await;
    assert_eq!(world.delete(&job).await.status, 200);
    let body = result.await.unwrap();
    assert_eq!((&body["status"], &body["error"]["code"]), (&json!("error"), &json!("JOB_CANCELLED")));
    assert_eq!(body["url"], site.url("/gate/1"));
    assert_eq!(world.used().await, 1);
    let state = world.job(&job).await;
    assert_eq!((&state["status"], &state["credits"]["charged"]), (&json!("cancelled"), &json!(1)));
    assert_eq!(world.get(&format!("/v1/jobs/{job}/result")).await.json(), body);
    site.open_gate();
    world.assert_sound().await;
}

#[tokio::test]
async fn unknown_jobs_are_not_found() {
    let world = World::start().await;
    for id in ["job_000000000000", "nonsense", "job_%2e%2e", "job_0123456789abcdef"] {
        let answer = world.delete(id).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "JOB_NOT_FOUND"), "{id}");
    }
}

/// The shell example of the contract (curl piped to tee, grep, DELETE; no `-N`), with a batch whose pages wait until
/// the job is cancelled. The script waits for the file `go`, so that DELETE is sent when exactly two pages have
/// started.
#[tokio::test]
async fn the_shell_example_works() {
    const SCRIPT: &str = r#"
set -eu
cd "$FOLDER"
printf '%s' "$BODY" > batch.json
curl -isS -X POST $BASE/v1/batch -H "X-API-Key: $KEY" -H 'Content-Type: application/json' -d @batch.json | tee batch.out > /dev/null &
for i in $(seq 1200); do grep -qi '^x-job-id:' batch.out 2>/dev/null && break; sleep 0.1; done
JOB=$(grep -i '^x-job-id:' batch.out | awk '{print $2}' | tr -d '\r')
for i in $(seq 2400); do [ -e go ] && break; sleep 0.05; done
curl -sS -X DELETE $BASE/v1/jobs/$JOB -H "X-API-Key: $KEY"
echo
wait
sed '1,/^\r$/d' batch.out
"#;
    if Command::new("curl").arg("--version").output().is_err() {
        panic!("this test needs curl on the PATH");
    }
    let (world, site, folder) = (World::start().await, Site::start().await, Folder::new("shell"));
    std::fs::create_dir_all(&folder.0).unwrap();
    let body = json!({
        "urls": site.urls("/gate", 20), "schema": schema(), "options": { "concurrency": 2, "timeout_ms": 120_000 },
    });
    let mut shell = Command::new("bash");
    shell.args(["-c", SCRIPT]);
    shell.env("BASE", world.base()).env("KEY", &world.key).env("BODY", body.to_string()).env("NO_PROXY", "127.0.0.1");
    shell.env("FOLDER", &folder.0);
    let shell = tokio::task::spawn_blocking(move || shell.output().unwrap());
    // A script that failed ends the waits, so that its output is shown.
    until("two pages under way", async || shell.is_finished() || site.hits() == 2).await;
    std::fs::write(folder.0.join("go"), "").unwrap();
    until("the job is cancelled", async || {
        let jobs = world.get("/v1/jobs?state=all").await.json();
        shell.is_finished() || jobs["jobs"][0]["status"].as_str().is_some_and(|status| status != "running")
    })
    .await;
    site.open_gate();
    let output = shell.await.unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    let (deleted, result) = stdout.split_once('\n').unwrap();
    let deleted: Value = serde_json::from_str(deleted).unwrap();
    assert_eq!(deleted["status"], "cancelled");
    let result: Value = serde_json::from_str(result).unwrap();
    assert_eq!((&result["cancelled"], &result["succeeded"], &result["not_run"]), (&json!(true), &json!(2), &json!(18)));
    assert_eq!(world.used().await, 2);
    world.assert_sound().await;
}

#[tokio::test]
async fn suspending_an_account_cancels_its_jobs_and_refunds_units_that_did_not_start() {
    let (world, site) = (World::start().await, Site::start().await);
    let tenant = world.account("tenant", domain::Plan::Scale, None, None).await;
    // A runner reads the job's state again before it starts a unit, unless it did so within `FRESH_TICKS`. The pages
    // behind the gate take longer than that, so that at most four more start, however fast the machine is.
    let urls = [site.urls("/gate", 4), site.urls("/slow/500", 46)].concat();
    let body = json!({ "urls": urls, "schema": schema(), "options": { "concurrency": 4 } });
    let (job, result) = tenant.begin("/v1/batch", body).await;
    until("four pages under way", async || site.hits() == 4).await;
    let (engine, account) = (world.stack.engine(), domain::AccountId::parse("tenant").unwrap());
    engine.store().accounts.set_suspended(&account, true).await.unwrap();
    let stopped = engine.store().jobs.stop_account(&account, engine.now()).await.unwrap();
    assert_eq!(stopped.iter().map(ToString::to_string).collect::<Vec<_>>(), [job]);
    assert!(
        engine.store().jobs.stop_account(&account, engine.now()).await.unwrap().is_empty(),
        "a job is cancelled once"
    );
    assert_eq!(tenant.get("/v1/jobs").await.code(), "ACCOUNT_SUSPENDED");

    site.open_gate();
    let body = result.await.unwrap();
    assert_eq!(body["cancelled"], true);
    let charged = body["credits_charged"].as_u64().unwrap();
    assert_eq!(charged, site.hits() as u64, "what started is charged");
    assert_eq!(body["credits_refunded"], 50 - charged);
    assert!((4..=8).contains(&charged), "the rest never started: {charged}");
    engine.store().accounts.set_suspended(&account, false).await.unwrap();
    assert_eq!(tenant.used().await, i64::try_from(charged).unwrap());
    world.assert_sound().await;
}
