//! Responses of the running stack match the document: bodies, statuses, header fields, media types. A member that the
//! document does not describe is a fault too.

use domain::explained::{Explained, SeenCandidate};
use domain::job::Capture;
use domain::{Captured, ErrorCode, Plan, RenderMode, UnitError, UnitOutcome};
use reqwest::Method;
use serde_json::{Value, json};

use super::{document, part, resolved, validator};
use crate::support::receiver::{Receiver, rotate};
use crate::support::site::Site;
use crate::support::stack::{Answer, Caller, World, config, schema};
use crate::support::test_bed::{ManualClock, NOV_24};
use crate::support::until;

/// Forbids members that the document does not describe, in every object.
fn forbid_undescribed(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(forbid_undescribed);
            let object = members.get("type").is_some_and(|t| t == "object") && members.contains_key("properties");
            if object && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".into(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(forbid_undescribed),
        _ => {}
    }
}

/// Validates responses against the document.
struct Contract(Value);

impl Contract {
    fn new() -> Contract {
        let mut document = document();
        forbid_undescribed(&mut document["components"]["schemas"]);
        Contract(document)
    }

    fn check_schema(&self, pointer: &str, body: &Value) {
        let faults: Vec<String> =
            validator(&self.0, pointer).iter_errors(body).map(|e| format!("{e} at {}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{pointer}: {faults:?}: {body}");
    }

    /// Asserts status, header fields and body of a response to `method` on the path template `path`.
    fn check(&self, method: &str, path: &str, status: u16, answer: &Answer) {
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.text);
        let at = format!("/paths/{}/{method}/responses/{status}", part(path));
        let given = self.0.pointer(&at).unwrap_or_else(|| panic!("{at} is not described"));
        self.check_response(given, answer, &at);
    }

    fn check_response(&self, response: &Value, answer: &Answer, at: &str) {
        let at = response["$ref"].as_str().map_or(at, |to| to.trim_start_matches('#')).to_owned();
        let response = resolved(&self.0, response);
        let none = serde_json::Map::new();
        let described = response["headers"].as_object().unwrap_or(&none);
        for (name, header) in described {
            let header = resolved(&self.0, header);
            match answer.headers.get(name.to_lowercase()) {
                None => assert!(header["required"] != true, "{at}: {name} is missing"),
                Some(value) => {
                    let text = value.to_str().unwrap();
                    let schema = resolved(&self.0, &header["schema"]);
                    let value =
                        if schema["type"] == "integer" { text.parse::<i64>().unwrap().into() } else { json!(text) };
                    assert!(jsonschema::is_valid(schema, &value), "{at}: {name}: {text}");
                }
            }
        }
        let standard = ["retry-after", "location", "preference-applied", "allow"];
        // This field is the same on every response.
        let constant = "x-content-type-options";
        for name in answer.headers.keys().map(http::HeaderName::as_str).filter(|name| *name != constant) {
            let ours = name.starts_with("x-") || standard.contains(&name);
            assert!(!ours || described.keys().any(|d| d.eq_ignore_ascii_case(name)), "{at}: {name} is not described");
        }
        let media = answer.header("content-type");
        assert!(!response["content"][media]["schema"].is_null(), "{at}: {media} is not described");
        if media == "application/json" {
            self.check_schema(&format!("{at}/content/application~1json/schema"), &answer.json());
        }
    }
}

const BATCH: &str = "/v1/batch";
const EXTRACT: &str = "/v1/extract";
const CRAWL: &str = "/v1/crawl";
const RESULT: &str = "/v1/jobs/{job_id}/result";
const JOB: &str = "/v1/jobs/{job_id}";
const WEBHOOK: &str = "/v1/jobs/{job_id}/webhook";
const MCP: &str = "/mcp";
const CAPTURE: &str = "/v1/jobs/{job_id}/captures/{n}";

async fn post(caller: &Caller, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let request = caller.request(Method::POST, path).body(body.to_string());
    caller.send(headers.iter().fold(request, |r, (name, value)| r.header(*name, *value))).await
}

#[tokio::test]
async fn responses_of_ended_jobs_are_described() {
    let (contract, world, site) = (Contract::new(), World::start().await, Site::start().await);
    let schema = json!([{ "field": "title", "type": "string", "example": "A title" },
        { "field": "price", "type": "integer", "example": 9 }, { "field": "tags", "type": "array<string>", "example": ["a"] }]);
    let extract = json!({ "url": site.url("/moved"), "schema": schema });
    let answer = world.post(EXTRACT, &extract).await;
    contract.check("post", EXTRACT, 200, &answer);
    assert!(answer.json()["final_url"].is_string() && answer.json()["warnings"].is_array(), "{}", answer.text);
    let gone = format!("/v1/jobs/{}/result?from=1", answer.job());
    contract.check("get", RESULT, 200, &world.get(&gone).await);
    contract.check(
        "post",
        EXTRACT,
        200,
        &world.post(EXTRACT, &json!({ "url": site.url("/403"), "schema": schema })).await,
    );

    let batch = json!({ "urls": [site.url("/p/1"), site.url("/404"), site.url("/pdf")], "schema": schema });
    let answer = world.post(BATCH, &batch).await;
    contract.check("post", BATCH, 200, &answer);
    let job = format!("/v1/jobs/{}", answer.job());
    contract.check("get", JOB, 200, &world.get(&job).await);
    contract.check("get", RESULT, 200, &world.get(&format!("{job}/result")).await);
    let crawl = json!({ "seed_url": site.url("/tree/0"), "schema": schema,
        "crawl": { "follow_pattern": "*/tree/*", "max_pages": 3, "use_sitemap": false } });
    let answer = world.post(CRAWL, &crawl).await;
    contract.check("post", CRAWL, 200, &answer);
    assert_eq!(answer.json()["crawl_meta"]["stopped_by"], "CRAWL_LIMIT_REACHED");

    for (path, body) in [(EXTRACT, &extract), (BATCH, &batch), (CRAWL, &crawl)] {
        let lines = post(&world, path, &[("Accept", "application/x-ndjson")], body).await;
        contract.check("post", path, 200, &lines);
        let lines: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (last, units) = lines.split_last().unwrap();
        contract.check_schema("/components/schemas/SummaryLine", last);
        units.iter().for_each(|unit| contract.check_schema("/components/schemas/Line", unit));
        let events = post(&world, path, &[("Accept", "text/event-stream")], body).await;
        contract.check("post", path, 200, &events);
        for event in events.text.split("\n\n").filter(|event| event.starts_with("event:")) {
            let data: Value = serde_json::from_str(event.split_once("data: ").unwrap().1).unwrap();
            match event.lines().next().unwrap() {
                "event: unit" => contract.check_schema("/components/schemas/Line", &data),
                "event: progress" => contract.check_schema("/components/schemas/ListedProgress", &data),
                "event: done" => contract.check_schema("/components/schemas/SummaryLine/properties/summary", &data),
                other => panic!("{other} is not described"),
            }
        }
    }
    let seen = SeenCandidate {
        source: "Heading".into(),
        score: 60,
        reason: "h1".into(),
        text: "A title".into(),
        outcome: "chosen: A title".into(),
    };
    let captured = UnitOutcome::Success {
        url: site.url("/p/1"),
        final_url: None,
        render_mode: RenderMode::Headless,
        data: serde_json::Map::new(),
        warnings: Vec::new(),
        images_processed: None,
        model_fields: Vec::new(),
        captures: vec![Captured { kind: Capture::Screenshot, n: 7 }],
        explain: vec![Explained { field: "title".into(), meaning: "title".into(), candidates: vec![seen] }],
        attempts: None,
    };
    contract.check_schema("/components/schemas/Success", &serde_json::to_value(captured).unwrap());
    let failed = UnitOutcome::Error {
        url: site.url("/p/1"),
        final_url: Some(site.url("/p/2")),
        error: UnitError::new(ErrorCode::Timeout, "too late"),
        attempts: Some(2),
    };
    contract.check_schema("/components/schemas/Failure", &serde_json::to_value(failed).unwrap());
    contract.check("get", "/v1/usage", 200, &world.get("/v1/usage").await);
    contract.check("get", "/v1/jobs", 200, &world.get("/v1/jobs?state=finished&limit=2").await);
    contract.check("get", "/health", 200, &world.with_key("").get("/health").await);
    contract.check("get", "/v1/keys", 200, &world.get("/v1/keys").await);
    contract.check("get", "/openapi.json", 200, &world.with_key("").get("/openapi.json").await);
}

/// The message, the delivery's state while the job runs and after it ended, and the request to send it again.
#[tokio::test]
async fn webhook_messages_and_states_are_described() {
    // The clock stands still, so that the last request comes too early on a slow machine, too.
    let standing = local::AppDependencies { clock: std::sync::Arc::new(ManualClock::at(NOV_24)), ..Default::default() };
    let world = World::with_dependencies(config(&[]), standing).await;
    let (contract, site, receiver) = (Contract::new(), Site::start().await, Receiver::start(&[204]).await);
    rotate(world.stack.engine().store(), "dev", world.stack.engine().now(), 0, 7).await;
    let body = json!({ "urls": [site.url("/gate/1")], "schema": schema(), "webhook": { "url": receiver.url() } });
    let (job, done) = world.begin(BATCH, body).await;
    let path = format!("/v1/jobs/{job}");
    contract.check("get", JOB, 200, &world.get(&path).await);
    site.open_gate();
    done.await.unwrap();
    let state = async || world.job(&job).await["webhook"]["state"].clone();
    until("the message is delivered", async || state().await == "delivered").await;
    contract.check("get", JOB, 200, &world.get(&path).await);
    contract.check_schema("/components/schemas/WebhookMessage", &receiver.received()[0].json());
    let again = async || world.send(world.request(Method::POST, &format!("{path}/webhook"))).await;
    contract.check("post", WEBHOOK, 202, &again().await);
    until("it is delivered again", async || receiver.received().len() == 2 && state().await == "delivered").await;
    contract.check("post", WEBHOOK, 429, &again().await);
}

#[tokio::test]
async fn responses_of_running_jobs_are_described() {
    let (contract, world, site) = (Contract::new(), World::start().await, Site::start().await);
    let urls = [site.url("/p/0"), site.url("/gate/1")];
    let bodies = [
        (BATCH, json!({ "urls": urls, "schema": schema() })),
        (
            CRAWL,
            json!({ "seed_url": site.url("/gate/2"), "schema": schema(), "crawl": { "follow_pattern": "*", "max_pages": 2 } }),
        ),
    ];
    for (path, body) in &bodies {
        let waited = post(&world, path, &[("Prefer", "wait=0")], body).await;
        contract.check("post", path, 200, &waited);
        assert_eq!(waited.json()["status"], "running");
        let result = format!("/v1/jobs/{}/result", waited.job());
        let again = world.send(world.request(Method::GET, &result).header("Prefer", "wait=0")).await;
        contract.check("get", RESULT, 200, &again);
        contract.check("get", JOB, 200, &world.get(&format!("/v1/jobs/{}", waited.job())).await);
        let taken = post(&world, path, &[("Prefer", "respond-async")], body).await;
        contract.check("post", path, 202, &taken);
        let cancelled = world.delete(&taken.job()).await;
        contract.check("delete", JOB, 200, &cancelled);
    }
    let (extract, result) = world.begin(EXTRACT, json!({ "url": site.url("/gate/3"), "schema": schema() })).await;
    let path = format!("/v1/jobs/{extract}/result");
    let waited = world.send(world.request(Method::GET, &path).header("Prefer", "wait=0")).await;
    contract.check("get", RESULT, 200, &waited);
    assert_eq!(waited.json()["status"], "pending");
    let taken = world.send(world.request(Method::GET, &path).header("Prefer", "respond-async")).await;
    contract.check("get", RESULT, 202, &taken);
    contract.check("get", "/v1/jobs", 200, &world.get("/v1/jobs").await);
    site.open_gate();
    result.await.unwrap();
    until("all have ended", async || world.get("/v1/jobs").await.json()["jobs"] == json!([])).await;
}

#[tokio::test]
async fn refusals_are_described() {
    let (contract, world, site) = (Contract::new(), World::start().await, Site::start().await);
    let good = [
        (EXTRACT, json!({ "url": site.url("/p/1"), "schema": schema() })),
        (BATCH, json!({ "urls": [site.url("/p/1")], "schema": schema() })),
        (
            CRAWL,
            json!({ "seed_url": site.url("/p/1"), "schema": schema(), "crawl": { "follow_pattern": "*", "max_pages": 1 } }),
        ),
    ];
    let poor = world.account("poor", Plan::Free, Some(1), None).await;
    let fixed = world.account("fixed", Plan::Scale, None, Some(schema())).await;
    let suspended = world.account("suspended", Plan::Scale, None, None).await;
    let account = domain::AccountId::parse("suspended").unwrap();
    world.stack.engine().store().accounts.set_suspended(&account, true).await.unwrap();
    let nobody = world.with_key("sk_live_unknown");
    for (path, body) in &good {
        let mut bare = body.clone();
        bare.as_object_mut().unwrap().remove("schema");
        contract.check("post", path, 400, &world.post(path, &json!({})).await);
        let mut bad = body.clone();
        bad["schema"] = json!([]);
        contract.check("post", path, 400, &world.post(path, &bad).await);
        contract.check("post", path, 400, &fixed.post(path, body).await);
        contract.check("post", path, 401, &nobody.post(path, body).await);
        contract.check("post", path, 403, &suspended.post(path, body).await);
        let large = json!({ "x": "y".repeat(api::request::max_body(path)) });
        contract.check("post", path, 413, &world.post(path, &large).await);
        contract.check("post", path, 422, &world.post(path, &bare).await);
    }
    let many = json!({ "urls": vec![site.url("/p/1"); 501], "schema": schema() });
    contract.check("post", BATCH, 429, &poor.post(BATCH, &many).await);
    // Both calls are in the same minute, because the stack's clock starts at the beginning of one.
    assert_eq!(poor.post(EXTRACT, &good[0].1).await.status, 200);
    let limited = poor.post(EXTRACT, &good[0].1).await;
    contract.check("post", EXTRACT, 429, &limited);
    assert_eq!(limited.code(), "RATE_LIMITED");

    let job = world.post(EXTRACT, &good[0].1).await.job();
    let one = format!("/v1/jobs/{job}");
    let result = format!("{one}/result");
    let (capture, webhook) = (format!("{one}/captures/0"), format!("{one}/webhook"));
    let paths = [
        ("get", JOB, &one),
        ("delete", JOB, &one),
        ("get", RESULT, &result),
        ("get", CAPTURE, &capture),
        ("post", WEBHOOK, &webhook),
    ];
    for (method, template, path) in paths {
        let ask = async |caller: &Caller, path: &str| {
            let verb: Method = method.to_uppercase().parse().unwrap();
            caller.send(caller.request(verb, path)).await
        };
        contract.check(method, template, 400, &ask(&world, &format!("{path}?x=1")).await);
        contract.check(method, template, 401, &ask(&nobody, path).await);
        contract.check(method, template, 403, &ask(&suspended, path).await);
        contract.check(method, template, 404, &ask(&world, &path.replace(&job, "job_000000000000")).await);
        contract.check(method, template, 404, &ask(&world, &path.replace(&job, "x")).await);
        if method == "get" {
            contract.check(method, template, 403, &ask(&fixed, path).await);
        }
    }
    contract.check("get", CAPTURE, 404, &world.get(&capture).await);
    contract.check("post", WEBHOOK, 404, &world.send(world.request(Method::POST, &webhook)).await);
    for path in ["/v1/jobs", "/v1/usage"] {
        contract.check("get", path, 400, &world.get(&format!("{path}?x=1")).await);
        contract.check("get", path, 401, &nobody.get(path).await);
        contract.check("get", path, 403, &suspended.get(path).await);
    }
    for (name, answer) in [("NotFound", world.get("/v1/x").await), ("MethodNotAllowed", world.get(BATCH).await)] {
        let at = format!("/components/responses/{name}");
        contract.check_response(contract.0.pointer(&at).unwrap(), &answer, &at);
    }
}

#[tokio::test]
async fn mcp_responses_are_described() {
    let (contract, world) = (Contract::new(), World::start().await);
    let accept = ("Accept", "application/json, text/event-stream");
    let fields = [accept, ("Content-Type", "application/json")];
    let message =
        |size: usize| json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "x": "x".repeat(size) } });
    contract.check("post", MCP, 200, &post(&world, MCP, &fields, &message(1)).await);
    contract.check("post", MCP, 401, &post(&world.with_key("sk_live_unknown"), MCP, &fields, &message(1)).await);
    contract.check("post", MCP, 413, &post(&world, MCP, &fields, &message(5 * 1024 * 1024)).await);
    // What is not a valid message is answered in the protocol's format, not in this API's.
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let origin = [fields[0], fields[1], ("Origin", "https://a.example")];
    let revision = [fields[0], fields[1], ("MCP-Protocol-Version", "1999-01-01")];
    for (status, fields, body) in [
        (202, &fields[..], &notification),
        (400, &revision, &message(1)),
        (403, &origin, &message(1)),
        (406, &fields[1..], &message(1)),
        (415, &fields[..1], &message(1)),
    ] {
        let answer = post(&world, MCP, fields, body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        assert!(contract.0.pointer(&format!("/paths/{}/post/responses/{status}", part(MCP))).is_some(), "{status}");
    }
}
