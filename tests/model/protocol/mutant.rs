//! Mutants: single faults in the events or the actions of a machine, in the store's promise, or in what a runner does around
//! its machine. The model must detect each.

/// The rule that is left out or broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    // The store's promise.
    /// A segment is written without a condition on its version.
    UnconditionalWrite,
    /// A refused write is reported as written.
    RefusedIsWritten,
    /// A write merges the units that it changes into the current row: a holder that lost a unit can still end it.
    NoFencing,
    /// The settlement has neither META's state nor the ledger's key as a condition.
    UnconditionalSettle,
    /// The settlement's only condition is that there was none before; META's state may have
    /// changed since it was read.
    SettleIgnoresState,
    /// The settlement does not check how many units have been admitted in the meantime.
    SettleIgnoresAdmitted,
    /// A segment names its results before they are written.
    ResultAfterSegment,
    /// Growth continues in any state of the job.
    GrowthIgnoresState,
    /// META's state changes without a condition on its previous value.
    UnconditionalTermination,
    /// The end of an extract's unit does not check its segment's version.
    ExtractEndIgnoresVersion,
    // Events and actions of machines.
    /// A machine whose write is refused mistakes any earlier write of its own for the refused one.
    OwnByWriterOnly,
    /// A process that ends a job writes no segment, but its machine gets the event of a successful write.
    NoSkipping,
    /// A refused settlement is reported as written.
    RefusedSettleIsSettled,
    /// The machines' clock is a lease ahead.
    FastClock,
    /// The machine does not know that its job stops at the first failure.
    NoFailFast,
    // What runners do around them.
    /// A unit is reported as answered before the answer is written.
    AnswerNotWritten,
    /// The model's answers never arrive.
    NoAnswer,
    /// DELETE answers once META is written, before the units are skipped.
    AnswersBeforeSkipping,
    /// A sweep sends no message again.
    NoResend,
    /// A sweep sends no message again while other messages wait, however long its job has made no progress.
    NoResendInBacklog,
    /// A sweep resends the units of a dead worker only while the job runs, not while it is being terminated.
    ResendOnlyWhileRunning,
}
