//! A machine's writes: commits and the settlement.

use super::draft::Draft;
use super::units::Local;
use super::{Access, Action, Commit, Exit, Machine, Moment, Settling};

impl<A: Access> Machine<A> {
    /// Returns the next commit, if one is due.
    pub(super) fn commit(&mut self, at: Moment) -> Option<Action<A>> {
        if self.commit.write.is_some() || self.settling {
            return None;
        }
        let rule = self.share.rule(at);
        let terminates = rule.is_some_and(|rule| Draft::default().terminate(&self.share.known, rule));
        if !terminates && !self.commit.is_due(&self.share.units, &self.share.known, &self.share.plan, at) {
            return None;
        }
        // Ends come first, so that the termination rule does not end a unit that has ended by itself.
        let mut draft = Draft::default();
        draft.ends(&self.share.known, &self.share.units);
        if let Some(rule) = rule {
            draft.terminate(&self.share.known, rule);
        }
        draft.starts(&self.share.known, &self.share.units, &self.share.plan, self.share.may_start(at), at);
        for (seq, attempt) in std::mem::take(&mut draft.running) {
            self.share.units.local.insert(seq, Local::Running { attempt });
            self.out.push_back(Action::Run { seq, attempt });
        }
        self.out.extend(draft.exhausted.drain(..).map(Action::Abort));
        for seq in std::mem::take(&mut draft.dropped) {
            self.share.units.local.remove(&seq);
            self.out.push_back(Action::Abort(seq));
            let aborted = self.share.place_all([seq]);
            self.abort(aborted);
        }
        let results = std::mem::take(&mut draft.results);
        let write = self.commit.begin(self.share.plan.me, draft)?;
        let (id, segments) = (write.id, write.segments.clone());
        if let Some(settle) = self.share.last_of_extract(&segments).and_then(A::settle) {
            self.settling = true;
            return Some(Action::Settle(settle));
        }
        Some(Action::Commit(Commit { id, results, segments: segments.into_values().collect() }))
    }

    /// Returns the settlement, if no unit is open.
    pub(super) fn settle(&mut self) -> Option<Action<A>> {
        let busy = self.commit.write.is_some() || self.settling || self.moving || self.share.known.seen_at.is_none();
        if busy
            || !self.share.units.local.is_empty()
            || self.share.known.job.state.ended()
            || !self.share.known.is_over()
        {
            return None;
        }
        match A::settle(Settling { job: self.share.known.job, totals: self.share.known.totals(), last: None }) {
            Some(settle) => {
                self.settling = true;
                Some(Action::Settle(settle))
            }
            None => {
                self.exit(Exit::Over);
                self.out.pop_front()
            }
        }
    }
}
