//! The real local server as a process: shutdown, file descriptors, the key of the account `dev`, file permissions.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::admin::usage;
use crate::support::server::{Folder, KEY, Server, admin};
use crate::support::site::Site;
use crate::support::stack::{client, schema};
use crate::support::until;

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_hands_over_running_jobs_and_exits_with_0() {
    let (folder, site) = (Folder::new("term"), Site::start().await);
    let mut server = Server::start(&folder.0);
    let options = json!({ "concurrency": 4, "timeout_ms": 60_000 });
    let body = json!({ "urls": site.urls("/gate", 60), "schema": schema(), "options": options });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let response = request.body(body.to_string()).send().await.unwrap();
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    until("the job runs", async || site.hits() >= 4).await;
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    // The server ends the body as soon as it stops. No page ends before the gate opens, so nothing else ends it.
    let body = tokio::time::timeout(Duration::from_secs(60), response.text()).await.expect("the body ends").unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    site.open_gate();
    assert_eq!((&body["status"], &body["job_id"]), (&json!("running"), &json!(job)), "the body ends well-formed");
    let ended = tokio::task::spawn_blocking(move || server.child.wait().unwrap().success()).await.unwrap();
    assert!(ended, "exit code 0");
    let server = Server::start(&folder.0);
    let result = server.get(&format!("/v1/jobs/{job}/result")).await;
    assert_eq!(result["succeeded"], 60);
    assert_eq!(site.hits(), 60, "started pages finish, and no page is fetched twice");
}

/// A process without free file descriptors reports `INTERNAL` for the pages that it could not request. It does not
/// report the site as unreachable.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lack_of_file_descriptors_is_not_blamed_on_the_site() {
    let (folder, site) = (Folder::new("descriptors"), Site::start().await);
    let direct = Server::command(&folder.0, &[("FETCH_CONCURRENCY", "100")]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\""]).arg(direct.get_program());
    command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let server = Server::spawn(command);
    let urls = site.urls("/gate", 100);
    let options = json!({ "concurrency": 100, "timeout_ms": 5_000, "retries": 0 });
    let body = json!({ "urls": urls, "schema": schema(), "options": options });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let answer = request.body(body.to_string()).send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let codes: Vec<&str> =
        answer["results"].as_array().unwrap().iter().map(|r| r["error"]["code"].as_str().unwrap()).collect();
    assert!(codes.iter().all(|code| matches!(*code, "TIMEOUT" | "INTERNAL")), "{codes:?}");
    assert!(codes.contains(&"INTERNAL"), "the process never lacked descriptors: {codes:?}");
    // When the connections of the pages above are closed, pages are fetched again.
    site.open_gate();
    let one = json!({ "url": site.url("/p/1"), "schema": schema() }).to_string();
    let extract = || client().post(format!("{}/v1/extract", server.base)).header("X-API-Key", KEY).body(one.clone());
    let fetched = async || extract().send().await.unwrap().text().await.unwrap().contains("Page 1");
    until("a page is fetched again", fetched).await;
}

/// A start with a new key for the account `dev` revokes the previous key. A start with a revoked key, or with a key of
/// another account, is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_dev_key_revokes_the_previous_one() {
    const OTHER: &str = "sk_live_process_other";
    let folder = Folder::new("dev-key");
    drop(Server::start(&folder.0));
    let server = Server::start_with(&folder.0, &[("RUNO_DEV_KEY", OTHER)]);
    assert_eq!((usage(&server, OTHER).await.0, usage(&server, KEY).await.0), (200, 401));
    let (_, text) = admin(&folder.0, &["account", "create", "--plan", "free", "--json"]);
    let foreign = serde_json::from_str::<Value>(&text).unwrap()["key"].as_str().unwrap().to_owned();
    drop(server);
    for (bad, why) in [(KEY, "was revoked"), (&foreign, "is a key of the account")] {
        let output = Server::command(&folder.0, &[("RUNO_DEV_KEY", bad)]).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && printed.contains(why) && !printed.contains(bad), "{printed}");
    }
    let server = Server::start_with(&folder.0, &[("RUNO_DEV_KEY", OTHER)]);
    assert_eq!(usage(&server, OTHER).await.0, 200, "a start that is refused changes nothing");
}

/// Only the owner can access the files of a running server, the socket to its tables included.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_can_access_the_data_folder() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("rights");
    std::fs::create_dir_all(&folder.0).unwrap();
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o777)).unwrap();
    let server = Server::start_with(&folder.0, &[("RUNO_DEV_KEY", "")]);
    assert!(admin(&folder.0, &["account", "create", "--plan", "free"]).0);
    // The database deletes files of its own while it runs; a file that is gone has no mode.
    let mode = |path: &std::path::Path| match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        found => Some(found.unwrap().permissions().mode() & 0o777),
    };
    assert_eq!(mode(&folder.0), Some(0o700));
    let files: Vec<_> = std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().path()).collect();
    for name in ["dev-key", "dynamodb.sock"] {
        let file = folder.0.join(name);
        assert!(files.contains(&file) && mode(&file).is_some(), "{files:?}");
    }
    for file in files {
        assert_eq!(mode(&file).unwrap_or_default() & 0o077, 0, "{}", file.display());
    }
    drop(server);
}
