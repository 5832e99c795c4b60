//! What runners do around their machines: carry out operations, successfully or not, and act once a
//! machine has nothing left to do.

use std::collections::BTreeMap;

use domain::JobState;
use domain::job::DriverLease;
use domain::machine::lane::{self, LaneStep};
use domain::machine::{Event, Exit, WriteOutcome};
use domain::segment::{Segment, UnitEnd};
use domain::sweep::{BACKLOG_CHECKS, DriverlessJob, to_run};

use crate::configuration::{JobModel, OpOutcome};
use crate::mutant::Mutant;
use crate::process::{Kind, Op, Process, Units};
use crate::setup::Interleaving;
use crate::world::{DelayedWrite, World};

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
                let rows = row.segments.iter().filter(|row| row.version > 0 && (*first..=*last).contains(&row.index));
                vec![Event::Segments(rows.cloned().collect())]
            }
            _ => vec![Event::Job(Some(self.view(row)))],
        }
    }

    /// Carries out an operation of a process, or a part of it.
    pub fn perform(&self, world: &mut World, at: usize, op: usize, choice: usize, op_outcome: OpOutcome) {
        let (job, kind) = (world.processes[at].job, world.processes[at].kind);
        let op = world.processes[at].runner.change(|runner| runner.ops.remove(op));
        let reply = matches!(op, Op::Reply(_));
        let succeeds = op_outcome == OpOutcome::Success;
        let next = match op {
            Op::ReadJob | Op::ReadSegments { .. } | Op::Heartbeat if op_outcome == OpOutcome::Failure => {
                FollowUp::Events(vec![Event::ReadFailed])
            }
            Op::ReadJob | Op::ReadSegments { .. } => FollowUp::Events(self.read(world, job, &op)),
            Op::Heartbeat => FollowUp::Events(vec![Event::Heartbeat(None)]),
            Op::Prepare(seq) if op_outcome == OpOutcome::Failure => FollowUp::Events(vec![Event::Dropped(seq)]),
            Op::Prepare(seq) => {
                FollowUp::Events(vec![world.processes[at].runner.change(|runner| runner.prepared(seq))])
            }
            Op::Dropped(seq) => FollowUp::Events(vec![Event::Dropped(seq)]),
            Op::Page { seq, attempt, grown } => self.visit_page(world, at, (seq, attempt), grown, choice, op_outcome),
            Op::PutResults(commit) => {
                let write = Op::Write { left: commit.segments.clone(), done: Vec::new(), commit: commit.clone() };
                if op_outcome != OpOutcome::Failure && !self.has_mutant(Mutant::ResultAfterSegment) {
                    self.put_results(world, job, &commit.results);
                }
                match op_outcome {
                    // A write that changes nothing is not a step of its own.
                    OpOutcome::Success if commit.results.is_empty() => {
                        world.processes[at].runner.change(|runner| runner.ops.push(write));
                        let last = world.processes[at].runner.ops.len() - 1;
                        return self.perform(world, at, last, choice, op_outcome);
                    }
                    OpOutcome::Success => FollowUp::Op(write),
                    _ => FollowUp::Events(commit_failed(&commit.segments)),
                }
            }
            Op::Write { commit, mut left, mut done } => {
                let row = left.remove(choice);
                let outcome = self.write_segment(world, at, &row, op_outcome);
                done.push((row.index, outcome));
                let late = self.has_mutant(Mutant::ResultAfterSegment) && !commit.results.is_empty();
                match (left.is_empty(), late) {
                    (false, _) => FollowUp::Op(Op::Write { commit, left, done }),
                    (true, true) => FollowUp::Op(Op::PutResultsLate { results: commit.results, done }),
                    (true, false) => FollowUp::Events(vec![Event::Committed(done)]),
                }
            }
            Op::PutResultsLate { results, done } => {
                self.put_results(world, job, &results);
                FollowUp::Events(vec![Event::Committed(done)])
            }
            Op::Terminate { from, to } => {
                if op_outcome == OpOutcome::Delayed {
                    world.delayed_writes.push(DelayedWrite::Terminate { job, from, to });
                } else if op_outcome != OpOutcome::Failure {
                    self.begin_termination(world, job, from, to);
                }
                if self.has_mutant(Mutant::AnswersBeforeSkipping) && kind == Kind::Canceller && succeeds {
                    world.history.delete_answer[job] = Some(true);
                }
                FollowUp::Events(vec![if succeeds { Event::JobStateChanged } else { Event::JobStateChangeFailed }])
            }
            Op::PutLastResult { settling, result } => {
                if op_outcome != OpOutcome::Failure {
                    self.put_results(world, job, &[result]);
                }
                if succeeds { FollowUp::Op(Op::Settle(settling)) } else { FollowUp::Events(vec![Event::SettleFailed]) }
            }
            Op::Settle(settling) => {
                let reports_settled = self.has_mutant(Mutant::RefusedSettleIsSettled);
                let settled = match op_outcome {
                    OpOutcome::Success | OpOutcome::ReplyLost => self.settle(world, job, &settling),
                    OpOutcome::Failure => false,
                    OpOutcome::Delayed => {
                        world.delayed_writes.push(DelayedWrite::Settle { job, settling });
                        false
                    }
                };
                FollowUp::Events(vec![match op_outcome {
                    OpOutcome::Success if settled || reports_settled => Event::Settled,
                    OpOutcome::Success => Event::SettleRefused,
                    _ => Event::SettleFailed,
                }])
            }
            Op::Enqueue(units) => {
                if succeeds {
                    world.queue.change(|queue| queue.insert((job, units.clone())));
                }
                FollowUp::Events(vec![Event::Enqueued(if succeeds { Units::new() } else { units })])
            }
            Op::Reply(event) => FollowUp::Events(vec![event]),
        };
        match next {
            FollowUp::Op(op) => world.processes[at].runner.change(|runner| runner.ops.push(op)),
            FollowUp::Events(events) if self.setup.interleaving == Interleaving::Replies && !reply => {
                let replies = events.into_iter().map(Op::Reply);
                world.processes[at].runner.change(|runner| runner.ops.extend(replies));
            }
            FollowUp::Events(events) => self.handle_events(world, at, events),
        }
    }

    /// Writes one segment of a commit.
    fn write_segment(&self, world: &mut World, at: usize, row: &Segment, op_outcome: OpOutcome) -> WriteOutcome {
        let process = &world.processes[at];
        let (job, kind) = (process.job, process.kind);
        let ends = matches!(kind, Kind::Canceller | Kind::Sweeper);
        if ends && self.has_mutant(Mutant::NoSkipping) {
            return WriteOutcome::Written;
        }
        let known = process.machine.rows().find(|known| known.index == row.index).cloned();
        match op_outcome {
            OpOutcome::Delayed => world.delayed_writes.push(DelayedWrite::Segment { job, row: row.clone() }),
            OpOutcome::Failure => {}
            OpOutcome::Success | OpOutcome::ReplyLost => {
                let outcome = match self.has_mutant(Mutant::NoFencing) {
                    true => self.patch_segment(world, job, known.as_ref(), row),
                    false => self.put_segment(world, job, row),
                };
                if op_outcome == OpOutcome::Success {
                    return self.reported_outcome(outcome, row);
                }
            }
        }
        WriteOutcome::Failed
    }

    /// Returns the outcome of a write that its process gets.
    fn reported_outcome(&self, outcome: WriteOutcome, row: &Segment) -> WriteOutcome {
        match outcome {
            WriteOutcome::Refused(Some(mut found))
                if self.has_mutant(Mutant::OwnByWriterOnly)
                    && found.last_write.map(|id| id.writer) == row.last_write.map(|id| id.writer) =>
            {
                found.last_write = row.last_write;
                WriteOutcome::Refused(Some(found))
            }
            outcome => outcome,
        }
    }

    /// Visits a page: for a crawl, first admits its links; then ends the unit.
    fn visit_page(
        &self,
        world: &mut World,
        at: usize,
        (seq, attempt): (u32, u8),
        grown: Option<u32>,
        choice: usize,
        op_outcome: OpOutcome,
    ) -> FollowUp {
        let dropped = FollowUp::Events(vec![Event::Dropped(seq)]);
        if op_outcome == OpOutcome::Failure {
            return dropped;
        }
        if grown.is_none() && self.setup.is_crawl() {
            let job = world.processes[at].job;
            let grown = if choice == 0 { self.grow(world, job, seq).unwrap_or_default() } else { 0 };
            return if op_outcome == OpOutcome::Success {
                FollowUp::Op(Op::Page { seq, attempt, grown: Some(grown) })
            } else {
                dropped
            };
        }
        if op_outcome != OpOutcome::Success {
            return dropped;
        }
        if choice > usize::from(self.setup.pages_fail) {
            world.processes[at].runner.change(|runner| runner.results.insert((seq, attempt)));
            return FollowUp::Events(vec![Event::Asked { seq, attempt, at: domain::Timestamp(0), skipped: 0 }]);
        }
        let end = if choice == 0 { UnitEnd::Succeeded } else { UnitEnd::Failed };
        world.processes[at].runner.change(|runner| runner.results.insert((seq, attempt)));
        let admitted = grown.filter(|admitted| *admitted > 0).map(Event::Admitted);
        let ended = Event::Ended { seq, attempt, end, at: domain::Timestamp(0), skipped: 0 };
        FollowUp::Events(admitted.into_iter().chain([ended]).collect())
    }

    /// A write that seemed to have failed reaches the store.
    pub fn apply_delayed_write(&self, world: &mut World, at: usize) {
        match world.delayed_writes.remove(at) {
            DelayedWrite::Segment { job, row } => drop(self.put_segment(world, job, &row)),
            DelayedWrite::Terminate { job, from, to } => self.begin_termination(world, job, from, to),
            DelayedWrite::Settle { job, settling } => drop(self.settle(world, job, &settling)),
        }
    }

    /// A worker receives a message. A message without units asks whether its lane has more to do.
    pub fn receive(&self, world: &mut World, job: usize, units: &Units) {
        if units.is_empty() {
            world.queue.change(|queue| queue.remove(&(job, Units::new())));
            return self.continue_lane(world, job);
        }
        self.spawn(world, Kind::Worker, job, units);
    }

    /// Does what a runner does when its machine has nothing left to do.
    pub fn on_exit(&self, world: &mut World, process: Process, exit: Exit) {
        if exit == Exit::GaveUp {
            return;
        }
        match process.kind {
            Kind::Driver | Kind::Poller => {}
            Kind::Canceller => self.answer_delete(world, &process, exit),
            Kind::Worker => self.finish_message(world, &process, exit),
            Kind::Sweeper if exit != Exit::Settled => self.resend(world, &process),
            Kind::Sweeper => {}
        }
    }

    /// Records what DELETE answers.
    fn answer_delete(&self, world: &mut World, process: &Process, exit: Exit) {
        let state = process.machine.job().state;
        let by_itself = exit == Exit::Settled && state.final_outcome() == domain::Outcome::Completed;
        let cancelled = !by_itself || world.job(process.job).state.final_outcome() != domain::Outcome::Completed;
        if cancelled {
            world.history.delete_answer[process.job] = Some(true);
        }
    }

    /// Decides what happens to a worker's message.
    fn finish_message(&self, world: &mut World, process: &Process, exit: Exit) {
        let job = process.job;
        if exit == Exit::NothingToRun && process.machine.held_until().is_some() {
            return;
        }
        world.queue.change(|queue| queue.remove(&(job, (*process.message).clone())));
        if exit != Exit::NothingToRun {
            return;
        }
        let open = process.machine.open();
        if !open.is_empty() && process.machine.job().state == JobState::Running {
            world.queue.change(|queue| queue.insert((job, open)));
            return;
        }
        self.continue_lane(world, job);
    }

    /// Continues a lane.
    fn continue_lane(&self, world: &mut World, job: usize) {
        let row = world.job(job);
        let rows: BTreeMap<u32, Segment> = row.segments.iter().map(|row| (row.index, row.clone())).collect();
        let lanes = domain::lanes::Lanes { count: 1, concurrency: self.setup.concurrency, per_message: 64 };
        match lane::next_step(self.view(row), self.setup.is_crawl(), &rows, &lanes, 0) {
            LaneStep::Continue(units) => {
                let _ = world.queue.change(|queue| queue.insert((job, units.into_iter().collect())));
            }
            LaneStep::AwaitGrowth => drop(world.queue.change(|queue| queue.insert((job, Units::new())))),
            LaneStep::Settle | LaneStep::End => {}
        }
    }

    /// A sweep sends the open units to the queue, or starts a driver for them.
    fn resend(&self, world: &mut World, process: &Process) {
        let (job, view, now) = (process.job, process.machine.job(), self.now(world));
        let rows: BTreeMap<u32, Segment> = process.machine.rows().map(|row| (row.index, row.clone())).collect();
        let mut open: Units = to_run(view, &rows, now).into_iter().collect();
        if self.has_mutant(Mutant::ResendOnlyWhileRunning) && view.state != JobState::Running {
            open.clear();
        }
        // Assumes the worst case: the messages were sent, and other jobs' messages wait for ever. Then units are sent again
        // only because a holder died, or because the job made no progress for `BACKLOG_CHECKS` sweeps.
        let driver = DriverLease {
            holder: process.nonce,
            until: now,
            queued: true,
            idle_checks: if self.has_mutant(Mutant::NoResendInBacklog) { 0 } else { BACKLOG_CHECKS },
        };
        let known: Vec<Segment> = rows.into_values().collect();
        let long_ago = now.plus_ms(-1_000);
        let driverless =
            DriverlessJob { last_progress_at: long_ago, ..DriverlessJob::of(&driver, long_ago, &known, 0, now) };
        if !driverless.next_check(true, now, 1).send {
            return;
        }
        let drives = |other: &Process| other.kind == Kind::Driver && other.job == job && !other.lease_lost;
        let driven = world.processes.iter().any(drives);
        if open.is_empty() || driven || self.has_mutant(Mutant::NoResend) || world.job(job).state.ended() {
            return;
        }
        if self.setup.messages.is_empty() {
            self.spawn(world, Kind::Driver, job, &Units::new());
        } else {
            // Units in a message that the queue still has are not sent again: a duplicate message counts as a fault.
            let has = |seq: &u32| world.queue.iter().any(|(of, units)| *of == job && units.contains(seq));
            let unsent: Units = open.into_iter().filter(|seq| !has(seq)).collect();
            if !unsent.is_empty() {
                world.queue.change(|queue| queue.insert((job, unsent)));
            }
        }
    }
}

/// Reports that no segment of a commit is known to have been written.
fn commit_failed(segments: &[Segment]) -> Vec<Event> {
    vec![Event::Committed(segments.iter().map(|row| (row.index, WriteOutcome::Failed)).collect())]
}
