//! The model: which steps are possible in a state, and the state after each.

use std::collections::BTreeSet;

use domain::machine::Event;
use stateright::{Model, Property};

use crate::configuration::{How, JobModel, Step};
use crate::kept::Kept;
use crate::process::{Kind, NONCES, Units};
use crate::properties;
use crate::steps::received;
use crate::world::{History, JOBS, Rows, World};

impl JobModel {
    fn apply(&self, world: &World, step: &Step) -> Option<World> {
        let mut next = world.clone();
        match step {
            Step::Do { process, op, choice, how } => {
                next.faults = next.faults.checked_sub(u8::from(*how != How::Works))?;
                self.perform(&mut next, *process, *op, *choice, *how);
            }
            Step::Receive(job, units) => {
                let again = received(world, &(*job, units.clone()));
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
                next.faults = next.faults.checked_sub(u8::from(!next.processes[*at].body.ops.is_empty()))?;
                self.handle_events(&mut next, *at, vec![Event::Stop]);
            }
            Step::LoseLease(at) => {
                next.faults -= 1;
                next.processes[*at].lost = true;
                self.handle_events(&mut next, *at, vec![Event::LeaseLost]);
            }
            Step::Crash(at) => {
                next.faults -= 1;
                next.processes.remove(*at);
            }
            Step::Land(at) => self.land(&mut next, *at),
            Step::Tick => {
                next.overruns = next.overruns.checked_sub(u8::from(self.leases(world) == Some(true)))?;
                next.clock += 1;
                next.late = self.now(&next) >= self.deadline();
            }
            Step::Deadline => next.late = true,
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
        next.processes.sort_by_key(|process| (process.job, process.kind, process.me));
        (next != *world).then_some(next)
    }
}

impl Model for JobModel {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let (setup, reserved) = (&self.setup, self.setup.reservation());
        let jobs = setup.jobs;
        assert!(jobs <= JOBS, "at most {JOBS} jobs");
        let messages = |job| setup.messages.iter().map(move |units| (job, units.iter().copied().collect()));
        let mut world = World {
            rows: Kept::new(Rows {
                jobs: (0..jobs).map(|_| setup.row()).collect(),
                // All prepaid credits that were bought are reserved, and nothing else was used this month.
                used: reserved.monthly.cast_signed() * jobs as i64,
                prepaid: 0,
            }),
            processes: Vec::new(),
            queue: Kept::new((0..jobs).flat_map(messages).collect::<BTreeSet<(usize, Units)>>()),
            flights: Vec::new(),
            clock: 0,
            late: false,
            faults: setup.faults,
            overruns: setup.overruns,
            history: History::default(),
        };
        self.judge(&mut world);
        for job in (0..jobs).filter(|_| setup.driver) {
            let me = if setup.extract { NONCES[0] } else { world.fresh_nonce() };
            self.spawn_as(&mut world, (Kind::Driver, me), job, &Units::new(), true, Vec::new());
        }
        vec![world]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        self.own_steps(world, steps);
        let deleting = world.processes.iter().any(|process| process.kind == Kind::Canceller);
        let over = world.job(0).state.ended() || world.history.answered[0].is_some();
        if self.setup.delete && !deleting && !over {
            steps.push(Step::Delete(0));
        }
        if self.now(world) < self.deadline() && self.setup.deadline == Some(world.clock) {
            steps.push(Step::Deadline);
        }
        self.faulty_steps(world, steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        self.apply(world, &step)
    }

    fn properties(&self) -> Vec<Property<JobModel>> {
        properties::all()
    }
}
