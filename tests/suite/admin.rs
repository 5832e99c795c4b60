//! `admin`, the operator's tool, on the tables of a running server: accounts, keys and jobs.

use serde_json::{Value, json};

use crate::support::server::{Folder, KEY, Server, admin, admin_with_input, assert_sound};
use crate::support::site::Site;
use crate::support::stack::{client, schema};
use crate::support::until;

/// Status and body of `GET /v1/usage` with this key.
pub(crate) async fn usage(server: &Server, key: &str) -> (u16, Value) {
    let request = client().get(format!("{}/v1/usage", server.base)).header("X-API-Key", key);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_and_keys_are_changed_on_a_running_server() {
    let folder = Folder::new("admin");
    let server = Server::start(&folder.0);
    let (_, text) = admin(&folder.0, &["account", "create", "--plan", "free", "--json"]);
    let made: Value = serde_json::from_str(&text).unwrap();
    let (account, key) = (made["account_id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with("sk_live_"));
    let usage = async |key: &str| usage(&server, key).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_limited_by_plan_listed_masked_and_rebound() {
    let (folder, site) = (Folder::new("keys"), Site::start().await);
    let server = Server::start(&folder.0);
    admin(&folder.0, &["account", "create", "--plan", "free", "--id", "small"]);
    let file = |name: &str, fields: Value| {
        let path = folder.0.join(name);
        std::fs::write(&path, fields.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let title = file("title.json", json!([{ "field": "title", "type": "string", "example": "" }]));
    let price = file("price.json", json!([{ "field": "price", "type": "float", "example": 1.5 }]));
    let create = ["key", "create", "--account", "small", "--json"];
    let (_, text) = admin(&folder.0, &[&create[..], &["--schema", &title]].concat());
    let key = serde_json::from_str::<Value>(&text).unwrap()["key"].as_str().unwrap().to_owned();
    let over = std::process::Command::new(crate::support::binaries::binary("admin"))
        .arg("--data-dir")
        .arg(&folder.0)
        .args(create)
        .output()
        .unwrap();
    let output = String::from_utf8(over.stderr).unwrap() + &String::from_utf8(over.stdout).unwrap();
    assert!(!over.status.success() && output.contains("KEY_LIMIT_REACHED"), "{output}");

    let extract = async |n: u8| -> Value {
        let request = client().post(format!("{}/v1/extract", server.base)).header("X-API-Key", &key);
        let body = json!({ "url": site.url(&format!("/p/{n}")) }).to_string();
        serde_json::from_str(&request.body(body).send().await.unwrap().text().await.unwrap()).unwrap()
    };
    assert!(
        admin(&folder.0, &["account", "plan", "small", "pro"]).0,
        "so that the rate limit does not refuse the next call"
    );
    assert_eq!(extract(1).await["data"], json!({ "title": "Page 1" }));
    let bind = ["key", "schema", "--account", "small", "--schema", price.as_str()];
    let (good, text) = admin_with_input(&folder.0, &bind, &key);
    assert!(good && !text.contains(&key), "{text}");
    assert_eq!(extract(2).await["data"], json!({ "price": 2.5 }));

    let (_, text) = admin(&folder.0, &["key", "list", "--account", "small", "--json"]);
    let listed: Value = serde_json::from_str(&text).unwrap();
    let end = &key[key.len() - 4..];
    let shown = listed["keys"].as_array().unwrap().iter().find(|one| one["ends_in"] == end).unwrap();
    assert_eq!(shown["key"], format!("sk_static_…{end}"));
    assert!(!text.contains(&key));
    // A dynamic key, a key of another account and a revoked key have no schema to change.
    assert!(!admin_with_input(&folder.0, &bind, KEY).0);
    assert!(!admin_with_input(&folder.0, &["key", "schema", "--account", "dev", "--schema", &price], &key).0);
    assert!(admin_with_input(&folder.0, &["key", "revoke", "--account", "small"], &key).0);
    assert!(!admin_with_input(&folder.0, &bind, &key).0);
}

/// A shell's history keeps arguments, so `admin key revoke` also reads the key from standard input.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_to_revoke_is_read_from_standard_input() {
    let folder = Folder::new("revoke");
    let server = Server::start(&folder.0);
    let revoke = ["key", "revoke", "--account", "shop"];
    let (_, text) = admin(&folder.0, &["account", "create", "--plan", "pro", "--id", "shop", "--json"]);
    let first = serde_json::from_str::<Value>(&text).unwrap()["key"].as_str().unwrap().to_owned();
    let (_, text) = admin(&folder.0, &["key", "create", "--account", "shop", "--json"]);
    let second = serde_json::from_str::<Value>(&text).unwrap()["key"].as_str().unwrap().to_owned();
    for nothing in ["", "\n", "sk_live_of_nobody\n"] {
        assert!(!admin_with_input(&folder.0, &revoke, nothing).0, "{nothing:?}");
    }
    assert_eq!((usage(&server, &first).await.0, usage(&server, &second).await.0), (200, 200));
    let (good, text) = admin_with_input(&folder.0, &revoke, &format!("{first}\n"));
    assert!(good && !text.contains(&first), "{text}");
    assert_eq!((usage(&server, &first).await.0, usage(&server, &second).await.0), (401, 200));
    assert!(admin_with_input(&folder.0, &[&revoke[..], &["-"]].concat(), &second).0);
    assert_eq!(usage(&server, &second).await.0, 401);
}

/// `admin job cancel` and `admin account suspend` both cancel a running job.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn job_cancel_and_account_suspend_cancel_a_running_job() {
    let (folder, site) = (Folder::new("cancel"), Site::start().await);
    // No lease ends while the test runs.
    let server = Server::start_with(&folder.0, &[("LEASE_SECONDS", "60")]);
    let begin = async || {
        // Pages behind the gate take longer than the driver's cached copy of the job is valid.
        let urls = [site.urls("/gate", 2), site.urls("/slow/150", 18)].concat();
        let body = json!({ "urls": urls, "schema": schema(), "options": { "concurrency": 2, "timeout_ms": 120_000 } });
        let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
        let response = request.body(body.to_string()).send().await.unwrap();
        let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
        (job, response)
    };
    // The driver notices the cancellation when it next reads the job. Pages may start until then, and those are
    // charged.
    let ended = async |job: &str, response: reqwest::Response, before: usize| {
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let ran = site.hits() - before;
        assert!(body["cancelled"] == true && (2..20).contains(&ran), "{ran}: {body}");
        assert_eq!((&body["succeeded"], &body["not_run"]), (&json!(ran), &json!(20 - ran)));
        assert_eq!((&body["credits_charged"], &body["credits_refunded"]), (&json!(ran), &json!(20 - ran)));
        until("the job is over", async || server.get(&format!("/v1/jobs/{job}")).await["status"] == "cancelled").await;
    };
    let (job, response) = begin().await;
    until("two pages are under way", async || site.hits() == 2).await;
    let (good, text) = admin(&folder.0, &["job", "cancel", &job]);
    assert!(good && text.contains("cancelling"), "{text}");
    assert_eq!(server.get(&format!("/v1/jobs/{job}")).await["status"], "cancelling");
    assert!(admin(&folder.0, &["job", "cancel", &job]).1.contains("already"));
    site.open_gate();
    ended(&job, response, 0).await;
    for over in [&job, "job_000000000000"] {
        assert!(!admin(&folder.0, &["job", "cancel", over]).0, "{over}");
    }

    site.close_gate();
    let before = site.hits();
    let (job, response) = begin().await;
    until("two more pages are under way", async || site.hits() == before + 2).await;
    let (_, text) = admin(&folder.0, &["account", "suspend", "dev", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["cancelling"], json!([job]));
    assert!(admin(&folder.0, &["account", "resume", "dev"]).0);
    site.open_gate();
    ended(&job, response, before).await;
    assert_sound(&folder.0);
}
