//! Faults that could be in the protocol, one at a time: changes to what a machine is told or says, to the store's
//! promise, or to what a runner does around its machine. The model has to notice each.

/// What is left out or done wrongly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    // The store's promise.
    /// A segment is written whatever version it has.
    UnconditionalWrite,
    /// A write that was refused is told as one that took effect.
    RefusedIsWritten,
    /// A write puts the units that it changes into whatever row there is: whoever lost a unit still ends it.
    NoFence,
    /// The settlement has neither META's state nor the ledger's key as a condition.
    NoOnceGuard,
    /// The settlement's only condition is that there was none before, and not META's state as it was judged.
    SettleIgnoresState,
    /// The settlement does not ask how many units were admitted meanwhile.
    SettleIgnoresAdmitted,
    /// A segment names its results before they are put.
    ResultAfterSegment,
    /// Growth goes on whatever state the job is in.
    GrowthIgnoresState,
    /// META's state moves from whatever it was.
    UnconditionalMove,
    /// The end of an extract's unit does not ask for its segment's version.
    ExtractEndIgnoresVersion,
    // What machines are told and say.
    /// Whoever is refused takes any write of its own for the one that was refused.
    OwnByWriterOnly,
    /// Whoever ends a job writes no segment, and is told that it did.
    NoSkipping,
    /// A settlement that was refused is told as one that took effect.
    RefusedSettleIsSettled,
    /// Machines run by a clock that is a lease ahead.
    HastyClock,
    /// The machine does not know that its job stops at the first failure.
    NoFailFast,
    // What runners do around them.
    /// A unit is told to have its answer before the answer is put.
    AnswerUnput,
    /// Nobody brings the model's answers.
    NoAnswer,
    /// DELETE answers once META is written, before the units are skipped.
    AnswersBeforeSkipping,
    /// A sweep sends nothing again.
    NoResend,
    /// A sweep sends what a dead worker left again only while the job runs, not while it is being terminated.
    ResendOnlyWhileRunning,
}
