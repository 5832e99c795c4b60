//! Writes a line in CloudWatch's embedded metric format.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use domain::Timestamp;
use serde_json::{Map, Value, json};

use super::{Metric, Series};

/// Maximum number of values of a metric in one line.
pub(super) const MAX_VALUES: usize = 100;

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Metric::JobsStarted => "JobsStarted",
            Metric::JobsEnded => "JobsEnded",
            Metric::Units => "Units",
            Metric::CreditsReserved => "CreditsReserved",
            Metric::CreditsCharged => "CreditsCharged",
            Metric::CreditsRefunded => "CreditsRefunded",
            Metric::QueueAge => "QueueAge",
            Metric::ModelCalls => "ModelCalls",
            Metric::ModelTokens => "ModelTokens",
            Metric::ModelValuesRefused => "ModelValuesRefused",
            Metric::ModelFailures => "ModelFailures",
            Metric::MessagesFailed => "MessagesFailed",
            Metric::Sweeps => "Sweeps",
            Metric::InvariantViolations => "InvariantViolations",
        }
    }

    fn unit(self) -> &'static str {
        if self == Metric::QueueAge { "Milliseconds" } else { "Count" }
    }
}

pub(super) fn line(namespace: &str, series: &Series, values: &[u64], now: Timestamp) -> String {
    let names: Vec<&str> = series.dimensions.iter().map(|(name, _)| *name).collect();
    let metric = series.metric;
    let mut members = Map::new();
    let directive = json!({
        "Namespace": namespace,
        "Dimensions": [names],
        "Metrics": [{ "Name": metric.name(), "Unit": metric.unit() }],
    });
    members.insert("_aws".into(), json!({ "Timestamp": now.0, "CloudWatchMetrics": [directive] }));
    for (name, value) in &series.dimensions {
        members.insert((*name).into(), value.as_str().into());
    }
    let value = match values {
        [one] => Value::from(*one),
        many => Value::from(many),
    };
    members.insert(metric.name().into(), value);
    Value::Object(members).to_string()
}
