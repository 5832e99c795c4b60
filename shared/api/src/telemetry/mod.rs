//! Telemetry for operators: a log line per request, and metrics in CloudWatch's embedded metric format. No metric has a
//! dimension that grows with accounts, jobs or URLs.

mod emf;
mod log;
mod request;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Timestamp, UnitOutcome};
use runtime::metrics::{MetricEvent, MetricRecorder};

pub use log::start_log;
pub(crate) use request::{RequestLog, code_name};

/// Where metric lines go.
pub type Sink = Arc<dyn Fn(&str) + Send + Sync>;

/// Writes metric lines to standard output, where CloudWatch Logs finds them.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html>
pub fn stdout() -> Sink {
    Arc::new(|line| {
        // An output without a reader is ignored: there is no other place to report it.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    })
}

/// Writes metric lines to the log at level debug: for processes whose output people read.
pub fn log() -> Sink {
    Arc::new(|line| tracing::debug!(target: "metrics", "{line}"))
}

/// A metric with the values of its dimensions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    metric: Metric,
    dimensions: Vec<(&'static str, String)>,
}

/// The metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Metric {
    JobsStarted,
    JobsEnded,
    Units,
    CreditsReserved,
    CreditsCharged,
    CreditsRefunded,
    QueueAge,
    ModelCalls,
    ModelTokens,
    ModelValuesRefused,
    ModelFailures,
    MessagesFailed,
    Sweeps,
    InvariantViolations,
}

/// Collects the metrics of this process until they are written.
pub struct Telemetry {
    sink: Sink,
    namespace: String,
    counted: Mutex<BTreeMap<Series, Vec<u64>>>,
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Telemetry")
    }
}

impl Telemetry {
    /// Collects for a sink, in a CloudWatch namespace.
    pub fn new(sink: Sink, namespace: String) -> Telemetry {
        Telemetry { sink, namespace, counted: Mutex::default() }
    }

    /// Writes the metrics collected since the last flush, a line for each series. A function flushes before each
    /// invocation ends: it may never be thawed.
    pub fn flush(&self, now: Timestamp) {
        let counted = std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner));
        for (series, values) in counted {
            (self.sink)(&emf::line(&self.namespace, &series, &values, now));
        }
    }

    fn count(&self, metric: Metric, dimensions: &[(&'static str, &str)], value: u64) {
        let dimensions = dimensions.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let values = counted.entry(Series { metric, dimensions }).or_default();
        let full = if metric == Metric::QueueAge { emf::MAX_VALUES } else { 1 };
        if values.len() < full {
            values.push(value);
        } else if metric == Metric::QueueAge {
            // The format takes 100 values per line; the oldest messages matter most.
            if let Some(min) = values.iter_mut().min() {
                *min = value.max(*min);
            }
        } else if let Some(sum) = values.first_mut() {
            *sum += value;
        }
    }
}

impl MetricRecorder for Telemetry {
    fn record(&self, event: &MetricEvent<'_>) {
        match event {
            MetricEvent::JobStarted(job) => {
                self.count(Metric::JobsStarted, &[("Endpoint", job.endpoint.name())], 1);
                self.count(Metric::CreditsReserved, &[], job.reservation.total());
            }
            MetricEvent::JobEnded(job, end) => {
                let state = domain::JobState::Ended(end.outcome).wire_name();
                self.count(Metric::JobsEnded, &[("Endpoint", job.endpoint.name()), ("State", state)], 1);
                self.count(Metric::CreditsCharged, &[], end.charge.charged);
                self.count(Metric::CreditsRefunded, &[], end.charge.refunded());
            }
            MetricEvent::UnitEnded(UnitOutcome::Success { .. }) => {
                self.count(Metric::Units, &[("Outcome", "SUCCESS")], 1)
            }
            MetricEvent::UnitEnded(UnitOutcome::Error { error, .. }) => {
                self.count(Metric::Units, &[("Outcome", &code_name(error.code))], 1);
            }
            MetricEvent::Received(ms) => self.count(Metric::QueueAge, &[], *ms),
            MetricEvent::ModelCalled(call) => {
                self.count(Metric::ModelCalls, &[], call.calls);
                self.count(Metric::ModelTokens, &[("Direction", "INPUT")], call.input_tokens);
                self.count(Metric::ModelTokens, &[("Direction", "OUTPUT")], call.output_tokens);
                self.count(Metric::ModelValuesRefused, &[], call.refused_values);
                for (code, count) in &call.failures {
                    self.count(Metric::ModelFailures, &[("Code", code)], *count);
                }
            }
            MetricEvent::MessageFailed => self.count(Metric::MessagesFailed, &[], 1),
            MetricEvent::Swept => self.count(Metric::Sweeps, &[], 1),
            MetricEvent::Violations(n) => self.count(Metric::InvariantViolations, &[], *n),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{ErrorCode, UnitError};
    use serde_json::{Value, json};

    use super::*;

    fn lines(events: &[MetricEvent<'_>]) -> Vec<Value> {
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&written);
        let telemetry =
            Telemetry::new(Arc::new(move |line: &str| sink.lock().unwrap().push(line.to_owned())), "Runo/a".into());
        events.iter().for_each(|event| telemetry.record(event));
        telemetry.flush(Timestamp(1_795_478_400_000));
        telemetry.flush(Timestamp(1_795_478_400_001)); // nothing is written twice
        let written = written.lock().unwrap();
        written.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn counts_are_summed_and_written_once_in_the_embedded_format() {
        let failed = UnitOutcome::error("https://e.test/?secret=1", UnitError::new(ErrorCode::Timeout, "slow"));
        assert_eq!(
            lines(&[MetricEvent::UnitEnded(&failed), MetricEvent::UnitEnded(&failed), MetricEvent::Violations(0)]),
            [
                json!({
                    "_aws": {
                        "Timestamp": 1_795_478_400_000_i64,
                        "CloudWatchMetrics": [{
                            "Namespace": "Runo/a", "Dimensions": [["Outcome"]],
                            "Metrics": [{ "Name": "Units", "Unit": "Count" }],
                        }],
                    },
                    "Outcome": "TIMEOUT", "Units": 2,
                }),
                json!({
                    "_aws": {
                        "Timestamp": 1_795_478_400_000_i64,
                        "CloudWatchMetrics": [{
                            "Namespace": "Runo/a", "Dimensions": [[]],
                            "Metrics": [{ "Name": "InvariantViolations", "Unit": "Count" }],
                        }],
                    },
                    "InvariantViolations": 0,
                }),
            ]
        );
    }

    #[test]
    fn of_many_queue_ages_the_oldest_are_kept() {
        let events: Vec<MetricEvent<'_>> = (0..250).map(MetricEvent::Received).collect();
        let rows = lines(&events);
        let ages: Vec<u64> = rows[0]["QueueAge"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
        assert_eq!((ages.len(), ages.iter().max(), ages.iter().min()), (100, Some(&249), Some(&150)));
        assert_eq!(rows[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"], "Milliseconds");
    }
}
