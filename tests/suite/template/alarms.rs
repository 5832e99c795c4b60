//! Alarms of the template: they watch what is counted, and docs/OPERATIONS.md says what to do about each.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::template::{Template, chosen};

/// Alarms watch metrics that there are, and tell the same topic.
#[test]
fn alarms_watch_what_is_counted() {
    let template = Template::read();
    let alarms = template.resources("AWS::CloudWatch::Alarm");
    let watched: BTreeSet<String> = alarms
        .values()
        .map(|alarm| match &alarm["MetricName"] {
            Value::String(name) => format!("{}/{name}", template.text(&alarm["Namespace"])),
            _ => {
                let metrics = alarm["Metrics"].as_array().unwrap();
                let functions: BTreeSet<_> = metrics
                    .iter()
                    .map(chosen)
                    .filter_map(|m| m["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Ref"].as_str())
                    .collect();
                assert_eq!(functions.len(), template.functions().len() + 1, "an alarm leaves a function out");
                let metric = &metrics[1]["MetricStat"]["Metric"];
                format!("{}/{}", metric["Namespace"].as_str().unwrap(), metric["MetricName"].as_str().unwrap())
            }
        })
        .collect();
    let wanted = [
        "AWS/ApiGateway/5XXError",
        "AWS/Lambda/Errors",
        "AWS/Lambda/Throttles",
        "AWS/SQS/ApproximateAgeOfOldestMessage",
        "AWS/SQS/ApproximateNumberOfMessagesVisible",
        "AWS/SQS/NumberOfMessagesReceived",
        "Runo/runo/InvariantViolations",
    ];
    assert_eq!(watched, wanted.map(str::to_owned).into());
    let invariants = alarms["InvariantsAlarm"];
    assert!(invariants["Dimensions"].is_null(), "the metric has none");
    // What reports nothing is good to one alarm and bad to the other: the check runs once a day.
    let missing = alarms["CheckMissingAlarm"];
    assert_eq!((&missing["TreatMissingData"], &missing["Statistic"]), (&json!("breaching"), &json!("SampleCount")));
    let watched_secs = missing["Period"].as_u64().unwrap() * missing["EvaluationPeriods"].as_u64().unwrap();
    assert!((86_400 + 3_600..=2 * 86_400).contains(&watched_secs), "{watched_secs}");
    let told = &template.function("AuditFunction").properties["Environment"]["Variables"]["METRICS_NAMESPACE"];
    for id in ["InvariantsAlarm", "CheckMissingAlarm"] {
        assert_eq!(&alarms[id]["Namespace"], told, "{id} watches where the function writes");
    }
    let operations = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/OPERATIONS.md")).unwrap();
    let headings: BTreeSet<String> = operations
        .lines()
        .filter_map(|line| line.strip_prefix("## ").or(line.strip_prefix("### ")))
        .map(|h| h.to_lowercase().replace(' ', "-").replace([',', '.', ':', '`'], ""))
        .collect();
    for (id, alarm) in &alarms {
        let anchor = alarm["AlarmDescription"].as_str().unwrap().split("OPERATIONS.md#").nth(1).unwrap();
        assert!(headings.contains(anchor), "{id}: docs/OPERATIONS.md has no heading {anchor}: {headings:?}");
        assert!(alarm["AlarmActions"]["Fn::If"].is_array(), "{id} tells nobody");
    }
}
