//! Every refusal of a crawl: its message, and that it changes nothing.

use domain::Plan;
use serde_json::{Value, json};

use super::{body, figures, start, world};
use crate::support::generated::Spec;
use crate::support::stack::schema;

const SEED: &str = "https://example.com/";

fn good() -> Value {
    let crawl = json!({ "follow_pattern": "https://example.com/*", "max_pages": 10 });
    json!({ "seed_url": SEED, "schema": schema(), "crawl": crawl })
}

fn with(member: &str, value: Value) -> Value {
    let mut body = good();
    body[member] = value;
    body
}

/// With a member of `crawl` changed.
fn plan(member: &str, value: Value) -> Value {
    let mut body = good();
    body["crawl"][member] = value;
    body
}

fn without(path: [&str; 2]) -> Value {
    let mut body = good();
    let inside = if path[0].is_empty() { &mut body } else { &mut body[path[0]] };
    inside.as_object_mut().unwrap().remove(path[1]).unwrap();
    body
}

fn option(name: &str, value: Value) -> Value {
    with("options", json!({ name: value }))
}

fn pattern(text: &str) -> Value {
    plan("follow_pattern", json!(text))
}

#[tokio::test]
async fn every_validation_error_names_the_member_and_the_nearest_known_one() {
    let world = world().await;
    let long = format!("https://example.com/{}", "x".repeat(493));
    let cases: Vec<(Value, &str, Vec<&str>)> = vec![
        (json!([]), "INVALID_REQUEST", vec!["JSON object"]),
        (without(["", "seed_url"]), "INVALID_REQUEST", vec!["\"seed_url\" is missing"]),
        (with("seed_url", json!(null)), "INVALID_REQUEST", vec!["\"seed_url\" is missing"]),
        (with("seed_url", json!("example.com")), "INVALID_REQUEST", vec!["\"seed_url\"", "absolute"]),
        (with("seed_url", json!("ftp://example.com/")), "INVALID_REQUEST", vec!["\"seed_url\"", "http"]),
        (
            with("seed_url", json!(format!("https://u:p@{}", "example.com/"))),
            "INVALID_REQUEST",
            vec!["\"seed_url\"", "password"],
        ),
        (with("seed_url", json!([SEED])), "INVALID_REQUEST", vec!["\"seed_url\"", "string"]),
        (without(["", "crawl"]), "INVALID_REQUEST", vec!["\"crawl\" is missing"]),
        (with("crawl", json!([])), "INVALID_REQUEST", vec!["\"crawl\"", "object"]),
        (without(["crawl", "follow_pattern"]), "INVALID_REQUEST", vec!["\"crawl.follow_pattern\" is missing"]),
        (without(["crawl", "max_pages"]), "INVALID_REQUEST", vec!["\"crawl.max_pages\" is missing"]),
        (plan("max_pages", json!(0)), "INVALID_REQUEST", vec!["crawl.max_pages", "1 to 10000"]),
        (plan("max_pages", json!(10_001)), "INVALID_REQUEST", vec!["crawl.max_pages", "1 to 10000"]),
        (plan("max_pages", json!(-1)), "INVALID_REQUEST", vec!["crawl.max_pages", "1 to 10000"]),
        (plan("max_pages", json!(1.5)), "INVALID_REQUEST", vec!["crawl.max_pages"]),
        (plan("max_pages", json!("10")), "INVALID_REQUEST", vec!["crawl.max_pages"]),
        (plan("max_depth", json!(-1)), "INVALID_REQUEST", vec!["crawl.max_depth", "0 to 20"]),
        (plan("max_depth", json!(21)), "INVALID_REQUEST", vec!["crawl.max_depth", "0 to 20"]),
        (plan("max_depth", json!("2")), "INVALID_REQUEST", vec!["crawl.max_depth"]),
        (plan("use_sitemap", json!("yes")), "INVALID_REQUEST", vec!["crawl.use_sitemap", "true or false"]),
        (plan("ignore_robots", json!(1)), "INVALID_REQUEST", vec!["crawl.ignore_robots", "true or false"]),
        (plan("allow_large_crawl", json!([])), "INVALID_REQUEST", vec!["crawl.allow_large_crawl", "true or false"]),
        (plan("follow_pattern", json!(["*"])), "INVALID_REQUEST", vec!["crawl.follow_pattern", "string"]),
        (pattern(""), "INVALID_REQUEST", vec!["crawl.follow_pattern", "empty"]),
        (pattern(&long), "INVALID_REQUEST", vec!["crawl.follow_pattern", "513", "512"]),
        (pattern("https://example.com/[a-z"), "INVALID_REQUEST", vec!["crawl.follow_pattern", "\"[\"", "character 21"]),
        (pattern("*/[z-a]/*"), "INVALID_REQUEST", vec!["crawl.follow_pattern", "\"z-a\"", "character 4"]),
        (plan("max_page", json!(5)), "INVALID_REQUEST", vec!["crawl.max_page", "did you mean \"crawl.max_pages\""]),
        (
            plan("ignore_robot", json!(true)),
            "INVALID_REQUEST",
            vec!["crawl.ignore_robot", "did you mean \"crawl.ignore_robots\""],
        ),
        (plan("async_mode", json!(true)), "INVALID_REQUEST", vec!["crawl.async_mode"]),
        (with("sed_url", json!(SEED)), "INVALID_REQUEST", vec!["\"sed_url\"", "did you mean \"seed_url\""]),
        (with("max_pages", json!(5)), "INVALID_REQUEST", vec!["\"max_pages\""]),
        (with("urls", json!([SEED])), "INVALID_REQUEST", vec!["\"urls\" does not apply to crawl", "batch"]),
        (with("url", json!(SEED)), "INVALID_REQUEST", vec!["\"url\" does not apply to crawl", "extract"]),
        (with("async_mode", json!("yes")), "INVALID_REQUEST", vec!["\"async_mode\"", "true or false"]),
        (
            option("concurrency", json!(5)),
            "INVALID_REQUEST",
            vec!["\"options.concurrency\" does not apply to crawl", "batch"],
        ),
        (
            option("fail_fast", json!(true)),
            "INVALID_REQUEST",
            vec!["\"options.fail_fast\" does not apply to crawl", "batch"],
        ),
        (option("timeout_ms", json!(999)), "INVALID_REQUEST", vec!["options.timeout_ms", "1000 to 120000"]),
        (
            option("timeout", json!(5_000)),
            "INVALID_REQUEST",
            vec!["options.timeout", "did you mean \"options.timeout_ms\""],
        ),
        (without(["", "schema"]), "SCHEMA_REQUIRED", vec!["schema"]),
        (with("schema", json!([])), "SCHEMA_INVALID", vec!["empty"]),
    ];
    for (body, code, words) in cases {
        let answer = world.post("/v1/crawl", &body).await;
        let status = if code == "SCHEMA_REQUIRED" { 422 } else { 400 };
        let shown: String = body.to_string().chars().take(300).collect();
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{shown}: {}", answer.text);
        for word in words {
            assert!(answer.message().contains(word), "{shown}: {word}: {}", answer.message());
        }
        assert_eq!(answer.json()["error"]["retryable"], false);
        assert_eq!(answer.header("x-job-id"), "", "nothing was accepted");
        assert_eq!(answer.number("x-ratelimit-remaining"), answer.number("x-ratelimit-limit"), "{shown}");
    }
    assert_eq!(world.used().await, 0);
    assert_eq!(world.get("/v1/jobs?state=finished").await.json(), json!({ "jobs": [] }));
    let get = world.get("/v1/crawl").await;
    assert_eq!(
        (get.status.as_u16(), get.code().as_str(), get.header("allow")),
        (405, "METHOD_NOT_ALLOWED", "POST, OPTIONS")
    );
}

#[tokio::test]
async fn the_edges_of_the_ranges_are_accepted() {
    let (world, site) = start(Spec::tree(1, 1)).await;
    for (plan, reserved) in [
        (json!({ "max_pages": 1, "max_depth": 0 }), 1),
        (json!({ "max_pages": 10_000, "max_depth": 20 }), 10_000),
        (json!({ "max_pages": 1, "follow_pattern": format!("*{}", "x".repeat(511)) }), 1),
        (json!({ "max_pages": 1, "use_sitemap": null, "ignore_robots": null, "allow_large_crawl": null }), 1),
    ] {
        let got = world.post("/v1/crawl", &body(&site, "/item/0", plan)).await;
        assert_eq!(figures(&got.json()), [1, 0, reserved, 1], "{}", got.text);
    }
    assert_eq!(world.used().await, 4);
}

#[tokio::test]
async fn keys_and_rate_limits_apply_to_a_crawl() {
    let (world, site) = start(Spec::tree(3, 3)).await;
    let request = body(&site, "/item/0", json!({ "max_pages": 3 }));
    let unknown = world.with_key("sk_live_unknown").post("/v1/crawl", &request).await;
    assert_eq!((unknown.status.as_u16(), unknown.code().as_str()), (401, "UNAUTHORIZED"));
    let keyed = world.account("keyed", Plan::Starter, None, Some(schema())).await;
    assert_eq!(keyed.post("/v1/crawl", &request).await.code(), "SCHEMA_NOT_ALLOWED");
    let mut bare = request.clone();
    bare.as_object_mut().unwrap().remove("schema");
    assert_eq!(figures(&keyed.post("/v1/crawl", &bare).await.json()), [3, 0, 3, 3]);
    // If the minute turns between the two calls, the pair is repeated with another account.
    for i in 0..10 {
        let one = world.account(&format!("one{i}"), Plan::Free, None, None).await;
        let (first, second) = (one.post("/v1/crawl", &request).await, one.post("/v1/crawl", &request).await);
        if first.header("x-ratelimit-reset") == second.header("x-ratelimit-reset") {
            assert_eq!((first.status.as_u16(), second.code().as_str()), (200, "RATE_LIMITED"));
            assert_eq!(one.used().await, 3);
            return;
        }
    }
    panic!("the minute turned ten times");
}
