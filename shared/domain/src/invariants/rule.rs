//! The rules that hold in every state of the rows. docs/TESTING.md lists each one with the test that breaks it.

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A rule of the check.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Rule { $($(#[$doc])* $name),* }

        impl Rule {
            /// All rules.
            pub const ALL: &[Rule] = &[$(Rule::$name),*];

            /// The rule's name, as `admin check` and the log show it.
            pub fn text(self) -> &'static str {
                match self { $(Rule::$name => $text),* }
            }
        }
    };
}

rules! {
    /// An ended job's reservation is charged or refunded whole.
    ReservationResolved = "reserved = charged + refunded",
    /// A refund goes back to the pool and the month that the credits came from.
    RefundToItsPool = "a refund goes to its pool and month",
    /// A job that settled has reserved. Its text names the violation.
    SettledWithReservation = "settled without a reservation",
    /// A month's row is the sum of the ledger's entries.
    MonthIsSum = "month row = sum of the ledger",
    /// The prepaid row is the sum of the ledger's entries.
    PrepaidIsSum = "prepaid row = sum of the ledger",
    /// No balance is below zero.
    NeverNegative = "never negative",
    /// A month that is closed has its checkpoint.
    ClosedMonthHasCheckpoint = "a closed month has its checkpoint",
    /// A checkpoint is the sum of the entries that it stands for.
    CheckpointIsSum = "checkpoint = sum of its entries",
    /// A job's reservation has an entry with the same figures.
    HasLedgerEntry = "a job has its ledger entry",
    /// A job has no more units than credits reserved.
    WithinReservation = "admitted within the reservation",
    /// A unit that the job did not admit has no state.
    AdmittedHasState = "only admitted units have a state",
    /// A unit that ended with a result has it.
    ResultExists = "a result that a segment names exists",
    /// A job that settled has ended.
    SettledMeansEnded = "settled means ended",
    /// A job that ended has settled.
    EndedMeansSettled = "ended means settled",
    /// A job ends before its deadline plus one sweep.
    BeforeDeadline = "no job runs past its deadline",
    /// An ended job with a webhook has the row of its message.
    HasMessage = "an ended job has the message of its end",
    /// An ended job has no pending unit.
    HasEveryUnit = "an ended job has every unit",
    /// An ended job has no unit that is started or waits for a model.
    NothingOpen = "an ended job has nothing open",
    /// A job is charged one credit for each unit that started.
    ChargedAsStarted = "charged = units started",
    /// A completed job has no skipped unit, unless its options permit it.
    EveryUnitHasResult = "a completed job has a result for every unit",
}
