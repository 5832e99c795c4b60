//! What runners do around their machines: carry out operations, successfully or not, and act once a
//! machine has nothing left to do.

use std::collections::BTreeMap;

use domain::JobState;
use domain::job::DriverLease;
use domain::machine::lane::{self, Next};
use domain::machine::{Event, Exit, Outcome};
use domain::segment::{Segment, UnitEnd};
use domain::sweep::{BACKLOG_LOOKS, Undriven, to_run};

use crate::configuration::{How, JobModel};
use crate::mutant::Mutant;
use crate::process::{Kind, Op, Process, Units};
use crate::setup::Grain;
use crate::world::{Flight, World};

/// What follows an operation.
enum FollowUp {
    /// Another operation.
    Op(Op),
    /// Events for its process.
    Events(Vec<Event>),
}

impl JobModel {
    /// Answers a read.
    pub fn read(&self, world: &World, job: usize, op: &Op) -> Vec<Event> {
        let row = world.job(job);
        match op {
            Op::ReadSegments { first, last } => {
                let there = row.segments.iter().filter(|row| row.version > 0 && (*first..=*last).contains(&row.index));
                vec![Event::Segments(there.cloned().collect())]
            }
            _ => vec![Event::Job(Some(self.view(row)))],
        }
    }

    /// Carries out an operation of a process, or a part of it.
    pub fn perform(&self, world: &mut World, at: usize, op: usize, choice: usize, how: How) {
        let (job, kind) = (world.processes[at].job, world.processes[at].kind);
        let op = world.processes[at].body.change(|body| body.ops.remove(op));
        let reply = matches!(op, Op::Reply(_));
        let next = match op {
            Op::ReadJob | Op::ReadSegments { .. } | Op::Heartbeat if how == How::Fails => {
                FollowUp::Events(vec![Event::ReadFailed])
            }
            Op::ReadJob | Op::ReadSegments { .. } => FollowUp::Events(self.read(world, job, &op)),
            Op::Heartbeat => FollowUp::Events(vec![Event::Heartbeat(None)]),
            Op::Prepare(seq) if how == How::Fails => FollowUp::Events(vec![Event::Dropped(seq)]),
            Op::Prepare(seq) => FollowUp::Events(vec![world.processes[at].body.change(|body| body.prepared(seq))]),
            Op::Dropped(seq) => FollowUp::Events(vec![Event::Dropped(seq)]),
            Op::Page { seq, attempt, grown } => self.page(world, at, (seq, attempt), grown, choice, how),
            Op::Put(commit) => {
                let write = Op::Write { left: commit.segments.clone(), done: Vec::new(), commit: commit.clone() };
                if how != How::Fails && !self.is(Mutant::ResultAfterSegment) {
                    self.put_results(world, job, &commit.results);
                }
                match how {
                    // A write that changes nothing is not a step of its own.
                    How::Works if commit.results.is_empty() => {
                        world.processes[at].body.change(|body| body.ops.push(write));
                        let last = world.processes[at].body.ops.len() - 1;
                        return self.perform(world, at, last, choice, how);
                    }
                    How::Works => FollowUp::Op(write),
                    _ => FollowUp::Events(failed(&commit.segments)),
                }
            }
            Op::Write { commit, mut left, mut done } => {
                let row = left.remove(choice);
                let outcome = self.write_one(world, at, &row, how);
                done.push((row.index, outcome));
                let late = self.is(Mutant::ResultAfterSegment) && !commit.results.is_empty();
                match (left.is_empty(), late) {
                    (false, _) => FollowUp::Op(Op::Write { commit, left, done }),
                    (true, true) => FollowUp::Op(Op::PutLate { results: commit.results, done }),
                    (true, false) => FollowUp::Events(vec![Event::Committed(done)]),
                }
            }
            Op::PutLate { results, done } => {
                self.put_results(world, job, &results);
                FollowUp::Events(vec![Event::Committed(done)])
            }
            Op::Move { from, to } => {
                if how == How::ComesLate {
                    world.flights.push(Flight::Move { job, from, to });
                } else if how != How::Fails {
                    self.begin_termination(world, job, from, to);
                }
                if self.is(Mutant::AnswersBeforeSkipping) && kind == Kind::Canceller && how == How::Works {
                    world.history.answered[job] = Some(true);
                }
                FollowUp::Events(vec![if how == How::Works { Event::Moved } else { Event::MoveFailed }])
            }
            Op::PutLast { settling, result } => {
                if how != How::Fails {
                    self.put_results(world, job, &[result]);
                }
                if how == How::Works {
                    FollowUp::Op(Op::Settle(settling))
                } else {
                    FollowUp::Events(vec![Event::SettleFailed])
                }
            }
            Op::Settle(settling) => {
                let reports_settled = self.is(Mutant::RefusedSettleIsSettled);
                let settled = match how {
                    How::Works | How::LosesReply => self.settle(world, job, &settling),
                    How::Fails => false,
                    How::ComesLate => {
                        world.flights.push(Flight::Settle { job, settling });
                        false
                    }
                };
                FollowUp::Events(vec![match how {
                    How::Works if settled || reports_settled => Event::Settled,
                    How::Works => Event::SettleRefused,
                    _ => Event::SettleFailed,
                }])
            }
            Op::Enqueue(units) => {
                if how == How::Works {
                    world.queue.change(|queue| queue.insert((job, units.clone())));
                }
                FollowUp::Events(vec![Event::Enqueued(if how == How::Works { Units::new() } else { units })])
            }
            Op::Reply(event) => FollowUp::Events(vec![event]),
        };
        match next {
            FollowUp::Op(op) => world.processes[at].body.change(|body| body.ops.push(op)),
            FollowUp::Events(events) if self.setup.grain == Grain::Replies && !reply => {
                let replies = events.into_iter().map(Op::Reply);
                world.processes[at].body.change(|body| body.ops.extend(replies));
            }
            FollowUp::Events(events) => self.handle_events(world, at, events),
        }
    }

    /// Writes one segment of a commit.
    fn write_one(&self, world: &mut World, at: usize, row: &Segment, how: How) -> Outcome {
        let process = &world.processes[at];
        let (job, kind) = (process.job, process.kind);
        let ends = matches!(kind, Kind::Canceller | Kind::Sweeper);
        if ends && self.is(Mutant::NoSkipping) {
            return Outcome::Written;
        }
        let known = process.brain.rows().find(|known| known.index == row.index).cloned();
        match how {
            How::ComesLate => world.flights.push(Flight::Segment { job, row: row.clone() }),
            How::Fails => {}
            How::Works | How::LosesReply => {
                let outcome = match self.is(Mutant::NoFence) {
                    true => self.patch_segment(world, job, known.as_ref(), row),
                    false => self.put_segment(world, job, row),
                };
                if how == How::Works {
                    return self.reported_outcome(outcome, row);
                }
            }
        }
        Outcome::Failed
    }

    /// Returns the outcome of a write that its process gets.
    fn reported_outcome(&self, outcome: Outcome, row: &Segment) -> Outcome {
        match outcome {
            Outcome::Refused(Some(mut found))
                if self.is(Mutant::OwnByWriterOnly)
                    && found.written.map(|id| id.writer) == row.written.map(|id| id.writer) =>
            {
                found.written = row.written;
                Outcome::Refused(Some(found))
            }
            outcome => outcome,
        }
    }

    /// Visits a page: for a crawl, first admits its links; then ends the unit.
    fn page(
        &self,
        world: &mut World,
        at: usize,
        (seq, attempt): (u32, u8),
        grown: Option<u32>,
        choice: usize,
        how: How,
    ) -> FollowUp {
        let dropped = FollowUp::Events(vec![Event::Dropped(seq)]);
        if how == How::Fails {
            return dropped;
        }
        if grown.is_none() && self.setup.is_crawl() {
            let job = world.processes[at].job;
            let grown = if choice == 0 { self.grow(world, job, seq).unwrap_or_default() } else { 0 };
            return if how == How::Works {
                FollowUp::Op(Op::Page { seq, attempt, grown: Some(grown) })
            } else {
                dropped
            };
        }
        if how != How::Works {
            return dropped;
        }
        if choice > usize::from(self.setup.pages_fail) {
            world.processes[at].body.change(|body| body.results.insert((seq, attempt)));
            return FollowUp::Events(vec![Event::Asked { seq, attempt, at: domain::Timestamp(0), skipped: 0 }]);
        }
        let end = if choice == 0 { UnitEnd::Succeeded } else { UnitEnd::Failed };
        world.processes[at].body.change(|body| body.results.insert((seq, attempt)));
        let admitted = grown.filter(|admitted| *admitted > 0).map(Event::Admitted);
        let ended = Event::Ended { seq, attempt, end, at: domain::Timestamp(0), skipped: 0 };
        FollowUp::Events(admitted.into_iter().chain([ended]).collect())
    }

    /// A write that seemed to have failed reaches the store.
    pub fn land(&self, world: &mut World, at: usize) {
        match world.flights.remove(at) {
            Flight::Segment { job, row } => drop(self.put_segment(world, job, &row)),
            Flight::Move { job, from, to } => self.begin_termination(world, job, from, to),
            Flight::Settle { job, settling } => drop(self.settle(world, job, &settling)),
        }
    }

    /// A worker receives a message. A message without units asks whether its lane has more to do.
    pub fn receive(&self, world: &mut World, job: usize, units: &Units) {
        if units.is_empty() {
            world.queue.change(|queue| queue.remove(&(job, Units::new())));
            return self.go_on(world, job);
        }
        self.spawn(world, Kind::Worker, job, units);
    }

    /// Acts on a process whose machine has nothing left to do.
    pub fn after(&self, world: &mut World, process: Process, exit: Exit) {
        if exit == Exit::GaveUp {
            return;
        }
        match process.kind {
            Kind::Driver | Kind::Poller => {}
            Kind::Canceller => self.answer(world, &process, exit),
            Kind::Worker => self.conclude(world, &process, exit),
            Kind::Sweeper if exit != Exit::Settled => self.send_again(world, &process),
            Kind::Sweeper => {}
        }
    }

    fn answer(&self, world: &mut World, process: &Process, exit: Exit) {
        let state = process.brain.job().state;
        let by_itself = exit == Exit::Settled && state.final_outcome() == domain::Outcome::Completed;
        let cancelled = !by_itself || world.job(process.job).state.final_outcome() != domain::Outcome::Completed;
        if cancelled {
            world.history.answered[process.job] = Some(true);
        }
    }

    /// Decides what happens to a worker's message.
    fn conclude(&self, world: &mut World, process: &Process, exit: Exit) {
        let job = process.job;
        if exit == Exit::Left && process.brain.held_until().is_some() {
            return;
        }
        world.queue.change(|queue| queue.remove(&(job, (*process.message).clone())));
        if exit != Exit::Left {
            return;
        }
        let open = process.brain.open();
        if !open.is_empty() && process.brain.job().state == JobState::Running {
            world.queue.change(|queue| queue.insert((job, open)));
            return;
        }
        self.go_on(world, job);
    }

    /// Continues a lane.
    fn go_on(&self, world: &mut World, job: usize) {
        let row = world.job(job);
        let rows: BTreeMap<u32, Segment> = row.segments.iter().map(|row| (row.index, row.clone())).collect();
        let lanes = domain::lanes::Lanes { count: 1, concurrency: self.setup.concurrency, per_message: 64 };
        match lane::next(self.view(row), self.setup.is_crawl(), &rows, &lanes, 0) {
            Next::Go(units) => drop(world.queue.change(|queue| queue.insert((job, units.into_iter().collect())))),
            Next::Park => drop(world.queue.change(|queue| queue.insert((job, Units::new())))),
            Next::Settle | Next::End => {}
        }
    }

    /// A sweep sends the open units to the queue, or starts a driver for them.
    fn send_again(&self, world: &mut World, process: &Process) {
        let (job, view, now) = (process.job, process.brain.job(), self.now(world));
        let rows: BTreeMap<u32, Segment> = process.brain.rows().map(|row| (row.index, row.clone())).collect();
        let mut open: Units = to_run(view, &rows, now).into_iter().collect();
        if self.is(Mutant::ResendOnlyWhileRunning) && view.state != JobState::Running {
            open.clear();
        }
        // The worst case: the messages were sent, and messages of others wait for ever. Then they are sent again because a holder
        // died, or once nothing has moved for so many looks.
        let driver = DriverLease {
            holder: process.me,
            until: now,
            queued: true,
            quiet: if self.is(Mutant::BacklogWithoutEnd) { 0 } else { BACKLOG_LOOKS },
        };
        let known: Vec<Segment> = rows.into_values().collect();
        let long_ago = now.plus_ms(-1_000);
        let undriven = Undriven { moved_at: long_ago, ..Undriven::of(&driver, long_ago, &known, 0, now) };
        if !undriven.next_look(true, now, 1).send {
            return;
        }
        let driven = world.processes.iter().any(|other| other.kind == Kind::Driver && other.job == job && !other.lost);
        if open.is_empty() || driven || self.is(Mutant::NoResend) || world.job(job).state.ended() {
            return;
        }
        if self.setup.messages.is_empty() {
            self.spawn(world, Kind::Driver, job, &Units::new());
        } else {
            // Units in a message that the queue still has are not sent again: a duplicate message counts as a fault.
            let has = |seq: &u32| world.queue.iter().any(|(of, units)| *of == job && units.contains(seq));
            let news: Units = open.into_iter().filter(|seq| !has(seq)).collect();
            if !news.is_empty() {
                world.queue.change(|queue| queue.insert((job, news)));
            }
        }
    }
}

/// Reports that no segment of a commit is known to have been written.
fn failed(segments: &[Segment]) -> Vec<Event> {
    vec![Event::Committed(segments.iter().map(|row| (row.index, Outcome::Failed)).collect())]
}
