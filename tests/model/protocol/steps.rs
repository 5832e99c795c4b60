//! The steps that are possible in a state: those that happen by themselves, and faults.

use domain::segment::UnitState;

use crate::configuration::{JobModel, MAX_WAKES, OpOutcome, Step};
use crate::mutant::Mutant;
use crate::process::{Kind, Op, Process, Units};
use crate::world::World;

impl JobModel {
    /// Adds the steps that happen by themselves, without a fault or a call.
    pub fn spontaneous_steps(&self, world: &World, steps: &mut Vec<Step>) {
        for (at, process) in world.processes.iter().enumerate() {
            for (index, op) in process.runner.ops.iter().enumerate() {
                let choices = self.choices(op);
                steps.extend((0..choices).map(|choice| Step::Perform {
                    process: at,
                    op: index,
                    choice,
                    op_outcome: OpOutcome::Success,
                }));
            }
            if process.runner.ops.is_empty() && process.kind == Kind::Driver {
                steps.push(if process.wakes < MAX_WAKES { Step::Wake(at) } else { Step::Stop(at) });
            }
        }
        steps.extend((0..world.delayed_writes.len()).map(Step::ApplyDelayedWrite));
        let open = |job: usize| !world.job(job).state.ended();
        let alive = |kind| world.processes.iter().filter(|process| process.kind == kind).count();
        if alive(Kind::Worker) < self.setup.workers {
            let messages = world.queue.iter().filter(|message| open(message.0) && !is_received(world, message));
            steps.extend(messages.map(|(job, units)| Step::Receive(*job, units.clone())));
        }
        if alive(Kind::Sweeper) == 0 {
            steps.extend((0..self.setup.jobs).filter(|job| open(*job)).map(Step::Sweep));
        }
        if alive(Kind::Poller) == 0 && !self.has_mutant(Mutant::NoAnswer) {
            let asked = |job: &usize| open(*job) && world.asked(*job).next().is_some();
            steps.extend((0..self.setup.jobs).filter(asked).map(Step::Answer));
        }
        if self.leases(world).is_some_and(|living| !living) {
            steps.push(Step::Tick);
        }
    }

    pub fn choices(&self, op: &Op) -> usize {
        match op {
            Op::Write { left, .. } => left.len(),
            Op::Page { grown: None, .. } if self.setup.is_crawl() => 1 + usize::from(self.setup.links_vary),
            Op::Page { .. } => 1 + usize::from(self.setup.pages_fail) + usize::from(self.setup.asks),
            _ => 1,
        }
    }

    /// Returns `None` if no lease of a running job is in force, otherwise whether one of them
    /// belongs to a live process.
    pub fn leases(&self, world: &World) -> Option<bool> {
        let now = self.now(world);
        let jobs = world.rows.jobs.iter().filter(|job| !job.state.ended());
        let units =
            jobs.flat_map(|job| &job.segments).flat_map(|row| row.non_pending()).filter_map(|(_, unit)| match unit {
                UnitState::Started { holder, lease_until, .. } if lease_until > now => Some(holder),
                _ => None,
            });
        let living: Vec<bool> =
            units.map(|holder| world.processes.iter().any(|process| process.nonce == holder)).collect();
        (!living.is_empty()).then(|| living.contains(&true))
    }

    pub fn fault_steps(&self, world: &World, steps: &mut Vec<Step>) {
        if world.overruns > 0 && self.leases(world) == Some(true) {
            steps.push(Step::Tick);
        }
        if world.faults == 0 {
            return;
        }
        for (at, process) in world.processes.iter().enumerate() {
            for (index, op) in process.runner.ops.iter().enumerate() {
                for op_outcome in possible_failures(op) {
                    let choices = if matches!(op, Op::Write { .. }) { self.choices(op) } else { 1 };
                    steps.extend((0..choices).map(|choice| Step::Perform {
                        process: at,
                        op: index,
                        choice,
                        op_outcome: *op_outcome,
                    }));
                }
            }
            steps.push(Step::Crash(at));
            if process.kind == Kind::Driver && !process.lease_lost {
                steps.push(Step::LoseLease(at));
            }
            if matches!(process.kind, Kind::Driver | Kind::Worker) && !process.runner.ops.is_empty() {
                steps.push(Step::Stop(at));
            }
        }
        steps.extend(world.queue.iter().map(|(job, units)| Step::LoseMessage(*job, units.clone())));
        let again =
            world.queue.iter().filter(|message| is_received(world, message) && !world.job(message.0).state.ended());
        steps.extend(again.map(|(job, units)| Step::Receive(*job, units.clone())));
        for job in 0..self.setup.jobs {
            let all = self.setup.messages.iter().map(|units| (job, units.iter().copied().collect::<Units>()));
            let again = all.filter(|message| !world.queue.contains(message) && !world.job(job).state.ended());
            steps.extend(again.map(|(job, units)| Step::RepeatMessage(job, units)));
        }
    }
}

/// Returns whether a live worker has received this message.
pub fn is_received(world: &World, (job, units): &(usize, Units)) -> bool {
    let has = |process: &Process| process.kind == Kind::Worker && process.job == *job && *process.message == *units;
    world.processes.iter().any(has)
}

/// Returns the ways in which an operation may fail.
fn possible_failures(op: &Op) -> &'static [OpOutcome] {
    match op {
        Op::ReadJob | Op::ReadSegments { .. } | Op::Heartbeat | Op::Prepare(_) | Op::Enqueue(_) => {
            &[OpOutcome::Failure]
        }
        Op::Page { .. } | Op::PutResults(_) | Op::PutLastResult { .. } => &[OpOutcome::Failure, OpOutcome::ReplyLost],
        Op::Write { .. } | Op::Terminate { .. } | Op::Settle(_) => {
            &[OpOutcome::Failure, OpOutcome::ReplyLost, OpOutcome::Delayed]
        }
        Op::Dropped(_) | Op::PutResultsLate { .. } | Op::Reply(_) => &[],
    }
}
