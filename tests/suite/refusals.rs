//! Every refusal of a call: its message, and that it changes nothing.

use domain::Plan;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::site::Site;
use crate::support::stack::{World, schema};

const URL: &str = "https://example.com/";

fn with(field: &str, value: Value) -> Value {
    let mut body = json!({ "urls": [URL], "schema": schema() });
    body[field] = value;
    body
}

fn option(name: &str, value: Value) -> Value {
    with("options", json!({ name: value }))
}

fn field(members: Value) -> Value {
    with("schema", json!([members]))
}

#[tokio::test]
async fn every_validation_error_names_the_member_and_the_nearest_known_one() {
    let world = World::start().await;
    let bad_urls: Vec<String> = (0..15).map(|i| format!("nope{i}")).collect();
    // Each selector is short enough by itself.
    let many = |count: usize| {
        let selector = format!("a{}", ".b".repeat(400));
        let field = |i| json!({ "field": format!("f{i}"), "type": "string", "example": "x", "selector": selector });
        with("schema", (0..count).map(field).collect())
    };
    let deep = (0..40).fold(json!(1), |v, _| json!([v]));
    let cases: Vec<(&str, Value, &str, Vec<&str>)> = vec![
        ("/v1/batch", json!([]), "INVALID_REQUEST", vec!["JSON object"]),
        ("/v1/batch", json!({ "schema": schema() }), "INVALID_REQUEST", vec!["\"urls\" is missing"]),
        ("/v1/batch", with("urls", json!("x")), "INVALID_REQUEST", vec!["\"urls\"", "array", "string"]),
        ("/v1/batch", with("urls", json!([])), "INVALID_REQUEST", vec!["1 to 10000"]),
        ("/v1/batch", with("urls", json!(vec![URL; 10001])), "INVALID_REQUEST", vec!["10001 elements"]),
        (
            "/v1/batch",
            with("urls", json!([URL, 5, "ftp://x.test/"])),
            "INVALID_REQUEST",
            vec!["urls[1]", "urls[2]", "http"],
        ),
        (
            "/v1/batch",
            with("urls", json!([format!("https://u:p@{}", "x.test/")])),
            "INVALID_REQUEST",
            vec!["urls[0]", "password"],
        ),
        ("/v1/batch", with("urls", json!(bad_urls)), "INVALID_REQUEST", vec!["urls[9]", "5 more"]),
        ("/v1/batch", with("ursl", json!(1)), "INVALID_REQUEST", vec!["\"ursl\"", "did you mean \"urls\""]),
        ("/v1/batch", with("url", json!(URL)), "INVALID_REQUEST", vec!["\"url\" does not apply to batch", "extract"]),
        ("/v1/batch", with("crawl", json!({})), "INVALID_REQUEST", vec!["\"crawl\"", "crawl"]),
        ("/v1/batch", with("async_mode", json!("yes")), "INVALID_REQUEST", vec!["\"async_mode\"", "true or false"]),
        ("/v1/batch", with("options", json!(5)), "INVALID_REQUEST", vec!["\"options\"", "object"]),
        ("/v1/batch", with("deep", deep), "INVALID_REQUEST", vec!["32 levels"]),
        (
            "/v1/batch",
            option("concurency", json!(5)),
            "INVALID_REQUEST",
            vec!["options.concurency", "did you mean \"options.concurrency\""],
        ),
        ("/v1/batch", option("concurrency", json!(0)), "INVALID_REQUEST", vec!["options.concurrency", "1 to 100"]),
        ("/v1/batch", option("concurrency", json!(101)), "INVALID_REQUEST", vec!["options.concurrency"]),
        ("/v1/batch", option("concurrency", json!(1.5)), "INVALID_REQUEST", vec!["options.concurrency"]),
        (
            "/v1/batch",
            option("timeout_ms", json!(999)),
            "INVALID_REQUEST",
            vec!["options.timeout_ms", "1000 to 120000"],
        ),
        ("/v1/batch", option("timeout_ms", json!("5000")), "INVALID_REQUEST", vec!["options.timeout_ms"]),
        ("/v1/batch", option("timeout_ms", json!(1e300)), "INVALID_REQUEST", vec!["options.timeout_ms"]),
        ("/v1/batch", option("locale", json!("english!")), "INVALID_REQUEST", vec!["options.locale", "BCP 47"]),
        ("/v1/batch", option("locale", json!(5)), "INVALID_REQUEST", vec!["options.locale"]),
        (
            "/v1/batch",
            option("render_js", json!("allways")),
            "INVALID_REQUEST",
            vec!["options.render_js", "did you mean \"always\""],
        ),
        ("/v1/batch", option("render_js", json!(true)), "INVALID_REQUEST", vec!["options.render_js"]),
        ("/v1/batch", option("wait_for", json!("p[")), "INVALID_REQUEST", vec!["options.wait_for"]),
        (
            "/v1/batch",
            option("wait_for", json!("p::attr(id)")),
            "INVALID_REQUEST",
            vec!["options.wait_for", "elements"],
        ),
        ("/v1/batch", option("wait_for", json!(30_001)), "INVALID_REQUEST", vec!["options.wait_for", "0 to 30000"]),
        ("/v1/batch", option("wait_for", json!(true)), "INVALID_REQUEST", vec!["options.wait_for"]),
        ("/v1/batch", option("capture", json!("screenshot")), "INVALID_REQUEST", vec!["options.capture", "array"]),
        ("/v1/batch", option("capture", json!(["pdf"])), "INVALID_REQUEST", vec!["options.capture", "screenshot"]),
        (
            "/v1/batch",
            json!({ "urls": [URL], "schema": schema(), "options": { "capture": ["screenshot"], "render_js": "never" } }),
            "INVALID_REQUEST",
            vec!["options.capture", "never"],
        ),
        ("/v1/batch", option("no_cache", json!(1)), "INVALID_REQUEST", vec!["options.no_cache"]),
        ("/v1/batch", option("retries", json!(6)), "INVALID_REQUEST", vec!["options.retries", "0 to 5"]),
        ("/v1/batch", option("model", json!("alway")), "INVALID_REQUEST", vec!["options.model", "never"]),
        ("/v1/batch", option("headers", json!([])), "INVALID_REQUEST", vec!["options.headers", "object"]),
        ("/v1/batch", option("fail_fast", json!("no")), "INVALID_REQUEST", vec!["options.fail_fast"]),
        ("/v1/batch", option("process_images", json!("no")), "INVALID_REQUEST", vec!["options.process_images"]),
        ("/v1/batch", with("schema", json!(null)), "SCHEMA_REQUIRED", vec!["schema"]),
        ("/v1/batch", json!({ "urls": [URL] }), "SCHEMA_REQUIRED", vec!["schema"]),
        ("/v1/batch", with("schema", json!([])), "SCHEMA_INVALID", vec!["empty"]),
        ("/v1/batch", with("schema", json!({})), "SCHEMA_INVALID", vec!["array", "JSON Schema"]),
        (
            "/v1/batch",
            with("schema", json!({"type": "object", "properties": {"p": {"type": "array"}}})),
            "SCHEMA_INVALID",
            vec!["#/properties/p", "items"],
        ),
        (
            "/v1/batch",
            with("schema", json!({"type": "object", "properties": {"p": {"type": "number", "default": "cheap"}}})),
            "SCHEMA_INVALID",
            vec!["field \"p\"", "\"example\" cannot be read as float"],
        ),
        (
            "/v1/batch",
            field(json!({"field": "p", "typ": "float", "example": 1})),
            "SCHEMA_INVALID",
            vec!["\"p\"", "did you mean \"type\""],
        ),
        (
            "/v1/batch",
            field(json!({"field": "p", "type": "flot", "example": 1})),
            "SCHEMA_INVALID",
            vec!["did you mean \"float\""],
        ),
        ("/v1/batch", field(json!({"field": "p", "type": "float"})), "SCHEMA_INVALID", vec!["\"p\"", "\"example\""]),
        (
            "/v1/batch",
            field(json!({"field": "p", "type": "float", "example": "abc"})),
            "SCHEMA_INVALID",
            vec!["\"p\"", "cannot be read as float"],
        ),
        (
            "/v1/batch",
            field(json!({"field": "p", "type": "string", "example": "x", "selector": "p >"})),
            "SCHEMA_INVALID",
            vec!["\"p\"", "\"selector\""],
        ),
        (
            "/v1/batch",
            field(json!({"field": "p", "type": "string", "example": "x", "selector": vec!["a"; 101].join(">")})),
            "SCHEMA_INVALID",
            vec!["\"p\"", "101 compound selectors", "at most 100"],
        ),
        ("/v1/batch", many(25), "SCHEMA_INVALID", vec!["10025 simple selectors", "together", "at most 10000"]),
        (
            "/v1/batch",
            field(json!({"field": "p", "type": "string", "example": "x", "hint": 5})),
            "SCHEMA_INVALID",
            vec!["\"hint\""],
        ),
        ("/v1/extract", json!({ "schema": schema() }), "INVALID_REQUEST", vec!["\"url\" is missing"]),
        (
            "/v1/extract",
            json!({ "url": "example.com", "schema": schema() }),
            "INVALID_REQUEST",
            vec!["\"url\"", "absolute"],
        ),
        ("/v1/extract", json!({ "url": [URL], "schema": schema() }), "INVALID_REQUEST", vec!["\"url\"", "string"]),
        (
            "/v1/extract",
            json!({ "url": URL, "schema": schema(), "async_mode": true }),
            "INVALID_REQUEST",
            vec!["async_mode", "batch"],
        ),
        (
            "/v1/extract",
            json!({ "url": URL, "schema": schema(), "options": {"fail_fast": true} }),
            "INVALID_REQUEST",
            vec!["options.fail_fast", "batch"],
        ),
    ];
    for (path, body, code, words) in cases {
        let answer = world.post(path, &body).await;
        let status = if code == "SCHEMA_REQUIRED" { 422 } else { 400 };
        let shown: String = body.to_string().chars().take(120).collect();
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{shown}: {}", answer.text);
        for word in words {
            assert!(answer.message().contains(word), "{shown}: {word}: {}", answer.message());
        }
        assert_eq!(answer.json()["error"]["retryable"], false);
        assert_eq!(answer.number("x-ratelimit-remaining"), answer.number("x-ratelimit-limit"), "{shown}");
    }
    let twice = world.send(world.request(Method::POST, "/v1/batch").body(r#"{"urls":[],"urls":[]}"#)).await;
    assert!(twice.message().contains("\"urls\" is given twice"), "{}", twice.message());
    for text in ["", "{", "{\"urls\": [}", "\u{0}"] {
        let answer = world.send(world.request(Method::POST, "/v1/batch").body(text)).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "INVALID_REQUEST"), "{text}");
    }
    assert_eq!(world.used().await, 0);
    assert_eq!(world.get("/v1/jobs?state=finished").await.json(), json!({ "jobs": [] }));
}

#[tokio::test]
async fn unknown_paths_methods_queries_and_large_bodies_are_refused() {
    let world = World::start().await;
    let missing = world.get("/v1/batches").await;
    assert_eq!((missing.status.as_u16(), missing.code().as_str()), (404, "NOT_FOUND"));
    assert!(missing.number("x-ratelimit-limit") > 0, "every authenticated response has the rate limit");
    let method = world.get("/v1/batch").await;
    assert_eq!(
        (method.status.as_u16(), method.code().as_str(), method.header("allow")),
        (405, "METHOD_NOT_ALLOWED", "POST, OPTIONS")
    );
    for (query, word) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("state=dead", "state"),
        ("cursor=x", "cursor"),
        ("stat=running", "did you mean \"state\""),
        ("limit=1&limit=2", "twice"),
    ] {
        let answer = world.get(&format!("/v1/jobs?{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "INVALID_REQUEST"), "{query}");
        assert!(answer.message().contains(word), "{query}: {}", answer.message());
    }
    let large = world.send(world.request(Method::POST, "/v1/batch").body(vec![b' '; 5 * 1024 * 1024 + 1])).await;
    assert_eq!((large.status.as_u16(), large.code().as_str()), (413, "PAYLOAD_TOO_LARGE"));
    let health = reqwest::get(format!("{}/health", world.base())).await.unwrap();
    assert_eq!(health.status(), 200);
}

#[tokio::test]
async fn keys_schemas_and_suspended_accounts_are_checked() {
    let (world, site) = (World::start().await, Site::start().await);
    for path in ["/v1/usage", "/v1/jobs", "/v1/jobs/job_000000000000"] {
        for key in ["", "sk_live_unknown"] {
            let answer = world.with_key(key).get(path).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "UNAUTHORIZED"));
        }
    }
    let plain = json!({ "url": site.url("/p/4"), "schema": schema() });
    let keyed = world.account("keyed", Plan::Starter, None, Some(schema())).await;
    let bound = keyed.post("/v1/extract", &json!({ "url": site.url("/p/4") })).await;
    assert_eq!(bound.json()["data"], json!({ "title": "Page 4", "price": 4.5 }));
    let inline = keyed.post("/v1/extract", &plain).await;
    assert_eq!((inline.status.as_u16(), inline.code().as_str()), (400, "SCHEMA_NOT_ALLOWED"));

    let store = world.stack.engine().store();
    let account = domain::AccountId::parse("keyed").unwrap();
    store.accounts.set_suspended(&account, true).await.unwrap();
    for answer in [keyed.post("/v1/extract", &json!({ "url": site.url("/p/4") })).await, keyed.get("/v1/usage").await] {
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "ACCOUNT_SUSPENDED"));
    }
    store.accounts.set_suspended(&account, false).await.unwrap();
    assert_eq!(keyed.get("/v1/usage").await.status, 200);
    store.accounts.revoke_key(&account, &api::auth::key_hash(&keyed.key)).await.unwrap();
    assert_eq!(keyed.get("/v1/usage").await.code(), "UNAUTHORIZED");

    let free = world.account("free", Plan::Free, Some(100), None).await;
    let images = json!({ "url": site.url("/p/4"), "schema": schema(), "options": { "process_images": true } });
    let answer = free.post("/v1/extract", &images).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json()["warnings"].to_string().contains("process_images was ignored"), "{}", answer.text);
    assert_eq!(world.post("/v1/extract", &images).await.json()["images_processed"], Value::Null);
}

#[tokio::test]
async fn the_rate_limit_counts_only_accepted_calls() {
    let (world, site) = (World::start().await, Site::start().await);
    let body = json!({ "url": site.url("/p/4"), "schema": schema() });
    // If the minute turns between the two calls, the pair is repeated with another account.
    for i in 0..10 {
        let free = world.account(&format!("free{i}"), Plan::Free, None, None).await;
        assert_eq!(free.post("/v1/extract", &json!({})).await.status, 400);
        let first = free.post("/v1/extract", &body).await;
        let second = free.post("/v1/extract", &body).await;
        if first.header("x-ratelimit-reset") != second.header("x-ratelimit-reset") {
            continue;
        }
        assert_eq!(first.status, 200);
        assert_eq!((first.number("x-ratelimit-limit"), first.number("x-ratelimit-remaining")), (1, 0));
        assert_eq!((first.number("x-monthly-usage-limit"), first.number("x-monthly-usage-remaining")), (500, 499));
        assert_eq!((second.status.as_u16(), second.code().as_str()), (429, "RATE_LIMITED"));
        assert_eq!(second.json()["error"]["retryable"], true);
        assert!((1..=60).contains(&second.number("retry-after")));
        assert_eq!(free.get("/v1/jobs").await.status, 200, "the rate limit does not refuse reads");
        assert_eq!(free.used().await, 1);
        return;
    }
    panic!("the minute turned ten times");
}

/// RFC 9457 for a caller that accepts it, for every kind of refusal.
#[tokio::test]
async fn a_refusal_is_problem_json_if_accepted() {
    let world = World::start().await;
    let request = |method, path: &str, accept: &str| world.request(method, path).header("Accept", accept.to_owned());
    let cases = [
        (Method::POST, "/v1/batch", 400, "INVALID_REQUEST"),
        (Method::GET, "/v1/jobs/job_000000000000", 404, "JOB_NOT_FOUND"),
        (Method::GET, "/v1/nothing", 404, "NOT_FOUND"),
        (Method::PUT, "/v1/usage", 405, "METHOD_NOT_ALLOWED"),
    ];
    for (method, path, status, code) in cases {
        let plain = world.send(request(method.clone(), path, "application/problem+json;q=0, */*")).await;
        let problem = world.send(request(method, path, "application/json, application/problem+json")).await;
        assert_eq!((problem.status.as_u16(), problem.header("content-type")), (status, "application/problem+json"));
        assert_eq!((plain.status.as_u16(), plain.header("content-type")), (status, "application/json"));
        let body = problem.json();
        assert_eq!((&body["code"], &body["status"], &body["retryable"]), (&json!(code), &json!(status), &json!(false)));
        assert_eq!(body["detail"], plain.message());
        assert_eq!((&body["type"], body["title"].as_str().unwrap().is_empty()), (&json!("about:blank"), false));
        assert_eq!(problem.header("allow"), plain.header("allow"));
    }
    let stranger = world.with_key("sk_live_unknown");
    let answer = stranger.send(stranger.request(Method::GET, "/v1/usage").header("Accept", "application/problem+json"));
    assert_eq!(answer.await.json()["code"], "UNAUTHORIZED");
}
