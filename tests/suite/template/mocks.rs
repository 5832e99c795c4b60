//! What the gateway answers itself, `/health` and `OPTIONS`, equals what the functions answer. `HEAD`, which a function
//! answers whole, has an integration that is not streamed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{integration_function, openapi};
use crate::support::cloud::{Cloud, TIMEOUT};
use crate::support::template::Template;

/// A response: status, fields in lower case, body.
type MockResponse = (u64, BTreeMap<String, String>, String);

/// The response of a mock integration. A request template sets the status, whatever the type of the request's body.
fn mock_response(operation: &Value, what: &str) -> MockResponse {
    let integration = &operation["x-amazon-apigateway-integration"];
    assert_eq!(
        (&integration["type"], &integration["passthroughBehavior"]),
        (&json!("mock"), &json!("never")),
        "{what}"
    );
    let answers = integration["responses"].as_object().unwrap();
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["default"], "{what}");
    let answer = &answers["default"];
    let status = answer["statusCode"].as_str().unwrap();
    for (kind, template) in integration["requestTemplates"].as_object().unwrap() {
        let template: Value = serde_json::from_str(template.as_str().unwrap()).unwrap();
        assert_eq!(template, json!({ "statusCode": status.parse::<u64>().unwrap() }), "{what}: {kind}");
    }
    // Any other type is refused with 415. Requests without one count as JSON.
    let kinds: Vec<&String> = integration["requestTemplates"].as_object().unwrap().keys().collect();
    assert_eq!(kinds, ["application/json", "application/x-www-form-urlencoded", "text/plain"], "{what}");
    // The gateway sends only fields that the method declares.
    let declared = &operation["responses"][status]["headers"];
    let mut fields = BTreeMap::new();
    for (name, value) in answer["responseParameters"].as_object().unwrap() {
        let name = name.strip_prefix("method.response.header.").unwrap();
        let value = value.as_str().unwrap().strip_prefix('\'').and_then(|v| v.strip_suffix('\'')).unwrap();
        assert!(declared[name]["schema"].is_object(), "{what}: {name} is not declared");
        fields.insert(name.to_lowercase(), value.to_owned());
    }
    let body = answer["responseTemplates"]["application/json"].as_str().unwrap_or_default();
    (status.parse().unwrap(), fields, body.to_owned())
}

fn fields(headers: &Value) -> BTreeMap<String, String> {
    headers
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateways_mocks_answer_as_the_functions_do() {
    let template = Template::read();
    let cloud = Cloud::start().await;
    let mut functions = BTreeMap::new();
    let paths = &template.0["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"];
    let served = openapi();
    assert_eq!(paths.as_object().unwrap().len(), served["paths"].as_object().unwrap().len());
    for (path, methods) in paths.as_object().unwrap() {
        let requested = path.replace("{job_id}", "job_000000000000").replace("{n}", "1");
        let package = integration_function(&template, &methods["x-amazon-apigateway-any-method"]).package;
        if !functions.contains_key(&package) {
            functions.insert(package.clone(), cloud.function(&package).await);
        }
        let function = &functions[&package];
        let mut answer = function.request("OPTIONS", &requested, &[], &Value::Null, TIMEOUT);
        let prelude = answer.prelude().await;
        // The response has no content type; Lambda's runtime adds one to a stream without it, and the gateway to a
        // mock.
        let mut own = fields(&prelude["headers"]);
        assert_eq!(own.remove("content-type").as_deref(), Some("application/octet-stream"), "OPTIONS {path}");
        let answered = (prelude["statusCode"].as_u64().unwrap(), own, answer.text().await);
        assert_eq!(mock_response(&methods["options"], path), answered, "OPTIONS {path}");

        let mut answer = function.request("HEAD", &requested, &[], &Value::Null, TIMEOUT);
        let answered = answer.buffered_response().await;
        let whole = methods["head"]["x-amazon-apigateway-integration"]["type"] != "mock";
        assert_eq!(whole, path != "/health", "HEAD {path}: only what anyone may ask for starts no function");
        if whole {
            // A stream without a body may never end, so HEAD is answered whole.
            let integration = &methods["head"]["x-amazon-apigateway-integration"];
            let uri = integration["uri"]["Fn::Sub"].as_str().unwrap();
            assert!(uri.contains(":lambda:path/2015-03-31/functions/") && uri.ends_with(".Arn}/invocations"), "{uri}");
            assert_eq!((&integration["type"], &integration["httpMethod"]), (&json!("aws_proxy"), &json!("POST")));
            assert!(integration["responseTransferMode"].is_null(), "HEAD {path}");
            assert_eq!(integration_function(&template, &methods["head"]).package, package, "HEAD {path}");
            assert_eq!(answered.2, "", "HEAD {path}");
            continue;
        }
        // The gateway itself adds `application/json` to a mock's response.
        let json = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        let (status, headers, body) = mock_response(&methods["head"], path);
        assert_eq!((status, headers.into_iter().chain(json.clone()).collect(), body), answered, "HEAD {path}");
        let mut answer = function.request("GET", &requested, &[], &Value::Null, TIMEOUT);
        let prelude = answer.prelude().await;
        let answered = (prelude["statusCode"].as_u64().unwrap(), fields(&prelude["headers"]), answer.text().await);
        let (status, headers, body) = mock_response(&methods["get"], path);
        assert_eq!((status, headers.into_iter().chain(json).collect(), body), answered, "GET {path}");
    }
    let mocked: Vec<&String> = paths
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, methods)| methods["get"]["x-amazon-apigateway-integration"]["type"] == "mock")
        .map(|(path, _)| path)
        .collect();
    assert_eq!(mocked, ["/health"], "the only path without a key and with the same response for everybody");
    // Nobody reads it, but the stream has to end.
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let accept = [
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("host", "abcdefghij.execute-api.us-east-1.amazonaws.com"),
    ];
    let mut answer = functions["mcp"].request("POST", "/mcp", &accept, &notification, TIMEOUT);
    assert_eq!((answer.prelude().await["statusCode"].clone(), answer.text().await), (json!(202), "\n".to_owned()));
}

/// A flood of requests to `/health` does not use up the throttle of other paths. One address can be limited, if the
/// operator wants that.
#[test]
fn health_has_its_own_throttle_and_addresses_can_be_limited() {
    let template = Template::read();
    let api = &template.0["Resources"]["Api"]["Properties"];
    let settings = api["MethodSettings"].as_array().unwrap();
    let default: u64 = template.text(&settings[0]["ThrottlingRateLimit"]).parse().unwrap();
    let all_bursts: u64 = template.text(&settings[0]["ThrottlingBurstLimit"]).parse().unwrap();
    for method in ["GET", "HEAD"] {
        let own = settings.iter().find(|s| s["HttpMethod"] == method && s["ResourcePath"] == "/~1health");
        let rate = own.unwrap()["ThrottlingRateLimit"].as_u64().unwrap();
        assert!((1..default).contains(&rate), "{method} /health: {rate}");
        let burst = own.unwrap()["ThrottlingBurstLimit"].as_u64().unwrap();
        assert!((1..all_bursts).contains(&burst), "{method} /health: {burst} at once");
    }
    assert_eq!(template.0["Parameters"]["RateLimitByAddress"]["Default"], 0, "it costs money");
    let acls = template.resources("AWS::WAFv2::WebACL");
    let acl = acls["AddressLimit"];
    let rule = &acl["Rules"][0]["Statement"]["RateBasedStatement"];
    assert_eq!(
        rule,
        &json!({ "AggregateKeyType": "IP", "EvaluationWindowSec": 300, "Limit": { "Ref": "RateLimitByAddress" } })
    );
    assert_eq!(acl["Rules"][0]["Action"], json!({ "Block": {} }));
    assert_eq!((&acl["DefaultAction"], &acl["Scope"]), (&json!({ "Allow": {} }), &json!("REGIONAL")));
    // Samples would show requests, keys included.
    for seen in [&acl["VisibilityConfig"], &acl["Rules"][0]["VisibilityConfig"]] {
        assert_eq!(seen["SampledRequestsEnabled"], false);
    }
    let all = &template.0["Resources"];
    for id in ["AddressLimit", "AddressLimitOfStage"] {
        assert_eq!(all[id]["Condition"], "LimitingAddresses", "{id}");
    }
    assert_eq!(
        template.0["Conditions"]["LimitingAddresses"],
        json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": "RateLimitByAddress" }, 0] }] })
    );
    let associated = &all["AddressLimitOfStage"]["Properties"]["WebACLArn"];
    assert_eq!(associated, &json!({ "Fn::GetAtt": ["AddressLimit", "Arn"] }));
    let stage_arn = all["AddressLimitOfStage"]["Properties"]["ResourceArn"]["Fn::Sub"].as_str().unwrap();
    assert!(stage_arn.ends_with("::/restapis/${Api}/stages/${Api.Stage}"), "{stage_arn}");
    assert_eq!(api["GatewayResponses"]["WAF_FILTERED"]["StatusCode"], 429);
}
