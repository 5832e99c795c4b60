//! What must hold in every state, and what must be possible in some state.

use std::collections::BTreeMap;

use domain::credits::Charge;
use domain::invariants::{AccountRows, JobRows, LedgerEntry, MoneyRows, Reserve, Settle, Snapshot, check};
use domain::segment::{Segment, UnitEnd, UnitState};
use domain::{Job, JobState, Outcome, Timestamp};
use stateright::Property;

use crate::configuration::JobModel;
use crate::hashed::Hashed;
use crate::process::Kind;
use crate::world::{Rows, World};

pub const ONE_RESULT: &str = "each unit has at most one accepted result, which never changes";
pub const STARTED_OR_SKIPPED: &str = "no unit both started and skipped";
pub const FENCED: &str = "a unit is ended by its holder or by a rule, and taken over only after its lease";
pub const SETTLED_ONCE: &str = "settled at most once";
pub const POOLS_MATCH: &str = "each pool matches what was taken and refunded, and is never negative";
pub const NOTHING_STARTS: &str = "nothing starts once DELETE has answered";
pub const FAIL_FAST: &str = "with fail_fast, nothing starts on a row that records a failure";
pub const RUNS_ONLY_STARTED: &str = "a page runs only if its unit's row says that it was started";
pub const CANCELLED_NEVER_COMPLETES: &str = "a job that DELETE reported as cancelled does not complete";
pub const EXTRACT_ENDS: &str = "an extract has ended once DELETE has answered";
pub const NO_STUCK_PROCESS: &str = "a process without pending operations has ended or drives its job";
pub const INVARIANTS: &str = "domain::invariants::check finds nothing";

pub const COMPLETES: &str = "completes";
pub const CANCELLED: &str = "is cancelled with a unit charged and a unit refunded";
pub const EXPIRES: &str = "expires";
pub const CANCELLED_EXTRACT: &str = "an extract is cancelled and charged";
pub const FAILED_FAST: &str = "a failure skips the units that have not started";
pub const TAKEN_OVER: &str = "ends after a take-over";
pub const RUNS_LOST_UNIT: &str = "a process runs a unit that another has taken over";
pub const EXHAUSTED: &str = "a unit ends after its last attempt";
pub const ANSWERED: &str = "a unit ends with the model's answer";
pub const ENDED_PROVISIONALLY: &str = "a unit that waits for the model ends with its provisional result";
pub const GROWN: &str = "completes with units added by growth";

pub fn all() -> Vec<Property<JobModel>> {
    vec![
        Property::always(ONE_RESULT, |_, w: &World| !w.history.ended_unit_changed),
        Property::always(STARTED_OR_SKIPPED, |_, w: &World| !w.history.started_and_skipped),
        Property::always(FENCED, |_, w: &World| !w.history.unfenced),
        Property::always(SETTLED_ONCE, |_, w: &World| w.history.settled.iter().all(|times| *times <= 1)),
        Property::always(POOLS_MATCH, pools_match),
        Property::always(NOTHING_STARTS, |_, w: &World| !w.history.started_after_delete),
        Property::always(FAIL_FAST, |_, w: &World| !w.history.started_after_failure),
        Property::always(RUNS_ONLY_STARTED, |_, w: &World| !w.history.ran_unstarted),
        Property::always(CANCELLED_NEVER_COMPLETES, |_, w: &World| {
            let completed = |row: &crate::world::JobRow| row.state == JobState::Ended(Outcome::Completed);
            !w.rows.jobs.iter().zip(w.history.delete_answer).any(|(row, answer)| answer == Some(true) && completed(row))
        }),
        Property::always(EXTRACT_ENDS, |m: &JobModel, w: &World| {
            !m.setup.extract || w.history.delete_answer[0].is_none() || w.job(0).state.ended()
        }),
        Property::always(NO_STUCK_PROCESS, |_, w: &World| {
            w.processes.iter().all(|process| !process.runner.ops.is_empty() || process.kind == Kind::Driver)
        }),
        Property::always(INVARIANTS, |_, w: &World| !w.history.invariant_violated),
        Property::sometimes(COMPLETES, |_, w: &World| ended(w, Outcome::Completed)),
        Property::sometimes(CANCELLED, |_, w: &World| {
            let both =
                w.rows.jobs[0].settled.is_some_and(|(charged, month, prepaid)| charged > 0 && month + prepaid > 0);
            ended(w, Outcome::Cancelled) && both
        }),
        Property::sometimes(CANCELLED_EXTRACT, |m: &JobModel, w: &World| {
            m.setup.extract
                && ended(w, Outcome::Cancelled)
                && w.job(0).settled.is_some_and(|(charged, ..)| charged == 1)
        }),
        Property::sometimes(EXPIRES, |_, w: &World| ended(w, Outcome::Expired)),
        Property::sometimes(FAILED_FAST, |m: &JobModel, w: &World| {
            m.setup.fail_fast && ended(w, Outcome::Completed) && any(w, |unit| unit == UnitState::Skipped)
        }),
        Property::sometimes(TAKEN_OVER, |_, w: &World| {
            w.rows.jobs.iter().all(|row| row.state.ended()) && w.history.taken_over
        }),
        Property::sometimes(RUNS_LOST_UNIT, runs_lost_unit),
        Property::sometimes(EXHAUSTED, |_, w: &World| {
            any(w, |unit| matches!(unit, UnitState::Ended { end: UnitEnd::Exhausted, .. }))
        }),
        Property::sometimes(ANSWERED, |_, w: &World| ended(w, Outcome::Completed) && w.history.ended_with_answer),
        Property::sometimes(ENDED_PROVISIONALLY, |_, w: &World| {
            w.rows.jobs[0].state.ended() && w.history.ended_provisionally
        }),
        Property::sometimes(GROWN, |m: &JobModel, w: &World| {
            m.setup.is_crawl() && ended(w, Outcome::Completed) && w.job(0).admitted == m.setup.max_units
        }),
    ]
}

fn ended(world: &World, outcome: Outcome) -> bool {
    world.job(0).state == JobState::Ended(outcome)
}

fn any(world: &World, is: impl Fn(UnitState) -> bool) -> bool {
    world.job(0).segments.iter().flat_map(Segment::non_pending).any(|(_, unit)| is(unit))
}

/// Returns whether a process still runs a unit that another process has taken over.
fn runs_lost_unit(_: &JobModel, world: &World) -> bool {
    world.processes.iter().any(|process| {
        process.runner.ops.iter().any(|op| match op {
            crate::process::Op::Page { seq, .. } => {
                let unit = world.job(process.job).segments[Segment::index_of(*seq) as usize].unit(*seq);
                matches!(unit, UnitState::Started { holder, .. } if holder != process.nonce)
            }
            _ => false,
        })
    })
}

fn pools_match(m: &JobModel, world: &World) -> bool {
    let (rows, reserved) = (&world.rows, m.setup.reservation());
    let refunded =
        |of: fn(&(u64, u64, u64)) -> u64| rows.jobs.iter().filter_map(|row| row.settled.as_ref()).map(of).sum::<u64>();
    let taken = reserved.monthly * rows.jobs.len() as u64;
    rows.used == taken.cast_signed() - refunded(|s| s.1).cast_signed()
        && rows.prepaid == refunded(|s| s.2).cast_signed()
        && rows.used >= 0
}

/// Checks the rows by the function that checks the real tables.
fn rows_satisfy_invariants(m: &JobModel, rows: &Rows) -> bool {
    let (mut jobs, mut ledger) = (Vec::new(), Vec::new());
    for (at, row) in rows.jobs.iter().enumerate() {
        let (id, reserved) = (m.setup.job(at).id, m.setup.reservation());
        let (monthly, prepaid, month) = (reserved.monthly, reserved.prepaid, reserved.month);
        ledger.push(LedgerEntry::TopUp { amount: prepaid });
        ledger.push(LedgerEntry::Reserve(Reserve { job: id.clone(), monthly, prepaid, month, at: Timestamp(0) }));
        let charge = row.settled.map(|(charged, refund_monthly, refund_prepaid)| {
            if !m.setup.extract {
                ledger.push(LedgerEntry::Settle(Settle {
                    job: id,
                    charged,
                    refund_monthly,
                    refund_prepaid,
                    month,
                    at: Timestamp(0),
                }));
            }
            Charge { charged, refund_monthly, refund_prepaid }
        });
        jobs.push(JobRows {
            job: Job { state: row.state, admitted: row.admitted, charge, ..m.setup.job(at) },
            segments: row.segments.iter().map(|row| (row.index, row.clone())).collect(),
            results: row.results.clone(),
            delivery: false,
        });
    }
    let reserved = m.setup.reservation();
    let money = MoneyRows {
        months: BTreeMap::from([(reserved.month, rows.used)]),
        prepaid: Some(rows.prepaid),
        ..MoneyRows::default()
    };
    let account = AccountRows { money, ledger };
    let snapshot = Snapshot { accounts: BTreeMap::from([(m.setup.job(0).account, account)]), jobs };
    check(&snapshot, Timestamp(0), 0).is_empty()
}

impl JobModel {
    /// Returns whether these rows satisfy the invariants. Each set of rows is checked once.
    pub fn satisfies_invariants(&self, rows: &Hashed<Rows>) -> bool {
        let known = self.checked_rows.lock().expect("nobody panics while holding it").get(rows).copied();
        known.unwrap_or_else(|| {
            let good = rows_satisfy_invariants(self, rows);
            self.checked_rows.lock().expect("nobody panics while holding it").insert(rows.clone(), good);
            good
        })
    }
}
