//! An account sees and changes nothing of another account: jobs, results, lists, idempotency keys.

use domain::Plan;
use http::Method;
use serde_json::{Value, json};

use crate::support::site::Site;
use crate::support::stack::{Answer, Caller, World, schema};
use crate::support::until;

/// Sends a request with a method and header fields, without a body.
async fn ask(caller: &Caller, method: &Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = caller.request(method.clone(), path);
    caller.send(headers.iter().fold(request, |r, (name, value)| r.header(*name, *value))).await
}

#[tokio::test]
async fn an_account_cannot_read_or_change_another_accounts_jobs() {
    let (world, site) = (World::start().await, Site::start().await);
    let other = world.account("other", Plan::Scale, None, None).await;
    let stranger = world.with_key("sk_live_of_nobody");
    let urls = [site.url("/p/0"), site.url("/gate/1")];
    // The page waits at the gate while hundreds of requests are sent.
    let batch = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 120_000 } });
    let extract = json!({ "url": site.url("/p/2"), "schema": schema() });
    let ended = world.post("/v1/extract", &extract).await.job();
    let (running, result) = world.begin("/v1/batch", batch).await;
    let with_id = api::routes::ROUTES.iter().filter(|route| route.path.contains("{job_id}"));
    let header_sets: [&[(&str, &str)]; 5] = [
        &[],
        &[("Prefer", "respond-async")],
        &[("Prefer", "wait=0")],
        &[("Accept", "text/event-stream"), ("Last-Event-ID", "0")],
        &[("Accept", "application/x-ndjson")],
    ];
    let mut tried = 0;
    for route in with_id {
        for job in [&running, &ended] {
            let path = route.path.replace("{job_id}", job).replace("{n}", "0");
            let mut methods = vec![route.method.clone()];
            if route.method == Method::GET {
                methods.push(Method::HEAD);
            }
            for (method, headers) in methods.iter().flat_map(|m| header_sets.iter().map(move |w| (m, *w))) {
                let answer = ask(&other, method, &path, headers).await;
                assert_eq!(answer.status, 403, "{method} {path} {headers:?}: {}", answer.text);
                assert!(*method == Method::HEAD || answer.code() == "JOB_FORBIDDEN", "{}", answer.text);
                assert_eq!(answer.header("x-job-id"), "");
                assert_eq!(ask(&stranger, method, &path, headers).await.status, 401);
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 2 * (3 * 2 * 5 + 2 * 5), "every endpoint that takes an id");

    // A list stays in the caller's account, even with another account's cursor.
    for _ in 0..2 {
        assert_eq!(world.post("/v1/extract", &extract).await.status, 200);
    }
    let own = other.post("/v1/extract", &extract).await.job();
    let list = |query: &str| format!("/v1/jobs?state=finished{query}");
    let first = world.get(&list("&limit=1")).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let seen = other.get(&list("&limit=100")).await.json();
    assert_eq!(seen["jobs"].as_array().unwrap().iter().map(|j| &j["job_id"]).collect::<Vec<_>>(), [&json!(own)]);
    let seen = other.get(&list(&format!("&limit=100&cursor={cursor}"))).await.json();
    let ids: Vec<&Value> = seen["jobs"].as_array().unwrap().iter().map(|j| &j["job_id"]).collect();
    assert!(ids.iter().all(|id| **id == json!(own)), "{seen}");
    for at in 0..cursor.len() {
        let mut tampered = cursor.to_owned();
        tampered.replace_range(at..=at, if &cursor[at..=at] == "A" { "B" } else { "A" });
        let answer = other.get(&list(&format!("&limit=100&cursor={tampered}"))).await;
        let known =
            answer.status == 400 || answer.json()["jobs"].as_array().unwrap().iter().all(|j| j["job_id"] == own);
        assert!(known, "{tampered}: {}", answer.text);
    }
    assert_eq!(other.get("/v1/jobs").await.json()["jobs"], json!([]));
    assert_eq!(other.get("/v1/usage").await.json()["account_id"], "other");

    // An idempotency key belongs to its account: the same key and body make another job there.
    let mine = world.post_idempotent("/v1/extract", "shared", &extract).await.job();
    let theirs = other.post_idempotent("/v1/extract", "shared", &extract).await.job();
    assert_ne!(mine, theirs);
    assert_eq!(other.get(&format!("/v1/jobs/{mine}")).await.status, 403);

    site.open_gate();
    assert_eq!(result.await.unwrap()["succeeded"], 2, "nobody has cancelled it");
    assert_eq!(world.delete(&ended).await.code(), "JOB_NOT_FOUND", "for its owner it has ended");
    assert_eq!(other.used().await, 2);
    until("all jobs are settled", async || world.get("/v1/jobs").await.json()["jobs"] == json!([])).await;
    world.assert_sound().await;
}
