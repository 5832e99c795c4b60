//! Limits that keep one part of the deployment from starving another.

use serde_json::{Value, json};

use super::sources;
use crate::support::template::Template;

/// The executions that Lambda requires to be left to functions without a reservation.
/// Source: AWS, "Configuring reserved concurrency for a function".
const MIN_UNRESERVED: u64 = 100;
/// An account's concurrent executions, unless the account is new.
const DEFAULT_CONCURRENCY: u64 = 1_000;

/// Held calls take no executions from the functions that read queues, nor from the sweep.
#[test]
fn queues_and_the_sweep_have_reserved_executions() {
    let template = Template::read();
    assert_eq!(template.0["Parameters"]["ReserveConcurrency"]["Default"], "true");
    assert_eq!(
        template.0["Conditions"]["Reserving"],
        json!({ "Fn::Equals": [{ "Ref": "ReserveConcurrency" }, "true"] })
    );
    let mut reserved_in_all = 0;
    for function in template.functions() {
        let id = &function.id;
        let reserved = &function.properties["ReservedConcurrentExecutions"];
        let queues = sources(&function);
        if queues.is_empty() {
            assert!(reserved.is_null(), "{id} takes executions from the others");
            continue;
        }
        // A new account has too few executions to reserve any.
        assert_eq!(
            (&reserved["Fn::If"][0], &reserved["Fn::If"][2]),
            (&json!("Reserving"), &json!({ "Ref": "AWS::NoValue" })),
            "{id}"
        );
        let number = |value: &Value| template.text(value).parse::<u64>().unwrap();
        let reserved = number(&reserved["Fn::If"][1]);
        // If a mapping may invoke more than is reserved, throttles make messages fail.
        let concurrency: u64 = queues.values().map(|event| number(&event["ScalingConfig"]["MaximumConcurrency"])).sum();
        let timeout = function.properties["Timeout"].as_u64().unwrap();
        let events = function.properties["Events"].as_object().unwrap();
        let sweeps = events.values().filter(|event| event["Properties"]["Schedule"] == "rate(1 minute)").count() as u64;
        assert_eq!(reserved, concurrency + sweeps * timeout.div_ceil(60), "{id}");
        reserved_in_all += reserved;
    }
    assert!(reserved_in_all > 0 && reserved_in_all + MIN_UNRESERVED <= DEFAULT_CONCURRENCY, "{reserved_in_all}");
    // The parameter's description gives the number without the workers.
    let workers: u64 = template.text(&json!({ "Ref": "WorkerConcurrency" })).parse().unwrap();
    let description = template.0["Parameters"]["ReserveConcurrency"]["Description"].as_str().unwrap();
    assert!(description.contains(&format!("WorkerConcurrency plus {}", reserved_in_all - workers)), "{description}");
}

/// Lambda's limit for an event is reached before the gateway's limit for a body: the largest accepted body must fit,
/// escaped and with all that the gateway adds. In Base64 it would not fit, so no media type is binary.
#[test]
fn the_longest_batch_fits_into_an_event() {
    /// Source: Lambda's own message, "Request must be smaller than 6291556 bytes for the Invoke operation".
    const MAX_EVENT_BYTES: usize = 6_291_556;
    let urls = api::validate::MAX_URLS;
    // As some serializers write URLs: a backslash before each slash, and a line per URL.
    let length = api::request::MAX_BATCH_BODY / urls - "\n\"\",".len();
    let start = r"https:\/\/example.com\/a\/b\/c\/d\/";
    let url = format!("\n\"{start}{}\"", "x".repeat(length - start.len()));
    let body = format!("{{\"urls\":[{}]}}", vec![url; urls - 1].join(","));
    assert!(
        (api::request::MAX_BATCH_BODY - urls..=api::request::MAX_BATCH_BODY).contains(&body.len()),
        "{}",
        body.len()
    );
    // Header fields may have 10,240 bytes in all, by the gateway's own limit.
    let request = http::Request::post("/v1/batch").header("x-filler", "f".repeat(10_000)).body(()).unwrap();
    let event = local::event::event(&request.into_parts().0, body.as_bytes()).to_string();
    assert!(event.len() < MAX_EVENT_BYTES, "{} bytes", event.len());
    let api = &Template::read().0["Resources"]["Api"]["Properties"];
    let binary = (&api["BinaryMediaTypes"], &api["DefinitionBody"]["x-amazon-apigateway-binary-media-types"]);
    assert_eq!(binary, (&Value::Null, &Value::Null));
}
