//! Second attempts are read in a child process: it is bounded, and neither a page that kills it nor one that hangs it
//! delays other pages.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use domain::Endpoint;
use serde_json::{Value, json};

use crate::support::faults::Faults;
use crate::support::server::{Folder, KEY, Server, assert_sound};
use crate::support::site::Site;
use crate::support::stack::{client, schema};
use crate::support::test_bed::{TestBed, accept, call, drain};
use crate::support::until;

/// A server is killed while it works on two pages. The second attempts are read in child processes: other calls do not
/// wait for them, and each unit is charged once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_attempt_does_not_delay_other_calls() {
    let (folder, site) = (Folder::new("suspect"), Site::start().await);
    let server = Server::start_with(&folder.0, &[("FETCH_CONCURRENCY", "2")]);
    let urls = [site.url("/gate/a"), site.url("/gate/b")];
    let body = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 8000 } });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let response = request.body(body.to_string()).send().await.unwrap();
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    until("both pages are requested", async || site.hits() >= 2).await;
    drop(server); // SIGKILL

    // A server takes over one unit at a time. Its page has a permit while it is fetched, so another one is free: if both
    // units were taken over at once, none would be.
    let server = Server::start_with(&folder.0, &[("FETCH_CONCURRENCY", "2")]);
    until("a second attempt is requested", async || site.hits() >= 3).await;
    // Each call fetches its page, so it needs a permit. A call that waited for the second attempts would end only with
    // their timeout, and the units would fail.
    let honest = json!({ "url": site.url("/p/1"), "schema": schema(), "options": { "no_cache": true } }).to_string();
    for _ in 0..10 {
        let request = client().post(format!("{}/v1/extract", server.base)).header("X-API-Key", KEY);
        let answer = request.body(honest.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let got: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(got["status"], "success", "{got}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    site.open_gate();
    server.until_completed(&job).await;
    let state = server.get(&format!("/v1/jobs/{job}")).await;
    let progress = &state["progress"];
    assert_eq!((&progress["done"], &progress["failed"]), (&json!(2), &json!(0)), "a call waited: {state}");
    assert_eq!(state["credits"]["charged"], 2, "{state}");
    assert_sound(&folder.0);
}

/// The process that reads a page for a second attempt is limited: it dies if a page takes more memory or processor time
/// than allowed, and reads the same page with higher limits.
#[cfg(target_os = "linux")]
#[test]
fn a_reader_process_dies_at_its_memory_and_cpu_limits() {
    use std::io::{Read, Write};
    use std::process::Stdio;
    const MB: u64 = 1024 * 1024;
    // Returns the answer, or the exit status of a process that did not answer.
    let read = |page: &str, memory: u64, cpu_secs: u64| {
        let field = json!({ "field": "title", "type": "string", "example": "x" });
        let order = json!({
            "schema": [field], "locale": "en-US", "notes": [], "content_type": "text/html", "url": "https://e.test/", "now": 0,
            "links": false, "judge": false, "compact": null, "ms": 600_000, "memory": memory, "cpu_secs": cpu_secs,
        });
        let mut command = Command::new(crate::support::binaries::binary("local"));
        let command = command.arg(reader::ARGUMENT).env_clear().stderr(Stdio::null());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut to = child.stdin.take().unwrap();
        // A process that died has not read everything, so this write may fail.
        let _ = to.write_all(format!("{order}\n{page}").as_bytes());
        drop(to);
        let mut answer = String::new();
        child.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
        let ended = child.wait().unwrap();
        serde_json::from_str::<Value>(&answer).map_err(|_| ended)
    };
    let large = "<p>x".repeat(1_000_000);
    assert!(read(&large, 2_048 * MB, 60).is_ok());
    assert!(!read(&large, 100 * MB, 60).unwrap_err().success());
    let ended = read(&large, 2_048 * MB, 1).unwrap_err();
    // SIGKILL at the hard limit, SIGXCPU at the soft one: both are set to the same second.
    assert!(matches!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(9 | 24)), "{ended:?}");
}

/// A process dies while it fetches a page. The next process reads that page in a child process, which hangs. Meanwhile
/// the unit holds no permit to fetch: another page is served although there is only one permit.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_second_attempt_holds_no_fetch_permit() {
    let folder = std::env::temp_dir().join(format!("runo-test-hangs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (program, began) = (folder.join("reader"), folder.join("began"));
    std::fs::write(&program, format!("#!/bin/sh\n: > {}\nexec sleep 1000\n", began.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let (mut bed, site) = (TestBed::new().await, Site::start().await);
    bed.settings.fetch_concurrency = 1;
    bed.settings.reader = Some(program);

    let first = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let engine = bed.engine(&Faults::default()).await;
    let mut suspect = call(Endpoint::Batch, vec![site.url("/gate/1")]);
    // The second attempt hangs for longer than the other page may take.
    suspect.options.timeout_ms = 120_000;
    first.spawn(async move {
        let started = accept(&engine, suspect).await.unwrap();
        drain(engine.driver.start(*started, None)).await
    });
    until("the page is requested", async || site.hits() == 1).await;
    first.shutdown_background();

    site.open_gate();
    bed.clock.advance(200);
    let engine = bed.engine(&Faults::default()).await;
    engine.sweeper.sweep(None).await.unwrap();
    until("the second attempt is being read", async || began.exists()).await;
    let mut honest = call(Endpoint::Extract, vec![site.url("/p/1")]);
    honest.options.timeout_ms = 60_000;
    let started = accept(&engine, honest).await.unwrap();
    let read = drain(engine.driver.start(*started, None)).await.unwrap();
    assert_eq!(read[0]["status"], "success", "{read:?}");
    engine.shut_down(std::time::Duration::ZERO).await;
    std::fs::remove_dir_all(&folder).unwrap();
}
