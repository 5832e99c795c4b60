//! What happens, told to whoever counts it. Telling decides nothing: a write whose reply was lost is not told of, and
//! one that two processes did is told twice. What is exact is in the rows.

use domain::job::Settlement;
use domain::{Job, UnitOutcome};
use store::model::ModelFigures;

/// Something that happened in this process.
#[derive(Debug)]
pub enum MetricEvent<'a> {
    /// A job was accepted and paid for.
    JobStarted(&'a Job),
    /// A job was settled.
    JobEnded(&'a Job, &'a Settlement),
    /// A unit that had started has a result.
    UnitEnded(&'a UnitOutcome),
    /// A message was received this long after it was sent first, in milliseconds.
    Received(u64),
    /// The operator's model was asked, or was to be.
    ModelCalled(&'a ModelFigures),
    /// A message that was received several times has failed again.
    MessageFailed,
    /// A sweep has listed what is due and handed it on.
    Swept,
    /// So many invariants were found broken, by a whole check.
    Violations(u64),
}

/// Counts what happens. Called in the midst of the work: it must be quick.
pub trait MetricRecorder: Send + Sync {
    /// Takes note.
    fn record(&self, event: &MetricEvent<'_>);
}

/// Takes no note.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMetrics;

impl MetricRecorder for NoMetrics {
    fn record(&self, _: &MetricEvent<'_>) {}
}
