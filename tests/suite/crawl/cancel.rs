//! `DELETE` of a running crawl: exact to the credit; the shell example of the contract.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{body, both_modes, figures, is_synthetic, pages_with_results, results, start};
use crate::support::generated::Spec;
use crate::support::until;

#[tokio::test]
async fn a_cancelled_crawl_refunds_exactly_the_units_that_did_not_start() {
    let mut spec = Spec::tree(1_000, 60);
    spec.gated = true;
    let (world, site) = start(spec).await;
    for request in both_modes(body(&site, "/item/0", json!({ "max_pages": 500 }))) {
        site.close_gate();
        site.clear_log();
        let before = world.used().await;
        let (job, result) = world.begin("/v1/crawl", request).await;
        // The seed has ended and its 60 children are admitted; some of them are being fetched.
        until("the crawl has grown", async || world.job(&job).await["progress"]["total"] == 61).await;
        until("pages are under way", async || site.page_hits().len() >= 4).await;
        assert_eq!(world.used().await, before + 500, "the whole job is reserved");
        let answer = world.delete(&job).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "status": "cancelled", "job_id": job })));
        // Requests of units that had started may still be on their way to the site. Nothing else starts.
        let at_delete = site.page_hits().len();
        site.open_gate();
        let got = result.await.unwrap();
        let fetched = site.fetched_once();
        assert!(fetched.len() <= at_delete + 32, "{} after {at_delete}", fetched.len());

        let ran = fetched.len() as u64;
        assert_eq!(figures(&got), [ran, 0, 500, ran]);
        let meta = &got["crawl_meta"];
        assert_eq!((&meta["credits_refunded"], &meta["cancelled"]), (&json!(500 - ran), &json!(true)));
        assert_eq!(meta["stopped_by"], "JOB_CANCELLED");
        assert_eq!(world.used().await, before + i64::try_from(ran).unwrap());
        assert_eq!(results(&got).len(), 61, "a row for each page that was admitted");
        let last = results(&got).iter().skip(fetched.len());
        assert!(
            last.clone().count() == 61 - fetched.len() && last.clone().all(is_synthetic),
            "pages that never started come last"
        );
        assert_eq!(pages_with_results(&site, &got), fetched);
        let closed: Vec<&Value> = results(&got).iter().filter(|result| is_synthetic(result)).collect();
        let names: BTreeSet<String> = closed.iter().map(|r| site.name_of(r["url"].as_str().unwrap())).collect();
        assert!(closed.len() + fetched.len() == 61 && names.len() == closed.len() && names.is_disjoint(&fetched));
        for row in closed {
            assert_eq!((&row["status"], &row["error"]["code"]), (&json!("error"), &json!("JOB_CANCELLED")));
            assert_eq!(row["error"]["retryable"], false);
        }
        assert_eq!(world.job(&job).await["status"], "cancelled");
        super::assert_sums(&world, &job, &got, 0).await;
        assert_eq!(world.delete(&job).await.code(), "JOB_NOT_FOUND");
        assert_eq!(world.get(&format!("/v1/jobs/{job}/result")).await.json(), got);
        assert_eq!(site.page_hits().len(), fetched.len(), "no page was requested afterwards");
    }
}

#[tokio::test]
async fn a_crawl_that_is_cancelled_while_it_grows_adds_up() {
    let mut spec = Spec::tree(2_000, 8);
    spec.slow_ms = 5;
    let (world, site) = start(spec).await;
    for (n, request) in both_modes(body(&site, "/item/0", json!({ "max_pages": 500 }))).into_iter().enumerate() {
        site.clear_log();
        let (job, result) = world.begin("/v1/crawl", request).await;
        until("the crawl is under way", async || site.page_hits().len() >= 60 + n).await;
        let stranger = world.account(&format!("stranger{n}"), domain::Plan::Free, None, None).await;
        assert_eq!(stranger.delete(&job).await.code(), "JOB_FORBIDDEN");
        assert_eq!(world.delete(&job).await.status, 200);
        let at_delete = site.page_hits().len();
        let got = result.await.unwrap();
        let fetched = site.fetched_once();
        assert!(fetched.len() < 500 && fetched.len() <= at_delete + 32, "{} after {at_delete}", fetched.len());
        assert_eq!(figures(&got), [fetched.len() as u64, 0, 500, fetched.len() as u64]);
        assert_eq!(pages_with_results(&site, &got), fetched);
        super::assert_sums(&world, &job, &got, 0).await;
    }
}

#[tokio::test]
async fn a_client_that_disconnects_stops_nothing() {
    let mut spec = Spec::tree(20, 3);
    spec.gated = true;
    let (world, site) = start(spec).await;
    let request = body(&site, "/item/0", json!({ "max_pages": 50 }));
    let sent = world.request(reqwest::Method::POST, "/v1/crawl").body(request.to_string()).send().await.unwrap();
    let job = sent.headers()["x-job-id"].to_str().unwrap().to_owned();
    drop(sent);
    site.open_gate();
    let got = world.get(&format!("/v1/jobs/{job}/result")).await.json();
    assert_eq!((figures(&got), site.fetched_once()), ([20, 0, 50, 20], site.spec.tree.all()));
    super::assert_sums(&world, &job, &got, 0).await;
}

/// Killed on drop: the example waits for a header without a limit.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example of the contract, verbatim, between a part that writes its files and a part that prints the response.
#[tokio::test]
async fn the_shell_example_works() {
    const BEFORE: &str = r#"
set -eu
cd "$(mktemp -d)"
printf '%s' "$BODY" > crawl.json
{
"#;
    const EXAMPLE: &str = r#"
curl -isS -X POST $BASE/v1/crawl -H "X-API-Key: $KEY" -H 'Content-Type: application/json' -d @crawl.json | tee crawl.out &
until grep -qi '^x-job-id:' crawl.out; do sleep 0.1; done                  # there while the crawl runs
JOB=$(grep -i '^x-job-id:' crawl.out | awk '{print $2}' | tr -d '\r')
curl -X DELETE $BASE/v1/jobs/$JOB -H "X-API-Key: $KEY"
"#;
    const AFTER: &str = r#"
} > screen 2> noise
wait
grep -q '"status": *"cancelled"' screen
sed '1,/^\r$/d' crawl.out
"#;
    if Command::new("curl").arg("--version").output().is_err() {
        panic!("this test needs curl on the PATH");
    }
    let mut spec = Spec::tree(200, 40);
    spec.gated = true;
    let (world, site) = start(spec).await;
    let mut request = body(&site, "/item/0", json!({ "max_pages": 100 }));
    request["options"] = json!({ "timeout_ms": 120_000 });
    for (n, request) in both_modes(request).into_iter().enumerate() {
        let before = world.used().await;
        site.close_gate();
        site.clear_log();
        let mut shell = Command::new("bash");
        shell.args(["-c", &[BEFORE, EXAMPLE, AFTER].concat()]).stdout(Stdio::piped());
        shell.env("BASE", world.base()).env("KEY", &world.key).env("BODY", request.to_string());
        let mut shell = Shell(shell.env("NO_PROXY", "127.0.0.1").spawn().unwrap());
        // The output is far smaller than a pipe's buffer, so the shell never blocks on it.
        let mut ended = || shell.0.try_wait().unwrap().is_some();
        until("the job is cancelled", async || {
            let jobs = world.get("/v1/jobs?state=all").await.json()["jobs"].take();
            jobs.as_array().unwrap().len() > n && jobs[0]["status"] != "running"
        })
        .await;
        site.open_gate();
        until("the example ends", || std::future::ready(ended())).await;
        let output = std::io::read_to_string(shell.0.stdout.take().unwrap()).unwrap();
        assert!(shell.0.wait().unwrap().success(), "{output}");
        let got: Value = serde_json::from_str(&output).unwrap_or_else(|e| panic!("{e}: {output}"));
        assert_eq!(got["crawl_meta"]["stopped_by"], "JOB_CANCELLED");
        let [visited, _, reserved, charged] = figures(&got);
        assert_eq!((reserved, charged, site.fetched_once().len() as u64), (100, visited, visited));
        assert!(visited < 100, "it was cancelled while it ran");
        assert_eq!(world.used().await - before, i64::try_from(charged).unwrap());
    }
    world.assert_sound().await;
}
