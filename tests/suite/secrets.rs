//! Where secrets must not appear: keys in no row and no log, query strings and passwords in no log, URLs in no message.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use domain::{JobId, Plan};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use store::TableNames;
use store::queue::Message;

use crate::support::binaries::binary;
use crate::support::site::Site;
use crate::support::stack::{World, client, schema};

/// Every row of every table, as the embedded DynamoDB returns it.
async fn rows(world: &World) -> String {
    let TableNames { accounts, jobs, hosts } = TableNames::default();
    let mut all = String::new();
    for table in [accounts, jobs, hosts] {
        let mut start = Value::Null;
        loop {
            let mut ask = json!({ "TableName": table });
            if !start.is_null() {
                ask["ExclusiveStartKey"] = start.clone();
            }
            let request = http::Request::post("/").header("x-amz-target", "DynamoDB_20120810.Scan");
            let answer = world.stack.dynamodb().call(request.body(ask.to_string().into()).unwrap()).await.unwrap();
            let page: Value = serde_json::from_slice(answer.body()).unwrap();
            assert!(page["Items"].is_array(), "{page}");
            all.push_str(&page["Items"].to_string());
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                break;
            }
        }
    }
    all
}

#[tokio::test]
async fn no_row_contains_a_key() {
    let (world, site) = (World::start().await, Site::start().await);
    let fixed = world.account("fixed", Plan::Scale, None, Some(schema())).await;
    let batch = json!({ "urls": site.urls("/p", 3), "schema": schema(), "async_mode": true });
    let crawl = json!({ "seed_url": site.url("/tree/0"), "schema": schema(), "crawl": { "follow_pattern": "*", "max_pages": 3 } });
    assert_eq!(world.post_idempotent("/v1/batch", "k", &batch).await.json()["succeeded"], 3);
    assert_eq!(world.post("/v1/crawl", &crawl).await.status, 200);
    assert_eq!(fixed.post("/v1/extract", &json!({ "url": site.url("/p/1") })).await.status, 200);
    assert_eq!(world.with_key("sk_live_of_nobody").get("/v1/usage").await.status, 401);
    let rows = rows(&world).await;
    for key in [&world.key, &fixed.key] {
        assert!(rows.contains(&format!("KEY#{}", api::auth::key_hash(key))), "the scan sees the rows of keys");
        assert!(!rows.contains(key.as_str()), "{key}");
    }
    assert!(rows.contains(&site.url("/p/2")) && rows.contains("IDEM#k"), "the scan includes the rows of jobs");
    assert!(!rows.contains("of_nobody"));
}

/// Runs the server as a process at a log level and returns everything that it wrote.
async fn log_of_a_run(level: Option<&str>, site: &Site) -> String {
    const KEY: &str = "sk_live_KEYSECRET0123";
    let folder = std::env::temp_dir().join(format!("runo-test-log-{}-{}", level.unwrap_or("none"), std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let mut command = Command::new(binary("local"));
    command.env("PORT", "0").env("DATA_DIR", &folder).env("RUNO_DEV_KEY", KEY).env("FETCH_ALLOW", "127.0.0.0/8");
    command.env("BROWSER", "off");
    command.env("HOST_DELAY_MS", "0").env("SWEEP_SECONDS", "1").env_remove("RUST_LOG").env_remove("RUST_BACKTRACE");
    level.map(|level| command.env("RUST_LOG", level));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut text = Vec::new();
        errors.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    });
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (mut output, mut base) = (String::new(), String::new());
    while base.is_empty() {
        let mut line = String::new();
        assert!(out.read_line(&mut line).unwrap() > 0, "the server exited before it was ready");
        if let Some(url) = line.trim().strip_prefix("listening on ") {
            base = url.to_owned();
        } else if !(line.starts_with("API key of the account") || line.trim_start().starts_with("curl ")) {
            // The two excluded lines show the developer's own key on the developer's screen, on purpose.
            output.push_str(&line);
        }
    }
    let send = async |request: RequestBuilder, key: &str| {
        let response = request.header("X-API-Key", key).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.text().await.unwrap())
    };
    let post = |path: &str, body: &Value| client().post(format!("{base}{path}")).body(body.to_string());
    let secret = |path: &str| site.url(&format!("{path}?token=QUERYSECRET"));
    // Closed: nothing listens on port 1.
    let closed = "http://127.0.0.1:1/?token=QUERYSECRET";
    let urls = [secret("/p/1"), secret("/404"), secret("/403"), secret("/loop"), secret("/pdf"), closed.to_owned()];
    let options = json!({ "headers": { "X-Token": "FIELDSECRET", "Cookie": "s=FIELDSECRET" } });
    let batch = json!({ "urls": urls, "schema": schema(), "options": options });
    assert_eq!(send(post("/v1/batch", &batch), KEY).await.0, 200);
    let queued = json!({ "urls": urls, "schema": schema(), "options": options, "async_mode": true });
    let queued = post("/v1/batch", &queued).header("Idempotency-Key", "IDEMSECRET");
    assert_eq!(send(queued, KEY).await.0, 200);
    let crawl = json!({ "seed_url": secret("/tree/0"), "schema": schema(), "crawl": { "follow_pattern": "*", "max_pages": 3 } });
    assert_eq!(send(post("/v1/crawl", &crawl), KEY).await.0, 200);
    let bearer = json!({ "url": "http://user:PASSSECRET@127.0.0.1/", "schema": schema() });
    let (status, text) = send(post("/v1/extract", &bearer), KEY).await;
    assert!(status == 400 && !text.contains("PASSSECRET") && !text.contains("KEYSECRET"), "{text}");
    let (status, text) = send(post("/v1/extract", &bearer), "sk_live_UNKNOWNSECRET").await;
    assert!(status == 401 && !text.contains("SECRET"), "{text}");
    for path in ["/v1/nothing?token=QUERYSECRET", "/v1/jobs?cursor=QUERYSECRET", "/v1/jobs?token=QUERYSECRET"] {
        let (status, text) = send(client().get(format!("{base}{path}")), KEY).await;
        assert!(status >= 400 && !text.contains("QUERYSECRET"), "{text}");
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    out.read_to_string(&mut output).unwrap();
    child.wait().unwrap();
    let log = log.join().unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    output + &log
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_contains_a_secret() {
    let site = Site::start().await;
    for level in [None, Some("debug"), Some("trace")] {
        let log = log_of_a_run(level, &site).await;
        assert!(log.contains("request operation=\"Batch\""), "the log was read: {log}");
        let bad: Vec<&str> = log.lines().filter(|line| line.contains("SECRET")).take(5).collect();
        assert!(bad.is_empty(), "at {level:?}: {bad:#?}");
    }
}

#[test]
fn queue_messages_contain_only_ids() {
    let job = JobId::from_random(7);
    let units = Message::Units { job: job.clone(), lane: 1, seqs: vec![1, 2] };
    let (settle, notify) = (Message::Settle { job: job.clone() }, Message::Notify { job: job.clone() });
    for (message, wanted) in [
        (units, json!({ "v": 1, "kind": "units", "job": job, "lane": 1, "seqs": [1, 2] })),
        (settle, json!({ "v": 1, "kind": "settle", "job": job })),
        (notify, json!({ "v": 1, "kind": "notify", "job": job })),
    ] {
        assert_eq!(serde_json::from_str::<Value>(&message.to_body()).unwrap(), wanted);
    }
}
