//! Checks one job: its units, its results and its ledger entries.

use super::{Findings, JobEntries, JobRows, Rule, Violation};
use crate::job::{Endpoint, JobState, Outcome};
use crate::segment::{Segment, UnitState};
use crate::time::Timestamp;

/// Checks a job's rows and its ledger entries. `sweep_secs` is how long past its deadline it may still be running. A
/// job past its retention is not checked, because some of its rows may be removed already.
pub fn check_job(rows: &JobRows, entries: &JobEntries, now: Timestamp, sweep_secs: u64) -> Vec<Violation> {
    let mut findings = Findings::of(&rows.job.id);
    if rows.job.retained(now) {
        check_units(rows, &mut findings);
        check_reservation(rows, entries, &mut findings);
        match rows.job.state {
            JobState::Ended(outcome) => check_end(rows, entries, outcome, &mut findings),
            JobState::Running | JobState::Cancelling | JobState::FailingFast | JobState::Expiring => {
                check_open(rows, entries, now, sweep_secs, &mut findings);
            }
        }
    }
    findings.found
}

fn check_units(rows: &JobRows, findings: &mut Findings) {
    for (seq, unit) in rows.segments.values().flat_map(Segment::non_pending) {
        if seq >= rows.job.admitted {
            findings.add(Rule::AdmittedHasState, format!("unit {seq} of {}", rows.job.admitted));
        }
        if let UnitState::Ended { attempt, end, .. } = unit
            && end.has_result()
            && !rows.results.contains(&(seq, attempt))
        {
            findings.add(Rule::ResultExists, format!("unit {seq}, attempt {attempt}"));
        }
        if let UnitState::Asked { attempt, .. } = unit
            && !rows.results.contains(&(seq, attempt))
        {
            let text = format!("unit {seq}, attempt {attempt}, provisional");
            findings.add(Rule::ResultExists, text);
        }
    }
}

fn check_reservation(rows: &JobRows, entries: &JobEntries, findings: &mut Findings) {
    let (job, reserved) = (&rows.job, &rows.job.reservation);
    if u64::from(job.admitted) > reserved.total() {
        findings.add(Rule::WithinReservation, format!("{} of {}", job.admitted, reserved.total()));
    }
    let same = |of: &super::Reserve| {
        (of.monthly, of.prepaid, of.month) == (reserved.monthly, reserved.prepaid, reserved.month)
    };
    if !entries.reserve.as_ref().is_some_and(same) {
        findings.add(Rule::HasLedgerEntry, "RESERVE is missing or differs".into());
    }
}

fn check_open(rows: &JobRows, entries: &JobEntries, now: Timestamp, sweep_secs: u64, findings: &mut Findings) {
    let job = &rows.job;
    if entries.settle.is_some() {
        findings.add(Rule::SettledMeansEnded, format!("state {}", job.state.name()));
    }
    if now > job.deadline.plus_secs(sweep_secs) && job.state == JobState::Running {
        findings.add(Rule::BeforeDeadline, format!("deadline {}", job.deadline.rfc3339()));
    }
}

fn check_end(rows: &JobRows, entries: &JobEntries, outcome: Outcome, findings: &mut Findings) {
    let job = &rows.job;
    if job.webhook && !rows.delivery {
        findings.add(Rule::HasMessage, "there is no row for it".into());
    }
    let (mut started, mut skipped) = (0u64, 0u64);
    for seq in job.seqs() {
        let (rule, is) = match rows.unit(seq) {
            UnitState::Ended { .. } => {
                started += 1;
                continue;
            }
            UnitState::Skipped => {
                skipped += 1;
                continue;
            }
            UnitState::Pending => (Rule::HasEveryUnit, "is pending"),
            UnitState::Started { .. } => (Rule::NothingOpen, "is started"),
            UnitState::Asked { .. } => (Rule::NothingOpen, "waits for the model"),
        };
        findings.add(rule, format!("unit {seq} {is}"));
    }
    match entries.settle.as_ref().map(|settle| settle.charged) {
        // An extract has no refund and no SETTLE entry: its row says what was charged.
        None if job.endpoint == Endpoint::Extract => {
            let charged = job.charge.map_or(0, |charge| charge.charged);
            if charged != started || charged != job.reservation.total() {
                findings.add(Rule::ChargedAsStarted, format!("charged {charged}, started {started}"));
            }
        }
        None => findings.add(Rule::EndedMeansSettled, "SETTLE is missing".into()),
        Some(charged) if charged != started => {
            findings.add(Rule::ChargedAsStarted, format!("charged {charged}, started {started}"));
        }
        Some(_) => {}
    }
    // A seed that robots.txt denies is skipped although its crawl completes.
    let may_skip = job.fail_fast || (job.is_crawl() && job.admitted == 1);
    if outcome == Outcome::Completed && skipped > 0 && !may_skip {
        findings.add(Rule::EveryUnitHasResult, format!("{skipped} skipped"));
    }
}
