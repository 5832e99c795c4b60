//! What the steps of a batch share: the units' provider, the rows, and the types of a step. The steps are in the other
//! files.

use std::sync::Arc;

use domain::Timestamp;
use language_model::batches::Batches;
use runtime::assignment::JobReader;
use runtime::context::Context;
use runtime::rows::Rows;
use visits::model_reader::ModelReader;

use super::answers::Answers;

/// The price of single calls, divided by this number, is the price of a batch.
pub(super) const BATCH_PRICE_DIVISOR: u64 = 2;

/// How much time there is to work on a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeBudget {
    /// Time for a few calls to the provider. A sweep does what takes longer.
    Short,
    /// Until this time; without a limit if `None`.
    Until(Option<Timestamp>),
}

/// Asks for units in the provider's batches.
pub(crate) struct ProviderBatches {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
    pub(crate) jobs: Arc<JobReader>,
    pub(crate) answers: Answers,
    pub(crate) model: Arc<ModelReader>,
    pub(crate) provider: Batches,
}

/// What to do after a step.
pub(super) enum StepOutcome {
    /// Take the next step at once.
    Continue,
    /// Ask the provider to create the batch.
    Create,
    /// Release the batch. It is due again at this time.
    Release(Timestamp),
    /// It is unknown whether the provider created the batch. Keep the lease until it expires: by then the provider lists the
    /// batch if it exists.
    Unknown,
}
