//! The conditional writes on the rows, with the conditions that the store passes to the database. A mutant leaves out
//! one condition. Records what happened, for the properties.

use domain::machine::{JobView, SettlementRequest, WriteOutcome};
use domain::segment::{MAX_ATTEMPTS, Segment, UnitEnd, UnitState};
use domain::{JobState, Seq};

use crate::configuration::JobModel;
use crate::mutant::Mutant;
use crate::world::{JobRow, World};

impl JobModel {
    /// Returns a job's row as a machine sees it.
    pub fn view(&self, row: &JobRow) -> JobView {
        JobView { state: row.state, admitted: row.admitted, deadline: self.deadline() }
    }

    /// Changes the rows and checks the invariants again.
    fn change(&self, world: &mut World, job: usize, change: impl FnOnce(&mut JobRow)) {
        world.rows.change(|rows| change(&mut rows.jobs[job]));
        self.check_invariants(world);
    }

    pub fn check_invariants(&self, world: &mut World) {
        world.history.invariant_violated |= !self.satisfies_invariants(&world.rows);
    }

    /// Writes results, without a condition.
    pub fn put_results(&self, world: &mut World, job: usize, results: &[(Seq, u8)]) {
        if results.iter().any(|result| !world.job(job).results.contains(result)) {
            self.change(world, job, |row| row.results.extend(results));
        }
    }

    /// Writes a segment if its row has the preceding version and, for an extract, the job has not ended.
    pub fn put_segment(&self, world: &mut World, job: usize, row: &Segment) -> WriteOutcome {
        let old = world.job(job).segments[row.index as usize].clone();
        let ended = self.setup.extract && world.job(job).state.ended();
        if (old.version + 1 == row.version && !ended) || self.has_mutant(Mutant::UnconditionalWrite) {
            self.write(world, job, &old, row.clone());
            return WriteOutcome::Written;
        }
        if self.has_mutant(Mutant::RefusedIsWritten) {
            return WriteOutcome::Written;
        }
        WriteOutcome::Refused(Some(old).filter(|old| old.version > 0))
    }

    /// Writes without fencing, for the mutant: merges the units that differ from what the writer knew into the row.
    pub fn patch_segment(&self, world: &mut World, job: usize, known: Option<&Segment>, row: &Segment) -> WriteOutcome {
        let old = world.job(job).segments[row.index as usize].clone();
        let mut next = old.clone();
        (next.version, next.last_write) = (old.version + 1, row.last_write);
        for seq in row.seqs(world.job(job).admitted) {
            if known.is_none_or(|known| known.unit(seq) != row.unit(seq)) {
                next.put(seq, row.unit(seq));
            }
        }
        self.write(world, job, &old, next);
        WriteOutcome::Written
    }

    fn write(&self, world: &mut World, job: usize, old: &Segment, new: Segment) {
        self.note(world, job, old, &new);
        let index = new.index as usize;
        self.change(world, job, |row| row.segments[index] = new);
    }

    /// Changes META's state if it is still the state that was read.
    pub fn begin_termination(&self, world: &mut World, job: usize, from: JobState, to: JobState) {
        if world.job(job).state == from || self.has_mutant(Mutant::UnconditionalTermination) {
            self.change(world, job, |row| row.state = to);
        }
    }

    /// Settles in one transaction: META becomes ended if its state and units are as read, each pool gets its refund,
    /// and LEDGER SETTLE is written if absent. For an extract it is one write, which also ends the unit. Returns
    /// whether it took effect.
    pub fn settle(&self, world: &mut World, job: usize, settling: &SettlementRequest) -> bool {
        let SettlementRequest { job: JobView { state, admitted, .. }, totals, final_segment } = settling;
        let read = domain::Job { state: *state, admitted: *admitted, ..self.setup.job(job) };
        let Some(end) = read.settle(totals, self.now(world)) else { return false };
        let row = world.job(job);
        let as_read = row.state == *state || self.has_mutant(Mutant::SettleIgnoresState) && !row.state.ended();
        let all = self.setup.extract || row.admitted == *admitted || self.has_mutant(Mutant::SettleIgnoresAdmitted);
        let once = self.setup.extract || row.settled.is_none();
        let old = row.segments[0].clone();
        let next = final_segment
            .as_ref()
            .is_none_or(|last| last.version == old.version + 1 || self.has_mutant(Mutant::ExtractEndIgnoresVersion));
        let settles = as_read && all && once || self.has_mutant(Mutant::UnconditionalSettle);
        if !(settles && next) {
            return false;
        }
        if let Some(last) = final_segment {
            self.note(world, job, &old, last);
        }
        world.rows.change(|rows| {
            rows.used -= end.charge.refund_monthly.cast_signed();
            rows.prepaid += end.charge.refund_prepaid.cast_signed();
            let row = &mut rows.jobs[job];
            row.state = JobState::Ended(end.outcome);
            row.settled = Some((end.charge.charged, end.charge.refund_monthly, end.charge.refund_prepaid));
            if let Some(last) = final_segment {
                row.segments[0] = last.clone();
            }
        });
        world.history.settled[job] = world.history.settled[job].saturating_add(1).min(2);
        self.check_invariants(world);
        true
    }

    /// Admits the page that a unit's page links to, once, if the job runs and its limit allows it. Returns the number
    /// of units afterwards if this call admitted one.
    pub fn grow(&self, world: &mut World, job: usize, seq: Seq) -> Option<u32> {
        let row = world.job(job);
        let runs = row.state == JobState::Running || self.has_mutant(Mutant::GrowthIgnoresState);
        if !runs || row.admitted >= self.setup.max_units || row.grown.contains(&seq) {
            return None;
        }
        self.change(world, job, |row| {
            row.grown.insert(seq);
            row.admitted += 1;
        });
        Some(world.job(job).admitted)
    }

    /// Records what a write does to each unit, and whether it may.
    fn note(&self, world: &mut World, job: usize, old: &Segment, new: &Segment) {
        let (now, row) = (self.now(world), world.job(job).clone());
        let history = &mut world.history;
        let writer = new.last_write.map(|id| id.writer);
        let failed = new.seqs(row.admitted).any(|seq| new.unit(seq).is_failed());
        for seq in new.seqs(self.setup.max_units.max(row.admitted)) {
            match (old.unit(seq), new.unit(seq)) {
                (before, after) if before == after => {}
                (UnitState::Pending, UnitState::Started { attempt, .. }) => {
                    history.started_after_delete |= history.delete_answer[job].is_some();
                    history.started_after_failure |= self.setup.fail_fast && failed;
                    history.unfenced |= attempt != 1;
                }
                (UnitState::Pending, UnitState::Skipped) => {}
                (UnitState::Started { attempt, lease_until, .. }, UnitState::Started { attempt: next, .. }) => {
                    history.unfenced |= lease_until > now || next != attempt + 1 || next > MAX_ATTEMPTS;
                    history.taken_over = true;
                }
                (UnitState::Started { attempt, holder, lease_until }, UnitState::Ended { attempt: last, end, .. }) => {
                    let right = match end {
                        UnitEnd::Succeeded | UnitEnd::Failed | UnitEnd::Duplicate => writer == Some(holder),
                        UnitEnd::Exhausted => attempt >= MAX_ATTEMPTS && lease_until <= now,
                        UnitEnd::Expired => row.state == JobState::Expiring,
                        UnitEnd::Cancelled => self.setup.extract && row.state == JobState::Cancelling,
                    };
                    history.unfenced |= !right || last != attempt;
                }
                (UnitState::Started { attempt, holder, .. }, UnitState::Asked { attempt: last, .. }) => {
                    history.unfenced |= writer != Some(holder) || last != attempt;
                }
                (UnitState::Asked { attempt, .. }, UnitState::Ended { attempt: last, end, .. }) => {
                    let as_it_was = last == attempt && row.state != JobState::Running;
                    history.ended_with_answer |= last == attempt + 1;
                    history.ended_provisionally |= as_it_was;
                    history.unfenced |= end != UnitEnd::Succeeded || !(as_it_was || last == attempt + 1);
                }
                (UnitState::Asked { .. }, _) => history.ended_unit_changed = true,
                (UnitState::Started { .. }, _) | (UnitState::Skipped, UnitState::Started { .. }) => {
                    history.started_and_skipped = true;
                }
                (UnitState::Ended { .. } | UnitState::Skipped, _) => history.ended_unit_changed = true,
                (UnitState::Pending, _) => history.unfenced = true,
            }
        }
    }
}
