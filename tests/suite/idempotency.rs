//! `Idempotency-Key`: replay, join, mismatch; nothing is charged twice.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::site::Site;
use crate::support::stack::{World, schema};
use crate::support::until;

#[tokio::test]
async fn a_repeated_call_returns_the_same_job() {
    let (world, site) = (World::start().await, Site::start().await);
    let batch = json!({ "urls": site.urls("/p", 3), "schema": schema() });
    let extract = json!({ "url": site.url("/p/1"), "schema": schema() });
    for (path, key, body) in [("/v1/batch", "k 1", &batch), ("/v1/extract", "k 2", &extract)] {
        let first = world.post_idempotent(path, key, body).await;
        let (used, hits) = (world.used().await, site.hits());
        let again = world.post_idempotent(path, key, body).await;
        // The texts differ in the white space that keeps a slow response alive.
        assert_eq!((again.job(), again.json()), (first.job(), first.json()));
        assert_eq!(again.number("x-ratelimit-remaining"), first.number("x-ratelimit-remaining"));
        assert_eq!((world.used().await, site.hits()), (used, hits));
    }
    world.assert_sound().await;
}

/// The draft standard writes a key as a structured string, in quotes.
#[tokio::test]
async fn a_quoted_key_equals_the_unquoted_one() {
    let (world, site) = (World::start().await, Site::start().await);
    let body = json!({ "urls": site.urls("/p", 2), "schema": schema() });
    let plain = world.post_idempotent("/v1/batch", "abc", &body).await;
    let quoted = world.post_idempotent("/v1/batch", "\"abc\"", &body).await;
    assert_eq!((quoted.job(), world.used().await), (plain.job(), 2));
    // A key that contains a quote is another key.
    let other = world.post_idempotent("/v1/batch", "\"a\\\"bc\"", &body).await;
    assert_ne!(other.job(), plain.job());
    assert_eq!(world.post_idempotent("/v1/batch", "\"\"", &body).await.code(), "INVALID_REQUEST");
}

#[tokio::test]
async fn a_running_job_is_joined() {
    let (world, site) = (World::start().await, Site::start().await);
    let body = json!({ "urls": site.urls("/gate", 5), "schema": schema() });
    let (caller, sent) = (world.dev.clone(), body.clone());
    let first = tokio::spawn(async move { caller.post_idempotent("/v1/batch", "join", &sent).await });
    until("the first call runs", async || site.hits() == 5).await;
    let second = world.request(Method::POST, "/v1/batch").header("Idempotency-Key", "join").body(body.to_string());
    // Its head arrives before the gate opens, so the job runs when this call finds it.
    let second = second.send().await.unwrap();
    let joined = second.headers()["x-job-id"].to_str().unwrap().to_owned();
    site.open_gate();
    let (first, second) = (first.await.unwrap(), second.text().await.unwrap());
    let second: Value = serde_json::from_str(&second).unwrap();
    assert_eq!((first.job(), first.json()), (joined, second));
    assert_eq!((world.used().await, site.hits()), (5, 5));
    world.assert_sound().await;
}

#[tokio::test]
async fn concurrent_calls_make_one_job() {
    let (world, site) = (World::start().await, Site::start().await);
    let body = json!({ "url": site.url("/p/1"), "schema": schema() });
    let calls = (0..8).map(|_| {
        let (caller, body) = (world.dev.clone(), body.clone());
        tokio::spawn(async move { caller.post_idempotent("/v1/extract", "storm", &body).await.job() })
    });
    let mut jobs = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        jobs.push(call.await.unwrap());
    }
    jobs.dedup();
    assert_eq!(jobs.len(), 1);
    assert_eq!(world.used().await, 1);
}

#[tokio::test]
async fn another_body_or_an_invalid_key_is_refused() {
    let (world, site) = (World::start().await, Site::start().await);
    let body = |n| json!({ "urls": site.urls("/p", n), "schema": schema() });
    assert_eq!(world.post_idempotent("/v1/batch", "k", &body(2)).await.status, 200);
    let other = world.post_idempotent("/v1/batch", "k", &body(3)).await;
    assert_eq!((other.status.as_u16(), other.code().as_str()), (422, "IDEMPOTENCY_MISMATCH"));
    let long = world.post_idempotent("/v1/batch", &"x".repeat(256), &body(2)).await;
    assert_eq!((long.status.as_u16(), long.code().as_str()), (400, "INVALID_REQUEST"));
    assert!(long.number("x-ratelimit-limit") > 0);
    // The same key of another account is another key.
    let other = world.account("other", domain::Plan::Starter, None, None).await;
    assert_eq!(other.post_idempotent("/v1/batch", "k", &body(3)).await.status, 200);
    assert_eq!(world.used().await, 2);
    world.assert_sound().await;
}
