//! Group commit: while a write is under way, what ends and what comes free accumulates; the next takes it all.

use std::collections::BTreeMap;

use super::terminate::Rule;
use super::{Access, Action, Commit, JobView, Local, Machine, Mode, Moment, Move, Settling, Write};
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::{MAX_ATTEMPTS, Segment, Totals, UnitEnd, UnitState, WriteId};

/// A commit that is being put together.
struct Draft {
    /// Rows as they will be, without their new versions.
    rows: BTreeMap<u32, Segment>,
    moves: BTreeMap<Seq, Move>,
    results: Vec<(Seq, u8)>,
}

impl<A: Access> Machine<A> {
    /// The next commit, where one is due.
    pub(super) fn commit(&mut self, at: Moment) -> Option<Action<A>> {
        if self.write.is_some() || self.settling {
            return None;
        }
        let mut draft = Draft { rows: BTreeMap::new(), moves: BTreeMap::new(), results: Vec::new() };
        let terminates = self.draft_termination(&mut draft, at);
        if !terminates && !self.is_due(at) {
            return None;
        }
        // Ends come first: a unit that ended by itself is not ended over its holder's head.
        let mut draft = Draft { rows: BTreeMap::new(), moves: BTreeMap::new(), results: Vec::new() };
        self.draft_ends(&mut draft);
        self.draft_termination(&mut draft, at);
        self.draft_starts(&mut draft, at);
        self.waiting_since = None;
        if draft.rows.is_empty() {
            return None;
        }
        self.writes += 1;
        let id = WriteId { writer: self.plan.me, n: self.writes };
        let segments: BTreeMap<u32, Segment> = draft.rows.iter().map(|(index, row)| (*index, row.next(id))).collect();
        self.write = Some(Write { id, segments: segments.clone(), moves: draft.moves });
        if let Some(settle) = self.last_of_extract(&segments) {
            self.settling = true;
            return Some(Action::Settle(settle));
        }
        Some(Action::Commit(Commit { id, results: draft.results, segments: segments.into_values().collect() }))
    }

    /// Of an extract: the end of its unit and of the job as one write.
    fn last_of_extract(&self, segments: &BTreeMap<u32, Segment>) -> Option<A::Settle> {
        let last = segments.get(&0).filter(|row| self.plan.extract && row.is_over(self.job.admitted))?;
        let totals = Totals::of([last], self.job.admitted);
        A::settle(Settling { job: self.job, totals, last: Some(last.clone()) })
    }

    /// Whether what waits is to be written now. Under load groups grow by themselves; where few are under way nothing
    /// waits for others.
    fn is_due(&mut self, at: Moment) -> bool {
        let (mut waiting, mut preparing, mut running, mut urgent) = (0usize, 0usize, 0usize, false);
        for (seq, local) in &self.local {
            match local {
                Local::Ready { paced } => {
                    waiting += 1;
                    urgent |= *paced || self.unit(*seq) != UnitState::Pending;
                }
                Local::Denied => urgent = true,
                Local::Finished { .. } => waiting += 1,
                Local::Waiting => preparing += 1,
                Local::Running { .. } => running += 1,
            }
        }
        if waiting == 0 && !urgent {
            self.waiting_since = None;
            return false;
        }
        let since = *self.waiting_since.get_or_insert(at.ticks);
        let lingered = at.ticks >= since.saturating_add(self.plan.linger_ticks);
        if !(urgent || lingered || (preparing == 0 && waiting >= running)) {
            return false;
        }
        // What is ready waits for the job's state to be known; what has ended waits with it, a read long.
        self.is_fresh(at) || !self.local.values().any(|local| matches!(local, Local::Ready { .. }))
    }

    /// When what waits is to be written at the latest.
    pub(super) fn due_at(&self) -> Option<u64> {
        self.waiting_since.filter(|_| self.write.is_none()).map(|since| since.saturating_add(self.plan.linger_ticks))
    }

    /// A row as the draft has it, or as it is known. `None` where it has to be read first.
    fn drafted<'d>(&self, draft: &'d mut Draft, index: u32) -> Option<&'d mut Segment> {
        if self.unsure.contains(&index) {
            return None;
        }
        match draft.rows.entry(index) {
            std::collections::btree_map::Entry::Occupied(row) => Some(row.into_mut()),
            std::collections::btree_map::Entry::Vacant(place) => Some(place.insert(self.rows.get(&index)?.clone())),
        }
    }

    fn put(&self, draft: &mut Draft, seq: Seq, unit: UnitState) -> bool {
        let row = self.drafted(draft, Segment::of(seq));
        row.map(|row| row.put(seq, unit)).is_some()
    }

    /// What the job's state asks for.
    fn draft_termination(&self, draft: &mut Draft, at: Moment) -> bool {
        let ends = matches!(self.plan.mode, Mode::End(_));
        if self.job.state == JobState::Running && !ends {
            return false;
        }
        let rule = Rule { state: self.job.state, extract: self.plan.extract, exhausted: ends, now: at.now };
        let mut changed = false;
        for (index, row) in &self.rows {
            let mut row = draft.rows.get(index).unwrap_or(row).clone();
            if !self.unsure.contains(index) && rule.apply(&mut row, self.job.admitted) {
                draft.rows.insert(*index, row);
                changed = true;
            }
        }
        changed
    }

    fn draft_ends(&mut self, draft: &mut Draft) {
        for (seq, local) in self.local.clone() {
            match local {
                Local::Finished { attempt, end, at, skipped } => {
                    if self.put(draft, seq, UnitState::Ended { attempt, end, at, skipped }) {
                        draft.moves.insert(seq, Move::End);
                        if end.has_result() {
                            draft.results.push((seq, attempt));
                        }
                    }
                }
                Local::Denied if self.put(draft, seq, UnitState::Skipped) => {
                    draft.moves.insert(seq, Move::End);
                }
                Local::Denied | Local::Waiting | Local::Ready { .. } | Local::Running { .. } => {}
            }
        }
    }

    fn draft_starts(&mut self, draft: &mut Draft, at: Moment) {
        if !self.is_fresh(at) {
            return;
        }
        let ready: Vec<Seq> =
            self.local.iter().filter(|(_, local)| matches!(local, Local::Ready { .. })).map(|(seq, _)| *seq).collect();
        let (me, may_start) = (self.plan.me, self.may_start(at));
        let page = i64::from(self.plan.timeout_ms);
        let lease_until = at.now.plus_ms(page).plus_secs(self.plan.lease_secs);
        for seq in ready {
            let started = |attempt| UnitState::Started { attempt, holder: me, lease_until };
            match self.unit(seq) {
                UnitState::Pending if may_start => {
                    if self.put(draft, seq, started(1)) {
                        draft.moves.insert(seq, Move::Start { attempt: 1 });
                    }
                }
                UnitState::Started { .. } if self.job.state == JobState::Expiring => self.drop_ready(seq),
                UnitState::Started { attempt, holder, .. } if holder == me => {
                    self.local.insert(seq, Local::Running { attempt });
                    self.out.push_back(Action::Run { seq, attempt });
                }
                UnitState::Started { attempt, lease_until: until, .. } if until <= at.now => {
                    let end = UnitState::Ended { attempt, end: UnitEnd::Exhausted, at: at.now, skipped: 0 };
                    let exhausted = attempt >= MAX_ATTEMPTS;
                    if self.put(draft, seq, if exhausted { end } else { started(attempt + 1) }) {
                        let step = if exhausted { Move::End } else { Move::Start { attempt: attempt + 1 } };
                        draft.moves.insert(seq, step);
                        if exhausted {
                            self.out.push_back(Action::Abort(seq));
                        }
                    }
                }
                UnitState::Pending | UnitState::Started { .. } | UnitState::Ended { .. } | UnitState::Skipped => {
                    self.drop_ready(seq);
                }
            }
        }
    }

    /// A unit that was ready and does not start.
    fn drop_ready(&mut self, seq: Seq) {
        self.local.remove(&seq);
        self.out.push_back(Action::Abort(seq));
        self.place(seq);
    }

    /// The settlement, where nothing is open any more.
    pub(super) fn settle(&mut self) -> Option<Action<A>> {
        let busy = self.write.is_some() || self.settling || self.moving || self.seen_at.is_none();
        if busy || !self.local.is_empty() || self.job.state.ended() || !self.is_over() {
            return None;
        }
        let totals = Totals::of(self.rows.values(), self.job.admitted);
        let job = JobView { ..self.job };
        match A::settle(Settling { job, totals, last: None }) {
            Some(settle) => {
                self.settling = true;
                Some(Action::Settle(settle))
            }
            None => {
                self.exit(super::Exit::Over);
                self.out.pop_front()
            }
        }
    }
}
