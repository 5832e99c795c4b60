//! Starts processes and passes events to them.

use std::sync::Arc;

use domain::machine::{Event, Machine, Moment};
use domain::segment::UnitState;
use domain::{Nonce, Timestamp};

use crate::configuration::JobModel;
use crate::hashed::Hashed;
use crate::mutant::Mutant;
use crate::process::{AnyMachine, Kind, ModelRunner, Op, Process, Units};
use crate::setup::Interleaving;
use crate::world::World;

/// The ticks that pass while a process waits: more than any wait of a machine.
const TICKS_PER_WAKE: u64 = 100_000;

impl JobModel {
    fn moment(&self, world: &World, process: &Process) -> Moment {
        let ahead = if self.has_mutant(Mutant::FastClock) { 1_000 } else { 0 };
        Moment { now: self.now(world).plus_ms(ahead), ticks: u64::from(process.wakes) * TICKS_PER_WAKE }
    }

    /// Starts a process.
    pub fn spawn(&self, world: &mut World, kind: Kind, job: usize, units: &Units) {
        let nonce = world.fresh_nonce();
        self.spawn_as(world, (kind, nonce), job, units, false, Vec::new());
    }

    /// Starts a process with this nonce, and passes `events` to it. With `with_rows` it has the job's rows already;
    /// otherwise it has to read them.
    pub fn spawn_as(
        &self,
        world: &mut World,
        (kind, nonce): (Kind, Nonce),
        job: usize,
        units: &Units,
        with_rows: bool,
        events: Vec<Event>,
    ) {
        let (config, row) = (self.setup.runner_config(kind, nonce, units), world.job(job));
        let at = Moment { now: self.now(world), ticks: 0 };
        let used = row.admitted.div_ceil(domain::segment::UNITS_PER_SEGMENT) as usize;
        let rows = with_rows.then(|| row.segments[..used].to_vec());
        let machine = match kind {
            Kind::Worker => AnyMachine::WithoutSettle(Machine::new(config, self.view(row), rows, at)),
            Kind::Driver | Kind::Canceller | Kind::Sweeper | Kind::Poller => {
                AnyMachine::WithSettle(Machine::new(config, self.view(row), rows, at))
            }
        };
        let process = Process {
            kind,
            job,
            nonce,
            machine: Hashed::new(machine),
            runner: Hashed::new(ModelRunner::default()),
            message: Arc::new(units.clone()),
            wakes: 0,
            lease_lost: false,
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
            let exit = process.handle_events(
                std::mem::take(&mut events),
                moment,
                self.setup.interleaving == Interleaving::Replies,
            );
            self.check_runs(world, &mut process);
            if exit.is_some() || self.setup.interleaving != Interleaving::Writes {
                break exit;
            }
            let reads = |op: &Op| matches!(op, Op::ReadJob | Op::ReadSegments { .. });
            let Some(read) = process.runner.ops.iter().position(reads) else { break exit };
            let read = process.runner.change(|runner| runner.ops.remove(read));
            events.extend(self.read(world, process.job, &read));
        };
        match exit {
            Some(exit) => self.on_exit(world, process, exit),
            None => world.processes.insert(at, process),
        }
    }

    /// Records a violation if a process runs a page although no row has ever said that its unit was started.
    fn check_runs(&self, world: &mut World, process: &mut Process) {
        if process.runner.started_runs.is_empty() {
            return;
        }
        for (seq, attempt) in process.runner.change(|runner| std::mem::take(&mut runner.started_runs)) {
            let row = world.job(process.job);
            let was_started = match row.segments[domain::segment::Segment::index_of(seq) as usize].unit(seq) {
                UnitState::Started { attempt: last, holder, .. } if last == attempt => holder == process.nonce,
                UnitState::Started { attempt: last, .. }
                | UnitState::Asked { attempt: last, .. }
                | UnitState::Ended { attempt: last, .. } => last >= attempt,
                UnitState::Pending | UnitState::Skipped => false,
            };
            world.history.ran_unstarted |= !was_started;
        }
    }

    /// Writes the model's answers, and starts the process that records them in the segments.
    pub fn answer_units(&self, world: &mut World, job: usize) {
        let asked: Vec<(domain::Seq, u8)> = world.asked(job).collect();
        if !self.has_mutant(Mutant::AnswerNotWritten) {
            let results: Vec<_> = asked.iter().map(|(seq, attempt)| (*seq, attempt + 1)).collect();
            self.put_results(world, job, &results);
        }
        let at = Timestamp(0);
        let events = asked.into_iter().map(|(seq, attempt)| Event::Answered { seq, attempt, at }).collect();
        let nonce = world.fresh_nonce();
        self.spawn_as(world, (Kind::Poller, nonce), job, &Units::new(), false, events);
    }
}
