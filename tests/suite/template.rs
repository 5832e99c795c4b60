//! `template.yaml` matches the code: routes, tables, queues, variables, times. The template is read, not deployed.

mod alarms;
mod limits;
mod mocks;
mod tables;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use runtime::settings::Settings;
use serde_json::{Value, json};
use store::TableNames;
use store::queue::QueueNames;
use store::tables::{TTL_ATTRIBUTE, definitions as tables};

use crate::support::template::{Template, TemplateFunction, arn_of};

/// The end of the URI of an integration that API Gateway streams.
const STREAMING_SUFFIX: &str = "/response-streaming-invocations";

fn openapi() -> Value {
    serde_json::from_str(include_str!("../../shared/api/openapi.json")).unwrap()
}

fn is_method(name: &str) -> bool {
    ["get", "post", "put", "patch", "delete"].contains(&name)
}

/// Every method of every path in a document.
fn operations(paths: &Value) -> BTreeMap<(String, String), Value> {
    let of = |(path, item): (&String, &Value)| {
        let methods = item.as_object().unwrap().iter().filter(|(name, _)| is_method(name));
        methods.map(|(name, operation)| ((path.clone(), name.clone()), operation.clone())).collect::<Vec<_>>()
    };
    paths.as_object().unwrap().iter().flat_map(of).collect()
}

/// The function behind an operation's integration.
fn integration_function(template: &Template, operation: &Value) -> TemplateFunction {
    let uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"].as_str().unwrap();
    template.function(uri.split("functions/${").nth(1).unwrap().split(".Arn}").next().unwrap())
}

#[test]
fn routes_are_those_of_the_code() {
    let template = Template::read();
    let body = &template.0["Resources"]["Api"]["Properties"]["DefinitionBody"];
    assert_eq!(body["openapi"], "3.0.1", "a REST API accepts no other version");
    let (deployed, served) = (operations(&body["paths"]), operations(&openapi()["paths"]));
    assert_eq!(deployed.keys().collect::<Vec<_>>(), served.keys().collect::<Vec<_>>());
    let mut called = BTreeSet::new();
    for (route, operation) in &deployed {
        // The path's function also answers methods that the path does not have. What mocks answer is tested in
        // mocks.rs.
        let any = &body["paths"][&route.0]["x-amazon-apigateway-any-method"];
        let package = integration_function(&template, any).package;
        assert_eq!(package, served[route]["x-runo-function"], "{route:?}");
        let integration = &operation["x-amazon-apigateway-integration"];
        assert!(integration == &any["x-amazon-apigateway-integration"] || integration["type"] == "mock", "{route:?}");
        // The integration must stream what the function streams, because the two formats differ.
        assert_streams(&any["x-amazon-apigateway-integration"], &format!("{route:?}"));
        called.insert(package);
    }
    assert!(served.values().filter(|operation| operation["x-runo-streaming"] == true).count() >= 4);
    let may_call: BTreeSet<String> = template
        .resources("AWS::Lambda::Permission")
        .values()
        .inspect(|p| {
            assert_eq!(
                (&p["Principal"], &p["Action"]),
                (&json!("apigateway.amazonaws.com"), &json!("lambda:InvokeFunction"))
            )
        })
        .map(|p| template.function(p["FunctionName"]["Ref"].as_str().unwrap()).package)
        .collect();
    assert_eq!(may_call, called);
}

fn assert_streams(integration: &Value, what: &str) {
    let uri = integration["uri"]["Fn::Sub"].as_str().unwrap();
    assert!(uri.contains("lambda:path/2021-11-15/functions/") && uri.ends_with(STREAMING_SUFFIX), "{what}: {uri}");
    assert_eq!(integration["responseTransferMode"], "STREAM", "{what}");
    assert_eq!((&integration["type"], &integration["httpMethod"]), (&json!("aws_proxy"), &json!("POST")), "{what}");
    assert_eq!(integration["timeoutInMillis"], 900_000, "{what}");
}

/// `cargo lambda watch` routes each path to the same function.
#[test]
fn cargo_lambda_watch_has_the_same_routes() {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let router = metadata["metadata"]["lambda"]["watch"]["router"].as_object().unwrap();
    let watched: BTreeMap<String, Value> =
        router.iter().map(|(path, function)| (path.clone(), function.clone())).collect();
    let served: BTreeMap<String, Value> = operations(&openapi()["paths"])
        .into_iter()
        .map(|((path, _), operation)| (path, operation["x-runo-function"].clone()))
        .collect();
    assert_eq!(watched, served);
}

/// The gateway's own refusals have the API's error envelope.
#[test]
fn the_gateways_refusals_have_the_error_envelope() {
    let template = Template::read();
    let responses = &template.0["Resources"]["Api"]["Properties"]["GatewayResponses"];
    for (name, response) in responses.as_object().unwrap() {
        let body = response["ResponseTemplates"]["application/json"].as_str().unwrap();
        let body: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(body["status"], "error", "{name}");
        let code: domain::ErrorCode = serde_json::from_value(body["error"]["code"].clone()).unwrap();
        assert_eq!(body["error"]["retryable"], code.retryable(), "{name}");
        assert!(body["error"]["message"].as_str().is_some_and(|m| !m.is_empty()), "{name}");
    }
    for needed in
        ["DEFAULT_4XX", "DEFAULT_5XX", "MISSING_AUTHENTICATION_TOKEN", "REQUEST_TOO_LARGE", "THROTTLED", "WAF_FILTERED"]
    {
        assert!(!responses[needed].is_null(), "{needed}");
    }
    assert_eq!(responses["MISSING_AUTHENTICATION_TOKEN"]["StatusCode"], 404);
}

#[test]
fn tables_are_those_of_the_code() {
    let template = Template::read();
    let names = TableNames::default();
    let deployed = template.resources("AWS::DynamoDB::Table");
    let by_name: BTreeMap<String, &Value> = deployed.values().map(|t| (template.text(&t["TableName"]), *t)).collect();
    let key = |partition: &str, sort: &str| json!([{ "AttributeName": partition, "KeyType": "HASH" }, { "AttributeName": sort, "KeyType": "RANGE" }]);
    let defined = tables(&names);
    assert_eq!(by_name.len(), defined.len());
    for table in defined {
        let got = by_name.get(&table.name).unwrap_or_else(|| panic!("no table {}", table.name));
        assert_eq!(got["BillingMode"], "PAY_PER_REQUEST", "{}", table.name);
        assert_eq!(got["KeySchema"], key("pk", "sk"), "{}", table.name);
        let ttl = json!({ "AttributeName": TTL_ATTRIBUTE, "Enabled": true });
        assert_eq!(got["TimeToLiveSpecification"], ttl, "{}", table.name);
        let recovery = got["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] == true;
        assert_eq!(recovery, table.point_in_time_recovery, "{}", table.name);
        let mut attributes = BTreeMap::from([("pk".to_owned(), "S"), ("sk".to_owned(), "S")]);
        let mut indexes = Vec::new();
        for index in &table.indexes {
            attributes.insert(index.partition.to_owned(), "S");
            attributes.insert(index.sort.0.to_owned(), if index.sort.1 { "N" } else { "S" });
            indexes.push(json!({
                "IndexName": index.name,
                "KeySchema": key(index.partition, index.sort.0),
                "Projection": { "ProjectionType": "KEYS_ONLY" },
            }));
        }
        let got_attributes: BTreeMap<String, &str> = got["AttributeDefinitions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| (a["AttributeName"].as_str().unwrap().to_owned(), a["AttributeType"].as_str().unwrap()))
            .collect();
        assert_eq!(got_attributes, attributes, "{}", table.name);
        let got_indexes = got["GlobalSecondaryIndexes"].as_array().cloned().unwrap_or_default();
        assert_eq!(got_indexes, indexes, "{}", table.name);
    }
}

#[test]
fn queues_are_those_of_the_code() {
    let template = Template::read();
    let deployed = template.resources("AWS::SQS::Queue");
    let by_name: BTreeMap<String, &Value> = deployed.values().map(|q| (template.text(&q["QueueName"]), *q)).collect();
    let defined = store::queue::definitions(&QueueNames::default());
    assert_eq!(by_name.len(), defined.len());
    for queue in defined {
        let got = by_name.get(&queue.name).unwrap_or_else(|| panic!("no queue {}", queue.name));
        assert_eq!(got["VisibilityTimeout"], queue.visibility_secs, "{}", queue.name);
        assert_eq!(got["MessageRetentionPeriod"], queue.retention_secs, "{}", queue.name);
        let redrive = &got["RedrivePolicy"];
        match &queue.redrive {
            None => assert!(redrive.is_null(), "{}", queue.name),
            Some(wanted) => {
                assert_eq!(redrive["maxReceiveCount"], wanted.max_receives, "{}", queue.name);
                let dead = deployed[arn_of(&redrive["deadLetterTargetArn"])];
                assert_eq!(template.text(&dead["QueueName"]), wanted.dead, "{}", queue.name);
            }
        }
    }
}

/// The queues that feed a function, by logical name, with the properties of the event.
fn sources(function: &TemplateFunction) -> BTreeMap<String, Value> {
    let events = function.properties["Events"].as_object().cloned().unwrap_or_default();
    let sqs = events.into_iter().filter(|(_, e)| e["Type"] == "SQS");
    sqs.map(|(_, e)| (arn_of(&e["Properties"]["Queue"]).to_owned(), e["Properties"].clone())).collect()
}

#[test]
fn queues_feed_their_functions_within_the_limits() {
    let template = Template::read();
    let fed: BTreeMap<String, Vec<String>> = template
        .functions()
        .iter()
        .map(|f| (f.id.clone(), sources(f).into_keys().collect()))
        .filter(|(_, queues): &(String, Vec<String>)| !queues.is_empty())
        .collect();
    let wanted = [
        ("NotifyFunction".to_owned(), vec!["NotifyQueue".to_owned()]),
        ("SettleFunction".to_owned(), vec!["DeadQueue".to_owned(), "SettleQueue".to_owned()]),
        ("WorkerFunction".to_owned(), vec!["UnitsQueue".to_owned()]),
    ];
    assert_eq!(fed, wanted.into());
    for function in template.functions() {
        let timeout = function.properties["Timeout"].as_u64().unwrap();
        for (queue, event) in sources(&function) {
            let visibility = template.0["Resources"][&queue]["Properties"]["VisibilityTimeout"].as_u64().unwrap();
            assert!(visibility >= 6 * timeout, "{queue}: {visibility} s, {}: {timeout} s", function.id);
            assert_eq!(event["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{queue}");
            let max: u64 = template.text(&event["ScalingConfig"]["MaximumConcurrency"]).parse().unwrap();
            assert!((2..=1_000).contains(&max), "{queue}: {max}");
        }
    }
    let worker = template.function("WorkerFunction");
    let batch = sources(&worker)["UnitsQueue"]["BatchSize"].as_u64().unwrap();
    let settings = Settings::default();
    let pages = batch * u64::from(domain::lanes::LANE_CONCURRENCY);
    assert!(pages <= u64::from(settings.fetch_concurrency), "{pages} pages at once exceed the fetch concurrency");
    // Chains of messages are longer than Lambda's loop detection allows.
    for id in ["WorkerFunction", "SettleFunction", "NotifyFunction"] {
        assert_eq!(template.function(id).properties["RecursiveLoop"], "Allow", "{id}");
    }
}

#[test]
fn times_and_builds_fit_the_code() {
    let template = Template::read();
    let settings = Settings::default();
    for function in template.functions() {
        let (id, properties) = (&function.id, &function.properties);
        assert_eq!(template.0["Resources"][id]["Metadata"]["BuildMethod"], "rust-cargolambda", "{id}");
        let runs = (&properties["Runtime"], &properties["Handler"], &properties["Architectures"]);
        let architectures = json!([{ "Ref": "Architecture" }]);
        assert_eq!(runs, (&json!("provided.al2023"), &json!("bootstrap"), &architectures), "{id}");
        assert_eq!(properties["Tracing"], "Active", "{id}");
        assert_eq!(properties["LoggingConfig"]["LogFormat"], "JSON", "{id}");
        let manifest = format!("{}/../functions/{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"), function.package);
        assert!(std::fs::exists(&manifest).unwrap(), "{manifest}");
        if ["extract", "batch", "crawl", "jobs", "mcp"].contains(&function.package.as_str()) {
            let timeout = properties["Timeout"].as_u64().unwrap();
            assert_eq!(timeout, 900, "{id}");
            assert!(settings.hold_secs + 30 <= timeout, "{id}: a hold ends before the function does");
        }
    }
    let events = &template.function("SettleFunction").properties["Events"];
    assert_eq!(settings.sweep_secs, 60);
    assert_eq!(events["Sweep"]["Properties"]["Schedule"], "rate(1 minute)");
    let audit = template.function("AuditFunction");
    for (event, sends) in [("Check", json!(true)), ("GoOn", json!("go on"))] {
        let input = audit.properties["Events"][event]["Properties"]["Input"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(input).unwrap(), json!({ "check": sends }));
    }
    assert_eq!(audit.properties["Events"]["GoOn"]["Properties"]["Schedule"], "rate(5 minutes)");
}

/// The function with the browser exists only if an image is given. Without one nothing refers to it.
#[test]
fn the_render_function_is_optional_and_has_no_rights() {
    let template = Template::read();
    let all = template.0["Resources"].as_object().unwrap();
    let (function, role) = (&all["RenderFunction"], &all["RenderRole"]);
    assert_eq!(template.0["Parameters"]["Render"]["Default"], "");
    assert_eq!((&function["Condition"], &role["Condition"]), (&json!("Rendering"), &json!("Rendering")));
    let properties = &function["Properties"];
    // Written so that sam does not recognise an image: it would ask for a repository and need Docker.
    assert_eq!(function["Type"], "AWS::Lambda::Function");
    assert_eq!(properties["PackageType"], json!({ "Fn::Join": ["", ["Image"]] }));
    assert_eq!(properties["Code"]["ImageUri"]["Ref"], "Render");
    let names: Vec<_> = properties["Environment"]["Variables"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["RUST_LOG"], "it has no table and no queue");
    assert!(role["Properties"]["Policies"].is_null(), "its role only allows logging");
    // The longest page, and a cold start.
    assert!(properties["Timeout"].as_u64().unwrap() >= 120 + 30);
    // Resources that always exist refer to it only behind the condition.
    let names = |value: &Value| value.to_string().contains("RenderFunction");
    let always = all.iter().filter(|(_, r)| r["Condition"].is_null() && names(&without_choices(r)));
    assert_eq!(always.map(|(id, _)| id).collect::<Vec<_>>(), Vec::<&String>::new());
    let variable = &template.0["Globals"]["Function"]["Environment"]["Variables"]["RENDER_FUNCTION"]["Fn::If"];
    assert_eq!(variable, &json!(["Rendering", { "Ref": "RenderFunction" }, ""]));
}

/// Returns the value without the parts that depend on a condition.
fn without_choices(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.contains_key("Fn::If") => Value::Null,
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), without_choices(value))).collect(),
        Value::Array(items) => items.iter().map(without_choices).collect(),
        other => other.clone(),
    }
}

/// If the creation of a stack fails, no resource stays that would make the next creation fail. After a successful
/// creation, the accounts outlive the stack.
#[test]
fn retained_resources_are_deleted_after_a_failed_creation() {
    let template = Template::read();
    let kept =
        template.0["Resources"].as_object().unwrap().iter().filter(|(_, r)| r["UpdateReplacePolicy"] == "Retain");
    let kept: Vec<_> = kept.map(|(id, r)| (id.as_str(), r["DeletionPolicy"].as_str().unwrap())).collect();
    assert_eq!(
        kept.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        ["AccountsTable", "ApiLogRole", "ApiLogRoleSetting"]
    );
    assert!(kept.iter().all(|(_, policy)| *policy == "RetainExceptOnCreate"), "{kept:?}");
}
