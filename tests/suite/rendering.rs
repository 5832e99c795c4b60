//! Pages that need a browser, through the whole stack and a real Chromium. Without one, each test prints SKIPPED.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::server::{Folder, Server, assert_sound};
use crate::support::site::Site;
use crate::support::stack::{World, schema};
use crate::support::until;

/// Returns the machine's browser, if there is one.
#[allow(clippy::disallowed_methods)] // a test reads the machine's environment
pub(crate) fn browser() -> Option<String> {
    let found = render::find::find(std::env::var("BROWSER").ok().as_deref(), std::env::var_os("PATH").as_deref());
    if found.is_none() {
        // Written directly, because the test harness captures the output of macros.
        let text = b"\nSKIPPED: there is no Chromium on this machine (apt-get install chromium)\n";
        let _ = std::io::stderr().write_all(text);
    }
    found.map(|path: PathBuf| path.to_str().unwrap().to_owned())
}

/// A machine under load takes long to start a browser.
fn options() -> Value {
    json!({ "timeout_ms": 60_000 })
}

fn hits(site: &Site, path: &str) -> usize {
    site.times(path).len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_is_rendered_and_a_page_with_content_is_not() {
    let Some(browser) = browser() else { return };
    let (world, site) = (World::with_vars(&[("BROWSER", &browser)]).await, Site::start().await);
    let extract = async |path: &str, options: Value| {
        let body = json!({ "url": site.url(path), "schema": schema(), "options": options });
        world.post("/v1/extract", &body).await.json()
    };
    let got = extract("/spa/7", options()).await;
    assert_eq!((&got["status"], &got["render_mode"]), (&json!("success"), &json!("headless")), "{got}");
    assert_eq!(got["data"], json!({ "title": "Kettle 7", "price": 19.5 }), "{got}");
    assert_eq!((hits(&site, "/spa/7"), hits(&site, "/api/7")), (2, 1));
    let got = extract("/ssr/7", options()).await;
    assert_eq!((&got["render_mode"], &got["data"]["title"]), (&json!("fetch"), &json!("Kettle 7")), "{got}");
    assert_eq!((hits(&site, "/ssr/7"), hits(&site, "/program")), (1, 0), "it is not rendered");

    let got = extract("/spa/8", json!({ "render_js": "never" })).await;
    assert_eq!((&got["data"]["price"], hits(&site, "/api/8")), (&json!(null), 0), "{got}");
    let got = extract("/ssr/8", json!({ "render_js": "always", "timeout_ms": 60_000 })).await;
    assert_eq!((&got["render_mode"], &got["data"]["title"]), (&json!("headless"), &json!("Kettle 8")), "{got}");
    assert_eq!((hits(&site, "/ssr/8"), hits(&site, "/program")), (1, 1));
    let got = extract("/404", json!({ "render_js": "always", "timeout_ms": 60_000 })).await;
    assert_eq!(got["error"]["code"], "URL_UNREACHABLE", "{got}");
    let got = extract("/pdf", json!({ "render_js": "always", "timeout_ms": 60_000 })).await;
    assert_eq!(got["error"]["code"], "UNSUPPORTED_CONTENT", "{got}");
    let waits = json!({ "render_js": "always", "timeout_ms": 60_000, "wait_for": "h1" });
    assert_eq!(extract("/spa/9", waits).await["data"]["title"], "Kettle 9");
    assert_eq!(world.used().await, 7);
    world.assert_sound().await;
}

#[tokio::test]
async fn without_a_browser_pages_are_fetched_plainly_with_a_warning() {
    let (world, site) = (World::start().await, Site::start().await);
    let extract = async |mode: &str| {
        let body = json!({ "url": site.url("/spa/7"), "schema": schema(), "options": { "render_js": mode } });
        world.post("/v1/extract", &body).await.json()
    };
    let got = extract("always").await;
    assert_eq!((&got["status"], &got["data"]["price"]), (&json!("success"), &json!(null)), "{got}");
    let warnings = got["warnings"].to_string();
    assert!(warnings.contains("no browser is configured") && warnings.contains("BROWSER"), "{got}");
    assert_eq!(extract("auto").await["warnings"], json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_with_rendered_pages_keeps_order_and_counts() {
    let Some(browser) = browser() else { return };
    let (world, site) = (World::with_vars(&[("BROWSER", &browser)]).await, Site::start().await);
    let urls: Vec<String> =
        (0..12).map(|n| site.url(&format!("/{}/{n}", if n % 2 == 0 { "spa" } else { "ssr" }))).collect();
    let body = json!({ "urls": urls, "schema": schema(), "options": options() });
    let got = world.post("/v1/batch", &body).await.json();
    let results = got["results"].as_array().unwrap();
    for (n, result) in results.iter().enumerate() {
        let mode = if n % 2 == 0 { "headless" } else { "fetch" };
        assert_eq!((&result["url"], &result["render_mode"]), (&json!(urls[n]), &json!(mode)), "{result}");
        assert_eq!(result["data"], json!({ "title": format!("Kettle {n}"), "price": 19.5 }), "{result}");
    }
    assert_eq!((results.len(), &got["succeeded"]), (12, &json!(12)));
    assert_eq!(world.used().await, 12);
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crawl_follows_the_links_of_rendered_pages() {
    let Some(browser) = browser() else { return };
    let vars = [("BROWSER", browser.as_str()), ("HOST_DELAY_MS", "0")];
    let (world, site) = (World::with_vars(&vars).await, Site::start().await);
    let body = json!({
        "seed_url": site.url("/spa/7"), "schema": schema(), "options": options(),
        "crawl": { "follow_pattern": site.url("/ssr/*"), "max_pages": 2, "max_depth": 1 },
    });
    let got = world.post("/v1/crawl", &body).await.json();
    let urls: Vec<&str> = got["results"].as_array().unwrap().iter().map(|r| r["url"].as_str().unwrap()).collect();
    assert_eq!(urls, [site.url("/spa/7"), site.url("/ssr/71")], "{got}");
    assert_eq!(got["results"][0]["render_mode"], "headless");
    world.assert_sound().await;
}

/// Processes whose command line contains the text, each with its command line.
fn processes(text: &str) -> Vec<(u32, String)> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.map(|pid| (pid, command_line(pid))).filter(|(_, line)| line.contains(text)).collect()
}

fn command_line(pid: u32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).replace('\0', " ")
}

/// The profile folder of a server's browser, which all its processes name. The browser must have shown a page: while a
/// process replaces its program, which a starting browser's do several times, its command line is empty.
fn profile_of(server: u32) -> String {
    let lines = processes("--user-data-dir=");
    let (_, line) = lines.iter().find(|(_, line)| line.contains(&format!("keep {server} "))).expect("a browser");
    line.split("--user-data-dir=").nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn a_killed_server_ends_its_browser_and_the_job_completes() {
    let Some(browser) = browser() else { return };
    let (folder, site) = (Folder::new("kill-browser"), Site::start().await);
    let vars = [("BROWSER", browser.as_str())];
    let server = Server::start_with(&folder.0, &vars);
    let urls = site.urls("/spa-gate", 4);
    // A page's lease lasts for its timeout and `LEASE_SECONDS`. Only then another process takes it over.
    let body = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 25_000 } });
    let job = server.detach("/v1/batch", &body).await;
    // What the programs of shown pages ask for.
    let shown = || -> usize {
        site.counts().keys().filter(|path| path.starts_with("/gate-api")).map(|path| hits(&site, path)).sum()
    };
    until("a browser shows a page", async || shown() > 0).await;
    let profile = profile_of(server.child.id());
    drop(server); // SIGKILL
    let gone = async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        processes(&profile).is_empty() && !fs::exists(&profile).unwrap()
    };
    tokio::time::timeout(Duration::from_secs(60), until("nothing is left of the browser", gone)).await.unwrap();

    // Now the browser is killed and the server lives on.
    let before = shown();
    let server = Server::start_with(&folder.0, &vars);
    until("a browser shows a page again", async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        shown() > before
    })
    .await;
    let profile = profile_of(server.child.id());
    let main = |line: &str| !line.contains("--type=") && !line.starts_with("sh ") && !line.starts_with("/bin/sh ");
    for (pid, _) in processes(&profile).into_iter().filter(|(_, line)| main(line)) {
        Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    }
    site.open_gate();
    server.until_completed(&job).await;
    let state = server.get(&format!("/v1/jobs/{job}")).await;
    assert_eq!((&state["credits"]["reserved"], &state["credits"]["charged"]), (&json!(4), &json!(4)), "{state}");
    let result = server.get(&format!("/v1/jobs/{job}/result")).await;
    for result in result["results"].as_array().unwrap() {
        assert_eq!(result["render_mode"], "headless", "{result}");
    }
    assert_sound(&folder.0);
    drop(server);
    let gone = async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        processes(&profile).is_empty() && !fs::exists(&profile).unwrap()
    };
    tokio::time::timeout(Duration::from_secs(60), until("nothing is left of the browsers", gone)).await.unwrap();
}
