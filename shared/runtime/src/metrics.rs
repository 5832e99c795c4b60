//! Events for metrics. They decide nothing and are not exact: a write whose reply was lost is not reported, and one
//! that two processes made is reported twice. Exact figures are in the rows.

use domain::job::Settlement;
use domain::{Job, UnitOutcome};
use store::model::ModelFigures;

/// An event in this process.
#[derive(Debug)]
pub enum MetricEvent<'a> {
    /// A job was accepted and paid for.
    JobStarted(&'a Job),
    /// A job was settled.
    JobEnded(&'a Job, &'a Settlement),
    /// A unit that had started has a result.
    UnitEnded(&'a UnitOutcome),
    /// A message was received this many milliseconds after it was first sent.
    Received(u64),
    /// The figures of a call of the operator's model; their `calls` is 0 if none was made.
    ModelCalled(&'a ModelFigures),
    /// A message that had been received several times failed again.
    MessageFailed,
    /// A sweep has listed all that is due, and resumed it.
    Swept,
    /// A complete check found this many violated invariants.
    Violations(u64),
}

/// Records events. Called in the middle of the work, so it must be quick.
pub trait MetricRecorder: Send + Sync {
    /// Records an event.
    fn record(&self, event: &MetricEvent<'_>);
}

/// Records nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMetrics;

impl MetricRecorder for NoMetrics {
    fn record(&self, _: &MetricEvent<'_>) {}
}
