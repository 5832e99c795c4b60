//! The real local server as a process of its own: killed, restarted, ended politely; the admin tool beside it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::binaries::binary;
use crate::support::generated::{Generated, Spec};
use crate::support::site::Site;
use crate::support::stack::{client, schema};
use crate::support::until;

const KEY: &str = "sk_live_process_test";

/// A running server; killed when it is dropped.
struct Server {
    child: Child,
    base: String,
}

impl Server {
    fn start(data_dir: &Path) -> Server {
        Server::start_with(data_dir, &[])
    }

    fn start_with(data_dir: &Path, vars: &[(&str, &str)]) -> Server {
        let mut command = Command::new(binary("local"));
        command.env("PORT", "0").env("DATA_DIR", data_dir).env("RUNO_DEV_KEY", KEY).env("FETCH_ALLOW", "127.0.0.0/8");
        command.env("LEASE_SECONDS", "2").env("SWEEP_SECONDS", "1").env("RUST_LOG", "error");
        command.env("RUNO_DEV_RATE", "1000").envs(vars.iter().copied());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.map(Result::unwrap).find(|line| line.starts_with("listening on ")).expect("the ready line");
        let base = ready.trim_start_matches("listening on ").to_owned();
        assert!(base.starts_with("http://127.0.0.1:"), "{ready}");
        Server { child, base }
    }

    async fn get(&self, path: &str) -> Value {
        let request = client().get(format!("{}{path}", self.base)).header("X-API-Key", KEY);
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("runo-test-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn admin(folder: &Path, args: &[&str]) -> (bool, String) {
    let output = Command::new(binary("admin")).arg("--data-dir").arg(folder).args(args).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_where_it_was() {
    let (folder, site) = (Folder::new("kill"), Site::start().await);
    let server = Server::start(&folder.0);
    let urls = site.urls("/slow/20", 200);
    let body = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 1000 } });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let response = request.body(body.to_string()).send().await.unwrap();
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    until("some pages were fetched", async || site.hits() >= 60).await;
    drop(server); // SIGKILL
    let hits = site.hits();
    assert!(hits < 200, "it was killed too late to show anything");
    let (_, text) = admin(&folder.0, &["check", "--json"]);
    assert_eq!(text.trim(), "{\"violations\":[]}", "on the files of a server that is not running");

    let server = Server::start(&folder.0);
    until("the job is completed", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.get(&format!("/v1/jobs/{job}")).await["status"] == "completed"
    })
    .await;
    let state = server.get(&format!("/v1/jobs/{job}")).await;
    assert_eq!(state["progress"], json!({"total": 200, "done": 200, "failed": 0, "cancelled": 0, "pending": 0}));
    assert_eq!((&state["credits"]["reserved"], &state["credits"]["charged"]), (&json!(200), &json!(200)));
    let result = server.get(&format!("/v1/jobs/{job}/result")).await;
    let shown: Vec<&str> = result["results"].as_array().unwrap().iter().map(|r| r["url"].as_str().unwrap()).collect();
    assert_eq!(shown, urls);
    // Only what was under way when it was killed may have been fetched twice: as many as run at once.
    assert!(site.hits() <= 200 + 8, "{}", site.hits());
    assert_eq!(server.get("/v1/usage").await["monthly"]["used"], 200);
    let (good, text) = admin(&folder.0, &["check", "--json"]);
    assert!(good && text.trim() == "{\"violations\":[]}", "{text}");
}

/// The queue forgets everything when the process dies; by design that loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_with_a_detached_job() {
    let (folder, site) = (Folder::new("kill-queued"), Site::start().await);
    let server = Server::start(&folder.0);
    let urls = site.urls("/p", 1_000);
    let body = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 1000 } });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let response = request.header("Prefer", "respond-async").body(body.to_string()).send().await.unwrap();
    assert_eq!(response.status(), 202);
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    response.text().await.unwrap();
    until("some pages were fetched", async || site.hits() >= 200).await;
    drop(server); // SIGKILL
    assert!(site.hits() < 1_000, "it was killed too late to show anything");
    let server = Server::start(&folder.0);
    until("the job is completed", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.get(&format!("/v1/jobs/{job}")).await["status"] == "completed"
    })
    .await;
    let state = server.get(&format!("/v1/jobs/{job}")).await;
    assert_eq!(state["progress"], json!({"total": 1000, "done": 1000, "failed": 0, "cancelled": 0, "pending": 0}));
    assert_eq!((&state["credits"]["reserved"], &state["credits"]["charged"]), (&json!(1000), &json!(1000)));
    let result = server.get(&format!("/v1/jobs/{job}/result")).await;
    let shown: Vec<&str> = result["results"].as_array().unwrap().iter().map(|r| r["url"].as_str().unwrap()).collect();
    assert_eq!(shown, urls);
    assert!(site.hits() <= 1_000 + 32, "only what was under way is fetched twice: {}", site.hits());
    let (good, text) = admin(&folder.0, &["check", "--json"]);
    assert!(good && text.trim() == "{\"violations\":[]}", "{text}");
}

/// The site has more pages than the limit, so that what is admitted twice after the crash would show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_with_a_detached_crawl() {
    const PAGES: usize = 150;
    let mut spec = Spec::tree(400, 8);
    spec.slow_ms = 30;
    let (folder, site) = (Folder::new("kill-crawl"), Generated::start(spec).await);
    let vars = [("HOST_DELAY_MS", "0")];
    let server = Server::start_with(&folder.0, &vars);
    let crawl = json!({ "follow_pattern": site.url("/item/*"), "max_pages": PAGES, "max_depth": 20 });
    let body = json!({
        "seed_url": site.url("/item/0"), "schema": schema(), "crawl": crawl, "options": { "timeout_ms": 1000 },
    });
    let request = client().post(format!("{}/v1/crawl", server.base)).header("X-API-Key", KEY);
    let response = request.header("Prefer", "respond-async").body(body.to_string()).send().await.unwrap();
    assert_eq!(response.status(), 202);
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    response.text().await.unwrap();
    until("some pages were fetched", async || site.page_hits().len() >= 50).await;
    drop(server); // SIGKILL
    let before = site.fetched();
    assert!(before.len() < PAGES, "it was killed too late to show anything");
    let server = Server::start_with(&folder.0, &vars);
    until("the job is completed", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.get(&format!("/v1/jobs/{job}")).await["status"] == "completed"
    })
    .await;
    let result = server.get(&format!("/v1/jobs/{job}/result")).await;
    let meta = &result["crawl_meta"];
    assert_eq!((&meta["pages_visited"], &meta["pages_failed"]), (&json!(PAGES), &json!(0)));
    assert_eq!((&meta["credits_reserved"], &meta["credits_charged"]), (&json!(PAGES), &json!(PAGES)));
    assert_eq!(meta["stopped_by"], "CRAWL_LIMIT_REACHED");
    let urls = result["results"].as_array().unwrap().iter().map(|r| site.name_of(r["url"].as_str().unwrap()));
    let shown: std::collections::BTreeSet<String> = urls.collect();
    let after = site.fetched();
    assert_eq!(shown, after.keys().cloned().collect(), "never more than the limit, and each has its result");
    assert_eq!(shown.len(), PAGES);
    assert!(shown.is_subset(&site.spec.tree.all()));
    // Only what was under way when it was killed may have been fetched twice: as many as run at once.
    let again = after.iter().filter(|(_, n)| **n > 1).count();
    let hits: usize = after.values().sum();
    assert!(hits <= PAGES + 32 && after.values().all(|n| *n <= 2), "{again} pages again, {hits} hits");
    assert!(before.len() > again, "what had ended was not fetched again");
    assert_eq!(server.get("/v1/usage").await["monthly"]["used"], PAGES);
    let (good, text) = admin(&folder.0, &["check", "--json"]);
    assert!(good && text.trim() == "{\"violations\":[]}", "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_admin_tool_works_on_the_running_server() {
    let folder = Folder::new("admin");
    let server = Server::start(&folder.0);
    let (_, text) = admin(&folder.0, &["account", "create", "--plan", "free", "--json"]);
    let made: Value = serde_json::from_str(&text).unwrap();
    let (account, key) = (made["account_id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with("sk_live_"));
    let usage = async |key: &str| {
        let request = client().get(format!("{}/v1/usage", server.base)).header("X-API-Key", key);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), serde_json::from_str::<Value>(&response.text().await.unwrap()).unwrap())
    };
    assert_eq!(usage(key).await.1["plan"], "free");
    assert!(admin(&folder.0, &["account", "plan", account, "pro"]).0);
    assert!(admin(&folder.0, &["account", "topup", account, "25", "--id", "p1"]).0);
    assert!(!admin(&folder.0, &["account", "topup", account, "25", "--id", "p1"]).0, "booked once");
    let seen = usage(key).await.1;
    assert_eq!((&seen["plan"], &seen["prepaid"]["balance"]), (&json!("pro"), &json!(25)));
    assert!(admin(&folder.0, &["account", "suspend", account]).0);
    assert_eq!(usage(key).await.0, 403);
    assert!(admin(&folder.0, &["account", "resume", account]).0);
    let schema_file = folder.0.join("schema.json");
    std::fs::write(&schema_file, schema().to_string()).unwrap();
    let (_, text) =
        admin(&folder.0, &["key", "create", "--account", account, "--schema", schema_file.to_str().unwrap(), "--json"]);
    let fixed: Value = serde_json::from_str(&text).unwrap();
    let fixed = fixed["key"].as_str().unwrap();
    assert!(fixed.starts_with("sk_static_"));
    assert_eq!(usage(fixed).await.0, 200);
    assert!(admin(&folder.0, &["key", "revoke", "--account", account, fixed]).0);
    assert_eq!(usage(fixed).await.0, 401);
    let (_, text) = admin(&folder.0, &["account", "usage", account, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["prepaid"]["balance"], 25);
    for bad in [
        &["account", "usage", "nobody"][..],
        &["account", "create", "--plan", "gold"],
        &["account", "topup", "nobody", "5"],
    ] {
        assert!(!admin(&folder.0, bad).0, "{bad:?}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_cleanly_and_hands_over_what_runs() {
    let (folder, site) = (Folder::new("term"), Site::start().await);
    let mut server = Server::start(&folder.0);
    let body = json!({ "urls": site.urls("/slow/300", 60), "schema": schema(), "options": {"concurrency": 4} });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let response = request.body(body.to_string()).send().await.unwrap();
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    until("it runs", async || site.hits() >= 4).await;
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!((&body["status"], &body["job_id"]), (&json!("running"), &json!(job)), "the body ends well-formed");
    let ended = tokio::task::spawn_blocking(move || server.child.wait().unwrap().success()).await.unwrap();
    assert!(ended, "exit code 0");
    let server = Server::start(&folder.0);
    let result = server.get(&format!("/v1/jobs/{job}/result")).await;
    assert_eq!(result["succeeded"], 60);
    assert_eq!(site.hits(), 60, "what had started was finished, nothing was fetched twice");
}

/// A server that is killed while it works on a page, and a page that would kill its next reader: the second attempt is
/// read by a process of its own, nobody else waits for it, and the unit is charged once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_attempt_takes_nobody_s_place() {
    let (folder, site) = (Folder::new("suspect"), Site::start().await);
    let vars = [("FETCH_CONCURRENCY", "2")];
    let server = Server::start_with(&folder.0, &vars);
    let urls = [site.url("/slow/1500/a"), site.url("/slow/1500/b")];
    let body = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 4000 } });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let response = request.body(body.to_string()).send().await.unwrap();
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    until("both pages are asked for", async || site.hits() >= 2).await;
    drop(server); // SIGKILL

    let server = Server::start_with(&folder.0, &vars);
    let done = async || server.get(&format!("/v1/jobs/{job}")).await["status"] == "completed";
    let honest = json!({ "url": site.url("/p/1"), "schema": schema() }).to_string();
    let mut slowest = Duration::ZERO;
    while !done().await {
        let begun = std::time::Instant::now();
        let request = client().post(format!("{}/v1/extract", server.base)).header("X-API-Key", KEY);
        let answer = request.body(honest.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
        slowest = slowest.max(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(slowest < Duration::from_secs(4), "somebody waited {slowest:?} for another's second attempt");
    let state = server.get(&format!("/v1/jobs/{job}")).await;
    assert_eq!((&state["progress"]["done"], &state["credits"]["charged"]), (&json!(2), &json!(2)), "{state}");
    let (good, text) = admin(&folder.0, &["check", "--json"]);
    assert!(good && text.trim() == "{\"violations\":[]}", "{text}");
}
