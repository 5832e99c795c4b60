//! What must hold in every state, and what must be possible in some.

use std::collections::BTreeMap;

use domain::invariants::{AccountRows, JobRows, LedgerEntry, Snapshot, check};
use domain::{Job, JobState, Outcome, Timestamp};
use stateright::Property;

use crate::model::JobModel;
use crate::rows::{Phase, Row};
use crate::state::{State, Worker};

pub const ONE_RESULT: &str = "at most one accepted result for each unit";
pub const STARTED_OR_CLOSED: &str = "no unit both started and closed";
pub const SUMS: &str = "an ended job's reservation is charged for what started and refunded for the rest, in each pool";
pub const POOLS: &str = "pools equal the ledger's sum and are never negative";
pub const SETTLED_ONCE: &str = "settled at most once";
pub const NOTHING_STARTS: &str = "nothing starts once DELETE has answered";
pub const NO_DEADLOCK: &str = "where nothing can happen by itself the job has ended";
pub const EXTRACT_ENDS: &str = "an extract has ended once DELETE has answered";
pub const INVARIANTS: &str = "domain::invariants::check finds nothing";

pub const CANCELLED_EXTRACT: &str = "an extract is cancelled and charged";
pub const COMPLETES: &str = "completes";
pub const CANCELLED: &str = "is cancelled with a unit charged and a unit refunded";
pub const EXPIRES: &str = "expires";
pub const TAKEN_OVER: &str = "completes after a take-over";
pub const FENCED: &str = "a worker runs a unit that another has taken over";
pub const EXHAUSTED: &str = "a unit ends after its last attempt";

pub fn all() -> Vec<Property<JobModel>> {
    vec![
        Property::always(ONE_RESULT, |_, s: &State| !s.rows.history.second_result),
        Property::always(STARTED_OR_CLOSED, |_, s: &State| s.rows.history.started & s.rows.history.closed == 0),
        Property::always(SUMS, sums),
        Property::always(POOLS, pools),
        Property::always(SETTLED_ONCE, |_, s: &State| s.rows.history.settled <= 1),
        Property::always(NOTHING_STARTS, |_, s: &State| !s.rows.history.started_after_delete),
        Property::always(NO_DEADLOCK, |m: &JobModel, s: &State| s.rows.meta.0.ended() || !m.stuck(s)),
        Property::always(EXTRACT_ENDS, |m: &JobModel, s: &State| {
            !m.extract || !s.rows.history.answered || s.rows.meta.0.ended()
        }),
        Property::always(INVARIANTS, invariants),
        Property::sometimes(COMPLETES, |_, s: &State| ended(s, Outcome::Completed)),
        Property::sometimes(CANCELLED, |_, s: &State| {
            let (started, closed) = (s.rows.history.started, s.rows.history.closed);
            ended(s, Outcome::Cancelled) && started != 0 && closed != 0
        }),
        Property::sometimes(CANCELLED_EXTRACT, |m: &JobModel, s: &State| {
            m.extract && ended(s, Outcome::Cancelled) && s.rows.money.settle.is_some_and(|(charged, ..)| charged == 1)
        }),
        Property::sometimes(EXPIRES, |_, s: &State| ended(s, Outcome::Expired)),
        Property::sometimes(TAKEN_OVER, |_, s: &State| ended(s, Outcome::Completed) && attempts(s) > 1),
        Property::sometimes(FENCED, |_, s: &State| {
            (1..).zip(s.workers).any(|(me, worker)| match worker {
                Worker::Run { u, .. } => {
                    matches!(s.rows.units[usize::from(u)], Row::Started { nonce, .. } if nonce != me)
                }
                _ => false,
            })
        }),
        Property::sometimes(EXHAUSTED, |_, s: &State| {
            s.rows.units.iter().any(|row| matches!(row, Row::Done { ok: false, attempt: 3, .. }))
        }),
    ]
}

fn ended(s: &State, outcome: Outcome) -> bool {
    s.rows.meta.0 == JobState::Ended(outcome)
}

fn attempts(s: &State) -> u8 {
    let attempt = |row: &Row| match row {
        Row::Done { attempt, .. } => *attempt,
        Row::Absent | Row::Started { .. } | Row::Closed => 0,
    };
    s.rows.units.iter().map(attempt).max().unwrap_or(0)
}

fn sums(m: &JobModel, s: &State) -> bool {
    if !s.rows.meta.0.ended() {
        return s.rows.money.settle.is_none();
    }
    let Some((charged, month, prepaid)) = s.rows.money.settle else { return false };
    let (charged, month, prepaid) = (u64::from(charged), u64::from(month), u64::from(prepaid));
    let reserved = m.job(s.rows.meta).reservation;
    let kept = reserved.monthly.checked_sub(month).zip(reserved.prepaid.checked_sub(prepaid));
    kept.is_some_and(|(monthly, prepaid)| monthly + prepaid == charged)
        && charged == u64::from(s.rows.history.started.count_ones())
        && s.rows.units[..m.units].iter().all(|row| row.fate().is_some())
}

fn pools(m: &JobModel, s: &State) -> bool {
    let reserved = m.job(s.rows.meta).reservation;
    let (_, month, prepaid) = s.rows.money.settle.unwrap_or_default();
    // Nothing but this job's credits was ever bought or used.
    i64::from(s.rows.money.used) == reserved.monthly as i64 - i64::from(month)
        && s.rows.money.prepaid == prepaid as i8
        && s.rows.money.used >= 0
        && s.rows.money.prepaid >= 0
}

/// The rows of `s` as the function that judges the real tables wants them.
fn snapshot(m: &JobModel, s: &State) -> Snapshot {
    let job: Job = m.job(Phase(s.rows.meta.0)).clone();
    let reserved = job.reservation;
    let mut ledger = vec![
        LedgerEntry::TopUp { amount: reserved.prepaid },
        LedgerEntry::Reserve {
            job: job.id.clone(),
            monthly: reserved.monthly,
            prepaid: reserved.prepaid,
            month: reserved.month,
        },
    ];
    if let Some((charged, month, prepaid)) = s.rows.money.settle {
        ledger.push(LedgerEntry::Settle {
            job: job.id.clone(),
            charged: charged.into(),
            refund_monthly: month.into(),
            refund_prepaid: prepaid.into(),
            month: reserved.month,
        });
    }
    let account = AccountRows {
        months: BTreeMap::from([(reserved.month, s.rows.money.used.into())]),
        prepaid: Some(s.rows.money.prepaid.into()),
        ledger,
    };
    let units = (0..).zip(&s.rows.units[..m.units]).filter_map(|(u, row)| Some((u, row.unit()?))).collect();
    Snapshot {
        accounts: BTreeMap::from([(job.account.clone(), account)]),
        jobs: vec![JobRows { job, units, progress: s.rows.progress.progress() }],
    }
}

fn invariants(m: &JobModel, s: &State) -> bool {
    let mut judged = m.judged.lock().expect("nobody panics while holding it");
    *judged.entry(s.rows).or_insert_with(|| check(&snapshot(m, s), Timestamp(0), 0).is_empty())
}
