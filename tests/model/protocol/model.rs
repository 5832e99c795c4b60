//! The model: which steps are possible in a state, and the state after each.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use domain::machine::{Event, Machine, Moment};
use domain::segment::UnitState;
use domain::{Nonce, Timestamp};
use stateright::{Model, Property};

use crate::kept::Kept;
use crate::mutant::Mutant;
use crate::process::{Body, Brain, Kind, Op, Process};
use crate::properties;
use crate::setup::{Grain, Setup};
use crate::steps::received;
use crate::world::{History, JOBS, Rows, Units, World};

/// Nonces of processes: reused once nothing refers to them.
pub static NONCES: LazyLock<Vec<Nonce>> = LazyLock::new(|| (1..=24).map(Nonce::from_random).collect());
/// How often a driver waits for time to pass before its invocation ends.
pub const WAKES: u8 = 1;
/// Longer than any wait of a machine, in ticks.
const LONG: u64 = 100_000;

/// A configuration to explore.
pub struct JobModel {
    pub setup: Setup,
    /// Results of `domain::invariants` by rows, since many states have the same rows.
    judged: Mutex<HashMap<Kept<Rows>, bool>>,
}

/// How an operation turns out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum How {
    Works,
    /// It takes effect, but its process sees a failure.
    LosesReply,
    /// It fails, and its process sees that.
    Fails,
    /// Its process sees a failure, and it takes effect later.
    ComesLate,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// An operation of a process. `choice` says which segment is written first, or how a page turns out.
    Do {
        process: usize,
        op: usize,
        choice: usize,
        how: How,
    },
    /// A worker receives a message.
    Receive(usize, Units),
    Delete(usize),
    Sweep(usize),
    /// The model has answered for all units that wait for it.
    Answer(usize),
    /// A process that can only wait has waited long enough.
    Wake(usize),
    /// A process's invocation ends.
    Stop(usize),
    /// Another process drives the job, or may.
    LoseLease(usize),
    Crash(usize),
    /// A write that seemed to have failed takes effect.
    Land(usize),
    /// The length of a lease has passed.
    Tick,
    Deadline,
    LoseMessage(usize, Units),
    RepeatMessage(usize, Units),
}

impl JobModel {
    pub fn new(setup: Setup) -> JobModel {
        JobModel { setup, judged: Mutex::default() }
    }

    pub fn is(&self, mutant: Mutant) -> bool {
        self.setup.mutant == Some(mutant)
    }

    pub fn deadline(&self) -> Timestamp {
        self.setup.deadline.map_or(Timestamp(i64::MAX), |leases| Timestamp(i64::from(leases) * 1_000 + 500))
    }

    pub fn now(&self, world: &World) -> Timestamp {
        let leases = Timestamp(i64::from(world.clock) * 1_000);
        if world.late { leases.max(self.deadline()) } else { leases }
    }

    fn moment(&self, world: &World, process: &Process) -> Moment {
        let ahead = if self.is(Mutant::HastyClock) { 1_000 } else { 0 };
        Moment { now: self.now(world).plus_ms(ahead), ticks: u64::from(process.wakes) * LONG }
    }

    /// Returns whether these rows satisfy the invariants, by the function that checks the real tables.
    pub fn in_order(&self, rows: &Kept<Rows>) -> bool {
        let known = self.judged.lock().expect("nobody panics while holding it").get(rows).copied();
        known.unwrap_or_else(|| {
            let good = properties::in_order(self, rows);
            self.judged.lock().expect("nobody panics while holding it").insert(rows.clone(), good);
            good
        })
    }

    /// Starts a process.
    pub fn spawn(&self, world: &mut World, kind: Kind, job: usize, units: &Units) {
        let me = world.fresh_nonce();
        self.spawn_as(world, (kind, me), job, units, false, Vec::new());
    }

    fn spawn_as(
        &self,
        world: &mut World,
        (kind, me): (Kind, Nonce),
        job: usize,
        units: &Units,
        knows: bool,
        events: Vec<Event>,
    ) {
        let (plan, row) = (self.setup.plan(kind, me, units), world.job(job));
        let at = Moment { now: self.now(world), ticks: 0 };
        let used = row.admitted.div_ceil(domain::segment::UNITS_PER_SEGMENT) as usize;
        let rows = knows.then(|| row.segments[..used].to_vec());
        let brain = match kind {
            Kind::Worker => Brain::Plain(Machine::new(plan, self.view(row), rows, at)),
            Kind::Driver | Kind::Canceller | Kind::Sweeper | Kind::Poller => {
                Brain::Money(Machine::new(plan, self.view(row), rows, at))
            }
        };
        let process = Process {
            kind,
            job,
            me,
            brain: Kept::new(brain),
            body: Kept::new(Body::default()),
            message: Arc::new(units.clone()),
            wakes: 0,
            lost: false,
        };
        world.processes.push(process);
        self.handle_events(world, world.processes.len() - 1, events);
    }

    /// Passes events to a process and runs it until it can only wait.
    pub fn handle_events(&self, world: &mut World, at: usize, events: Vec<Event>) {
        let mut process = world.processes.remove(at);
        let moment = self.moment(world, &process);
        let mut events = events;
        let exit = loop {
            let exit = process.handle_events(std::mem::take(&mut events), moment, self.setup.grain == Grain::Replies);
            self.check_runs(world, &mut process);
            if exit.is_some() || self.setup.grain != Grain::Writes {
                break exit;
            }
            let reads = |op: &Op| matches!(op, Op::ReadJob | Op::ReadSegments { .. });
            let Some(read) = process.body.ops.iter().position(reads) else { break exit };
            let read = process.body.change(|body| body.ops.remove(read));
            events.extend(self.read(world, process.job, &read));
        };
        match exit {
            Some(exit) => self.after(world, process, exit),
            None => world.processes.insert(at, process),
        }
    }

    /// Records a violation if a process runs a page without its unit's row saying, now or earlier, that it was started.
    fn check_runs(&self, world: &mut World, process: &mut Process) {
        if process.body.started_runs.is_empty() {
            return;
        }
        for (seq, attempt) in process.body.change(|body| std::mem::take(&mut body.started_runs)) {
            let row = world.job(process.job);
            let was_started = match row.segments[domain::segment::Segment::of(seq) as usize].unit(seq) {
                UnitState::Started { attempt: last, holder, .. } if last == attempt => holder == process.me,
                UnitState::Started { attempt: last, .. }
                | UnitState::Asked { attempt: last, .. }
                | UnitState::Ended { attempt: last, .. } => last >= attempt,
                UnitState::Pending | UnitState::Skipped => false,
            };
            world.history.ran_unstarted |= !was_started;
        }
    }

    /// Writes the model's answers, and starts the process that records them in the segments.
    fn answer_units(&self, world: &mut World, job: usize) {
        let asked: Vec<(domain::Seq, u8)> = world.asked(job).collect();
        if !self.is(Mutant::AnswerUnput) {
            let results: Vec<_> = asked.iter().map(|(seq, attempt)| (*seq, attempt + 1)).collect();
            self.put_results(world, job, &results);
        }
        let at = Timestamp(0);
        let events = asked.into_iter().map(|(seq, attempt)| Event::Answered { seq, attempt, at }).collect();
        let me = world.fresh_nonce();
        self.spawn_as(world, (Kind::Poller, me), job, &Units::new(), false, events);
    }

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
