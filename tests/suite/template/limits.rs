//! What keeps one part of the deployment from starving another.

use serde_json::{Value, json};

use super::sources;
use crate::support::template::Template;

/// Executions that Lambda wants to be left to functions without a reservation.
/// Source: AWS, "Configuring reserved concurrency for a function".
const UNRESERVED: u64 = 100;
/// An account's executions, unless it is new.
const USUAL_LIMIT: u64 = 1_000;

/// Calls that are held open take no execution from what reads queues, nor from the sweep.
#[test]
fn queues_and_the_sweep_have_executions_of_their_own() {
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
        // A mapping that may ask for more than is reserved makes messages fail by throttles.
        let asked: u64 = queues.values().map(|event| number(&event["ScalingConfig"]["MaximumConcurrency"])).sum();
        let timeout = function.properties["Timeout"].as_u64().unwrap();
        let events = function.properties["Events"].as_object().unwrap();
        let sweeps = events.values().filter(|event| event["Properties"]["Schedule"] == "rate(1 minute)").count() as u64;
        assert_eq!(reserved, asked + sweeps * timeout.div_ceil(60), "{id}");
        reserved_in_all += reserved;
    }
    assert!(reserved_in_all > 0 && reserved_in_all + UNRESERVED <= USUAL_LIMIT, "{reserved_in_all}");
    // The parameter's description says how many there are besides the workers.
    let workers: u64 = template.text(&json!({ "Ref": "WorkerConcurrency" })).parse().unwrap();
    let description = template.0["Parameters"]["ReserveConcurrency"]["Description"].as_str().unwrap();
    assert!(description.contains(&format!("WorkerConcurrency and {}", reserved_in_all - workers)), "{description}");
}
