//! The model: which steps are possible in a state, and the state after each.

use std::collections::BTreeSet;

use domain::machine::Event;
use stateright::{Model, Property};

use crate::configuration::{JobModel, OpOutcome, Step};
use crate::hashed::Hashed;
use crate::process::{Kind, NONCES, Units};
use crate::properties;
use crate::steps::is_received;
use crate::world::{History, MAX_JOBS, Rows, World};

impl JobModel {
    fn apply(&self, world: &World, step: &Step) -> Option<World> {
        let mut next = world.clone();
        match step {
            Step::Perform { process, op, choice, op_outcome } => {
                next.faults = next.faults.checked_sub(u8::from(*op_outcome != OpOutcome::Success))?;
                self.perform(&mut next, *process, *op, *choice, *op_outcome);
            }
            Step::Receive(job, units) => {
                let again = is_received(world, &(*job, units.clone()));
                next.faults = next.faults.checked_sub(u8::from(again))?;
                self.receive(&mut next, *job, units);
            }
            Step::Delete(job) => self.spawn(&mut next, Kind::Canceller, *job, &Units::new()),
            Step::Sweep(job) => self.spawn(&mut next, Kind::Sweeper, *job, &Units::new()),
            Step::Answer(job) => self.answer_units(&mut next, *job),
            Step::Wake(at) => {
                next.processes[*at].wakes += 1;
                self.handle_events(&mut next, *at, Vec::new());
            }
            Step::Stop(at) => {
                next.faults = next.faults.checked_sub(u8::from(!next.processes[*at].runner.ops.is_empty()))?;
                self.handle_events(&mut next, *at, vec![Event::Stop]);
            }
            Step::LoseLease(at) => {
                next.faults -= 1;
                next.processes[*at].lease_lost = true;
                self.handle_events(&mut next, *at, vec![Event::LeaseLost]);
            }
            Step::Crash(at) => {
                next.faults -= 1;
                next.processes.remove(*at);
            }
            Step::ApplyDelayedWrite(at) => self.apply_delayed_write(&mut next, *at),
            Step::Tick => {
                next.overruns = next.overruns.checked_sub(u8::from(self.leases(world) == Some(true)))?;
                next.clock += 1;
                next.deadline_passed = self.now(&next) >= self.deadline();
            }
            Step::Deadline => next.deadline_passed = true,
            Step::LoseMessage(job, units) => {
                next.faults -= 1;
                next.queue.change(|queue| queue.remove(&(*job, units.clone())));
            }
            Step::RepeatMessage(job, units) => {
                next.faults -= 1;
                next.queue.change(|queue| queue.insert((*job, units.clone())));
            }
        }
        // The order of processes has no meaning.
        next.processes.sort_by_key(|process| (process.job, process.kind, process.nonce));
        (next != *world).then_some(next)
    }
}

impl Model for JobModel {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let (setup, reserved) = (&self.setup, self.setup.reservation());
        let jobs = setup.jobs;
        assert!(jobs <= MAX_JOBS, "at most {MAX_JOBS} jobs");
        let messages = |job| setup.messages.iter().map(move |units| (job, units.iter().copied().collect()));
        let mut world = World {
            rows: Hashed::new(Rows {
                jobs: (0..jobs).map(|_| setup.row()).collect(),
                // All prepaid credits that were bought are reserved, and nothing else was used this month.
                used: reserved.monthly.cast_signed() * jobs as i64,
                prepaid: 0,
            }),
            processes: Vec::new(),
            queue: Hashed::new((0..jobs).flat_map(messages).collect::<BTreeSet<(usize, Units)>>()),
            delayed_writes: Vec::new(),
            clock: 0,
            deadline_passed: false,
            faults: setup.faults,
            overruns: setup.overruns,
            history: History::default(),
        };
        self.check_invariants(&mut world);
        for job in (0..jobs).filter(|_| setup.driver) {
            let nonce = if setup.extract { NONCES[0] } else { world.fresh_nonce() };
            self.spawn_as(&mut world, (Kind::Driver, nonce), job, &Units::new(), true, Vec::new());
        }
        vec![world]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        self.spontaneous_steps(world, steps);
        let deleting = world.processes.iter().any(|process| process.kind == Kind::Canceller);
        let over = world.job(0).state.ended() || world.history.delete_answer[0].is_some();
        if self.setup.delete && !deleting && !over {
            steps.push(Step::Delete(0));
        }
        if self.now(world) < self.deadline() && self.setup.deadline == Some(world.clock) {
            steps.push(Step::Deadline);
        }
        self.fault_steps(world, steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        self.apply(world, &step)
    }

    fn properties(&self) -> Vec<Property<JobModel>> {
        properties::all()
    }
}
