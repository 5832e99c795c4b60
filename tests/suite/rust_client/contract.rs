//! The client's types compared with the OpenAPI description: every described member survives a round trip through the
//! client's type, and what the client sends is valid by the description.

use std::collections::BTreeMap;

use runo_client::{
    BatchOptions, CLIENT_CODES, CaptureKind, Client, CrawlMeta, CrawlRules, ERROR_CODES, Endpoint, FieldType, JobInfo,
    JobStatus, ModelUse, Page, PageOptions, Plan, Problem, RenderJs, RenderMode, Row, Schema, Summary, Usage, WaitFor,
    Webhook, WebhookEvent,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::openapi::{document, validator};
use crate::support::scripted::{Response, ScriptedServer};

fn named<'d>(document: &'d Value, name: &str) -> &'d Value {
    &document["components"]["schemas"][name]
}

/// A value that the schema describes, with every member, or with the required ones only.
fn sample(document: &Value, schema: &Value, full: bool) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return sample(document, document.pointer(reference.trim_start_matches('#')).unwrap(), full);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return sample(document, &choices[0], full);
    }
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(values) = schema["enum"].as_array() {
        let first = if full { values.iter().find(|value| !value.is_null()) } else { values.first() };
        return first.unwrap().clone();
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    if !full && kinds.contains(&"null") {
        return Value::Null;
    }
    match kinds.first().copied() {
        Some("object") => {
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let empty = Map::new();
            let members = schema["properties"].as_object().unwrap_or(&empty);
            let shown = members.iter().filter(|(name, _)| full || required.contains(&name.as_str()));
            let mut object: Map<String, Value> =
                shown.map(|(name, schema)| (name.clone(), sample(document, schema, full))).collect();
            if members.is_empty() && schema["additionalProperties"].is_object() {
                object.insert("name".to_owned(), sample(document, &schema["additionalProperties"], full));
            }
            object.into()
        }
        Some("array") => json!([sample(document, &schema["items"], full)]),
        Some("string") => json!("text"),
        Some("integer" | "number") => json!(7),
        Some("boolean") => json!(true),
        other => panic!("no sample of {other:?}: {schema}"),
    }
}

/// Returns the paths of members that one value has and another lacks.
fn lost(full: &Value, written: &Value) -> Vec<String> {
    let Value::Object(members) = full else { return Vec::new() };
    let paths = members.iter().map(|(name, value)| match written.get(name) {
        None => vec![name.clone()],
        Some(other) => lost(value, other).into_iter().map(|rest| format!("{name}.{rest}")).collect(),
    });
    paths.flatten().collect()
}

/// Asserts that a value with all members survives a round trip through the type, and that one with the required members
/// can be read.
fn assert_round_trip<T: DeserializeOwned + Serialize>(name: &str, schema: &Value, without: &[&str]) {
    let document = document();
    let mut full = sample(&document, schema, true);
    without.iter().for_each(|member| _ = full.as_object_mut().unwrap().shift_remove(*member));
    let read: T = serde_json::from_value(full.clone()).unwrap_or_else(|e| panic!("{name}: {e}: {full}"));
    let written = serde_json::to_value(read).unwrap();
    let dropped = lost(&full, &written);
    assert!(dropped.is_empty(), "clients/rust/src/types.rs drops members of {name}: {dropped:?}");
    assert_eq!(written, full, "{name}");
    let minimal = sample(&document, schema, false);
    serde_json::from_value::<T>(minimal.clone()).unwrap_or_else(|e| panic!("{name}: {e}: {minimal}"));
}

#[test]
fn every_member_of_an_answer_is_known() {
    let document = document();
    let running = ["results", "status", "job_id", "next"];
    assert_round_trip::<Page<Row>>("Success", named(&document, "Success"), &[]);
    assert_round_trip::<Page<Row>>("Failure", named(&document, "Failure"), &[]);
    assert_round_trip::<Problem>("UnitError", named(&document, "UnitError"), &[]);
    assert_round_trip::<Summary>("BatchAnswer", named(&document, "BatchAnswer"), &running);
    assert_round_trip::<Summary>("SummaryLine", &named(&document, "SummaryLine")["properties"]["summary"], &running);
    assert_round_trip::<CrawlMeta>("CrawlMeta", named(&document, "CrawlMeta"), &[]);
    assert_round_trip::<JobInfo>("Job", named(&document, "Job"), &[]);
    assert_round_trip::<JobInfo>("JobList", &named(&document, "JobList")["properties"]["jobs"]["items"], &[]);
    assert_round_trip::<Usage>("Usage", named(&document, "Usage"), &[]);
    // A crawl's response has no `cancelled` at the top level; the type has.
    let crawl = sample(&document, named(&document, "CrawlAnswer"), true);
    let read: Summary = serde_json::from_value(crawl.clone()).unwrap();
    let shown = serde_json::to_value(&read).unwrap();
    assert_eq!((&shown["seed_url"], &shown["crawl_meta"]), (&crawl["seed_url"], &crawl["crawl_meta"]));
}

#[test]
fn every_enumerated_value_is_known() {
    let document = document();
    let values = |name: &str, member: &str| -> Vec<Value> {
        named(&document, name)["properties"][member]["enum"].as_array().unwrap().clone()
    };
    fn read<T: DeserializeOwned>(value: &Value) -> T {
        serde_json::from_value(value.clone()).unwrap()
    }
    for value in values("Success", "render_mode") {
        assert!(!matches!(read(&value), RenderMode::Other(_)), "{value}");
    }
    for value in values("Job", "status") {
        assert!(!matches!(read(&value), JobStatus::Other(_)), "{value}");
    }
    for value in values("Job", "endpoint") {
        assert!(!matches!(read(&value), Endpoint::Other(_)), "{value}");
    }
    for value in values("Usage", "plan") {
        assert!(!matches!(read(&value), Plan::Other(_)), "{value}");
    }
    // A value of a newer service is no error and is kept as it came.
    assert_eq!(json!(read::<RenderMode>(&json!("guess"))), "guess");
    let types: Vec<&str> = FieldType::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(values("Field", "type"), types);
    for code in named(&document, "ErrorCode")["enum"].as_array().unwrap() {
        let code = code.as_str().unwrap();
        assert!(ERROR_CODES.contains(&code) && !CLIENT_CODES.contains(&code), "{code}");
    }
}

fn page_options() -> PageOptions {
    PageOptions {
        render_js: Some(RenderJs::Always),
        wait_for: Some(WaitFor::Milliseconds(5)),
        capture: vec![CaptureKind::Screenshot],
        model: Some(ModelUse::Never),
        retries: Some(1),
        headers: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
        locale: Some("de-DE".into()),
        timeout_ms: Some(5_000),
        no_cache: Some(true),
        process_images: Some(false),
    }
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// The members of an object of the document. In options `async_mode` is left out, because the client sends it at the
/// top level.
fn members<'d>(document: &'d Value, name: &str, inner: Option<&str>) -> Vec<&'d str> {
    let mut object = named(document, name);
    if let Some(inner) = inner {
        object = &object["properties"][inner];
    }
    let mut keys = keys(&object["properties"]);
    keys.retain(|key| inner.is_none() || *key != "async_mode");
    keys
}

#[tokio::test]
async fn every_member_of_a_request_is_known_and_valid() {
    let document = document();
    let schema = || Schema::from([("title", FieldType::String), ("tags", FieldType::Strings)]);
    let server = ScriptedServer::start(std::iter::repeat_n(Response::refused(400, "INVALID_REQUEST", false), 3)).await;
    let client = Client::builder().api_key("sk_live_x").base_url(&server.base).build().unwrap();
    client.extract("https://example.com/", schema()).options(page_options()).send::<Row>().await.unwrap_err();
    let options = BatchOptions { page: page_options(), concurrency: Some(3), fail_fast: Some(true) };
    let batch = client.batch(["https://example.com/"], schema()).options(options).async_mode(true);
    let hook = Webhook { url: "https://example.com/".into(), events: vec![WebhookEvent::Completed] };
    // Included as soon as the document describes it.
    let hooked = members(&document, "BatchRequest", None).contains(&"webhook");
    let batch = if hooked { batch.webhook(hook.clone()) } else { batch };
    batch.start::<Row>().await.unwrap_err();
    let rules = CrawlRules {
        max_depth: Some(1),
        use_sitemap: Some(false),
        ignore_robots: Some(true),
        allow_large_crawl: Some(true),
        ..CrawlRules::new("*", 5)
    };
    let crawl = client.crawl("https://example.com/", schema(), rules).options(page_options()).async_mode(true);
    let crawl = if hooked { crawl.webhook(hook) } else { crawl };
    crawl.start::<Row>().await.unwrap_err();

    for (seen, name) in server.requests().iter().zip(["ExtractRequest", "BatchRequest", "CrawlRequest"]) {
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!(keys(&body), members(&document, name, None), "{name}");
        assert_eq!(
            keys(&body["options"]),
            members(&document, name, Some("options")),
            "{name}: clients/rust/src/options.rs and page_options() in this file (left) differ from openapi.json (right)"
        );
        if name == "CrawlRequest" {
            assert_eq!(keys(&body["crawl"]), members(&document, name, Some("crawl")));
        }
        let validator = validator(&document, &format!("/components/schemas/{name}"));
        let wrong: Vec<String> = validator.iter_errors(&body).map(|e| e.to_string()).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
    assert_eq!(server.requests().len(), 3);
}
