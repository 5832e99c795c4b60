//! Faults that could be in the protocol, one at a time. The model has to notice each.

/// What is left out or done wrongly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// A result is put whoever holds the unit by then.
    NoFence,
    /// The settlement has neither META's state nor the ledger's key as a condition.
    NoOnceGuard,
    /// Progress counts instead of naming units.
    CountingProgress,
    /// A claim overwrites whatever row there is.
    UnconditionalClaim,
    /// A job that winds down counts units without a row as closed, without writing that into their rows.
    NoClosing,
    /// DELETE answers once META is written, before the rows are closed.
    AnswersBeforeClosing,
    /// A take-over does not ask whose claim it replaces.
    UnguardedTakeOver,
    /// The settlement has the ledger's key as its only condition, and not META's state.
    SettleIgnoresState,
    /// Who finds its own claim in an ended row takes its own result for the accepted one, and does not look whether
    /// the unit was ended with an error over its head.
    BelievesItsOwnResult,
    /// A sweep sends nothing again.
    NoResend,
    /// A sweep sends what a dead worker left again only while the job runs, not while it is being cancelled.
    ResendOnlyWhileRunning,
    /// Every message of a job that is being cancelled is acknowledged and forgotten, also of a started unit.
    CancelledMessageIsNoOp,
}
