//! A machine's writes: commits and the settlement.

use super::draft::Draft;
use super::units::LocalState;
use super::{Access, Action, Commit, Exit, Machine, Moment, SettlementRequest};

impl<A: Access> Machine<A> {
    /// Returns the next commit, if one is due.
    pub(super) fn commit(&mut self, at: Moment) -> Option<Action<A>> {
        if self.commit.write.is_some() || self.settling {
            return None;
        }
        let rule = self.runner.rule(at);
        let terminates = rule.is_some_and(|rule| Draft::default().terminate(&self.runner.known, rule));
        if !terminates && !self.commit.is_due(&self.runner.units, &self.runner.known, &self.runner.config, at) {
            return None;
        }
        // Ends come first, so that the termination rule does not end a unit that has ended by itself.
        let mut draft = Draft::default();
        draft.add_ends(&self.runner.known, &self.runner.units);
        if let Some(rule) = rule {
            draft.terminate(&self.runner.known, rule);
        }
        draft.add_starts(&self.runner.known, &self.runner.units, &self.runner.config, self.runner.may_start(at), at);
        for (seq, attempt) in std::mem::take(&mut draft.running) {
            self.runner.units.local.insert(seq, LocalState::Running { attempt });
            self.actions.push_back(Action::Run { seq, attempt });
        }
        self.actions.extend(draft.exhausted.drain(..).map(Action::Abort));
        for seq in std::mem::take(&mut draft.dropped) {
            self.runner.units.local.remove(&seq);
            self.actions.push_back(Action::Abort(seq));
            let aborted = self.runner.sync_units([seq]);
            self.abort(aborted);
        }
        let results = std::mem::take(&mut draft.results);
        let write = self.commit.begin(self.runner.config.nonce, draft)?;
        let (id, segments) = (write.id, write.segments.clone());
        if let Some(settle) = self.runner.extract_settlement(&segments).and_then(A::settle) {
            self.settling = true;
            return Some(Action::Settle(settle));
        }
        Some(Action::Commit(Commit { id, results, segments: segments.into_values().collect() }))
    }

    /// Returns the settlement, if no unit is open.
    pub(super) fn settle(&mut self) -> Option<Action<A>> {
        let busy =
            self.commit.write.is_some() || self.settling || self.terminating || self.runner.known.job_read_at.is_none();
        if busy
            || !self.runner.units.local.is_empty()
            || self.runner.known.job.state.ended()
            || !self.runner.known.is_over()
        {
            return None;
        }
        match A::settle(SettlementRequest {
            job: self.runner.known.job,
            totals: self.runner.known.totals(),
            final_segment: None,
        }) {
            Some(settle) => {
                self.settling = true;
                Some(Action::Settle(settle))
            }
            None => {
                self.exit(Exit::NeedsSettlement);
                self.actions.pop_front()
            }
        }
    }
}
