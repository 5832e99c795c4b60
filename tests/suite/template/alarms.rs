//! Alarms of the template: they watch metrics that exist, and docs/OPERATIONS.md says what to do about each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::template::{Template, if_conditions_hold};

/// The metrics published by AWS that alarms name, each with its dimensions.
/// Sources: AWS, "Available CloudWatch metrics for Amazon SQS", "Types of metrics for Lambda functions", "DynamoDB
/// Metrics and dimensions", "Amazon API Gateway dimensions and metrics".
const AWS_METRICS: [(&str, &[&str], &[&str]); 5] = [
    (
        "AWS/SQS",
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfMessagesReceived",
        ],
        &["QueueName"],
    ),
    ("AWS/Lambda", &["Errors", "Throttles"], &["FunctionName"]),
    ("AWS/DynamoDB", &["ReadThrottleEvents", "WriteThrottleEvents"], &["TableName"]),
    ("AWS/DynamoDB", &["ReadThrottleEvents", "WriteThrottleEvents"], &["TableName", "GlobalSecondaryIndexName"]),
    ("AWS/ApiGateway", &["5XXError"], &["ApiName", "Stage"]),
];

/// The maximum number of metrics of an alarm. Source: AWS, "CloudWatch service quotas".
const MAX_METRICS_PER_ALARM: usize = 10;

/// A metric of an alarm: namespace, name, and dimensions with their values.
struct Watched {
    namespace: String,
    name: String,
    dimensions: Vec<(String, Value)>,
}

fn watched(template: &Template, alarm: &Value) -> Vec<Watched> {
    let of = |metric: &Value| Watched {
        namespace: template.text(&metric["Namespace"]),
        name: metric["MetricName"].as_str().unwrap().to_owned(),
        dimensions: metric["Dimensions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|d| (d["Name"].as_str().unwrap().to_owned(), d["Value"].clone()))
            .collect(),
    };
    match alarm["Metrics"].as_array() {
        None => vec![of(alarm)],
        Some(metrics) => {
            let stats = metrics.iter().map(if_conditions_hold).filter(|m| m["Expression"].is_null());
            stats.map(|m| of(&m["MetricStat"]["Metric"])).collect()
        }
    }
}

/// The names of the code's own metrics.
fn own_metrics() -> BTreeSet<String> {
    let source = include_str!("../../../shared/api/src/telemetry/emf.rs");
    let names = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Metric::")?.split_once("=> \"")?.1.strip_suffix("\","));
    names.map(str::to_owned).collect()
}

/// Alarms watch metrics that exist: the code's own, without dimensions, and those that AWS publishes, with their
/// dimensions.
#[test]
fn alarms_watch_metrics_that_exist() {
    let template = Template::read();
    let (alarms, own) = (template.resources("AWS::CloudWatch::Alarm"), own_metrics());
    let own_namespace =
        template.text(&template.function("AuditFunction").properties["Environment"]["Variables"]["METRICS_NAMESPACE"]);
    for (id, alarm) in &alarms {
        let watched = watched(&template, alarm);
        assert!((1..=MAX_METRICS_PER_ALARM).contains(&watched.len()), "{id}: {}", watched.len());
        for metric in &watched {
            let dimensions: Vec<&str> = metric.dimensions.iter().map(|(name, _)| name.as_str()).collect();
            let ours = metric.namespace == own_namespace && own.contains(&metric.name) && dimensions.is_empty();
            let theirs = AWS_METRICS.iter().any(|(namespace, names, of)| {
                metric.namespace == *namespace && names.contains(&metric.name.as_str()) && dimensions == *of
            });
            assert!(ours || theirs, "{id}: there is no metric {}/{} by {dimensions:?}", metric.namespace, metric.name);
        }
        // An expression names metrics of the alarm.
        for metric in alarm["Metrics"].as_array().into_iter().flatten().map(if_conditions_hold) {
            let Some(expression) = metric["Expression"].as_str() else { continue };
            let ids: Vec<&str> = alarm["Metrics"]
                .as_array()
                .unwrap()
                .iter()
                .map(if_conditions_hold)
                .filter_map(|m| m["Id"].as_str())
                .collect();
            let named = expression == "SUM(METRICS())" || expression.split(" + ").all(|name| ids.contains(&name));
            assert!(named && metric["ReturnData"] == true, "{id}: {expression}");
        }
        assert!(alarm["AlarmActions"]["Fn::If"].is_array(), "{id} notifies nobody");
    }
    for id in ["ErrorsAlarm", "ThrottlesAlarm"] {
        let functions: BTreeSet<String> =
            watched(&template, alarms[id]).iter().map(|m| m.dimensions[0].1.to_string()).collect();
        assert_eq!(functions.len(), template.functions().len() + 1, "{id} leaves a function out");
    }
}

/// If a metric's reporter stops, the missing metric breaches an alarm. It is reported often enough for that alarm.
#[test]
fn a_reporter_that_stops_raises_an_alarm() {
    let template = Template::read();
    let alarms = template.resources("AWS::CloudWatch::Alarm");
    let breaching: BTreeSet<&str> =
        alarms.iter().filter(|(_, alarm)| alarm["TreatMissingData"] == "breaching").map(|(id, _)| *id).collect();
    assert_eq!(breaching, ["CheckMissingAlarm", "SweepMissingAlarm"].into());
    let watched_secs = |id: &str| {
        let alarm = alarms[id];
        assert_eq!(alarm["ComparisonOperator"], "LessThanThreshold", "{id}");
        alarm["Period"].as_u64().unwrap() * alarm["EvaluationPeriods"].as_u64().unwrap()
    };
    assert!((86_400 + 3_600..=2 * 86_400).contains(&watched_secs("CheckMissingAlarm")), "the check runs once a day");
    assert_eq!(alarms["CheckMissingAlarm"]["Statistic"], "SampleCount", "a check may find no violation");
    let sweep_secs = super::Settings::default().sweep_secs;
    assert!((5 * sweep_secs..=30 * sweep_secs).contains(&watched_secs("SweepMissingAlarm")));
}

/// Dead letters are counted whether or not they are hidden, and so are throttles of every table and index.
#[test]
fn hidden_dead_letters_and_index_throttles_are_counted() {
    let template = Template::read();
    let alarms = template.resources("AWS::CloudWatch::Alarm");
    let stay = watched(&template, alarms["DeadLettersStayAlarm"]);
    let names: BTreeSet<&str> = stay.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"].into());
    assert!(stay.iter().all(|m| template.text(&m.dimensions[0].1) == template.text(&json!({ "Ref": "DeadQueue" }))));

    let mut watched_rows: BTreeMap<(String, Option<String>), BTreeSet<String>> = BTreeMap::new();
    for metric in watched(&template, alarms["RowsThrottledAlarm"]) {
        let index = metric.dimensions.get(1).map(|(_, value)| template.text(value));
        watched_rows.entry((template.text(&metric.dimensions[0].1), index)).or_default().insert(metric.name);
    }
    let mut wanted = BTreeSet::new();
    for table in store::tables::definitions(&store::TableNames::default()) {
        wanted.extend(table.indexes.iter().map(|index| (table.name.clone(), Some(index.name.to_owned()))));
        wanted.insert((table.name, None));
    }
    assert_eq!(watched_rows.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    assert!(watched_rows.values().all(|names| names.len() == 2), "reads and writes: {watched_rows:?}");
}

/// Each alarm links to a heading of docs/OPERATIONS.md, and its name is in that section.
#[test]
fn each_alarm_is_described() {
    let template = Template::read();
    let operations = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/OPERATIONS.md")).unwrap();
    let anchor = |heading: &str| heading.to_lowercase().replace(' ', "-").replace([',', '.', ':', '`'], "");
    let sections: BTreeMap<String, &str> = operations
        .split("\n##")
        .filter_map(|section| section.trim_start_matches('#').trim_start().split_once('\n'))
        .map(|(heading, text)| (anchor(heading), text))
        .collect();
    for (id, alarm) in &template.resources("AWS::CloudWatch::Alarm") {
        let anchor = alarm["AlarmDescription"].as_str().unwrap().split("OPERATIONS.md#").nth(1).unwrap();
        let text = sections.get(anchor).unwrap_or_else(|| panic!("{id}: docs/OPERATIONS.md has no heading {anchor}"));
        assert!(text.contains(&format!("`{id}`")), "{id} is not named under {anchor}");
    }
}
