//! A process: a real machine and its pending operations.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use domain::machine::{
    Access, Action, Commit, Event, Exit, JobView, Machine, Moment, SettlementRequest, WithSettle, WithoutSettle,
    WriteOutcome,
};
use domain::segment::Segment;
use domain::{JobState, Nonce, Seq, Timestamp};

use crate::hashed::Hashed;

/// Nonces of processes. A nonce is reused once nothing refers to it.
pub static NONCES: LazyLock<Vec<Nonce>> = LazyLock::new(|| (1..=24).map(Nonce::from_random).collect());

/// A set of units, for example of a message.
pub type Units = BTreeSet<Seq>;

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Runs the units of a message.
    Worker,
    /// Drives its job, in a handler or because the queue accepts nothing.
    Driver,
    /// Handles a DELETE.
    Canceller,
    /// Checks a job for which no handler waits: in a sweep, or for a settle message or a dead letter.
    Sweeper,
    /// Records the model's answers as they arrive.
    Poller,
}

/// An action of a machine whose outcome the machine does not know yet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    ReadJob,
    ReadSegments {
        first: u32,
        last: u32,
    },
    Prepare(Seq),
    /// A visit to a page. `grown` is `None` until the page's links are admitted. Then it is the job's number of units
    /// as this process knows it.
    Page {
        seq: Seq,
        attempt: u8,
        grown: Option<u32>,
    },
    /// A page that lost its permit.
    Dropped(Seq),
    /// A commit whose results are not written yet.
    PutResults(Commit),
    /// A commit whose results are written.
    Write {
        commit: Commit,
        left: Vec<Segment>,
        done: Vec<(u32, WriteOutcome)>,
    },
    /// Results to be written after the segments; only with the mutant that does so.
    PutResultsLate {
        results: Vec<(Seq, u8)>,
        done: Vec<(u32, WriteOutcome)>,
    },
    Terminate {
        from: JobState,
        to: JobState,
    },
    /// A settlement whose unit's result is not written yet.
    PutLastResult {
        settling: SettlementRequest,
        result: (Seq, u8),
    },
    Settle(SettlementRequest),
    Enqueue(Units),
    Heartbeat,
    /// The operation is done, and its reply is on the way.
    Reply(Event),
}

/// A machine with or without the right to settle.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum AnyMachine {
    WithSettle(Machine<WithSettle>),
    WithoutSettle(Machine<WithoutSettle>),
}

/// The runner of a process: its state beside the machine, as in the engine, and its pending operations.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ModelRunner {
    pub ops: Vec<Op>,
    /// Units that have a permit.
    ready: Units,
    /// Results that are ready to be written.
    pub results: BTreeSet<(Seq, u8)>,
    /// Attempts that its machine has started since the last check.
    pub started_runs: Vec<(Seq, u8)>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Process {
    pub kind: Kind,
    pub job: usize,
    pub nonce: Nonce,
    pub machine: Hashed<AnyMachine>,
    pub runner: Hashed<ModelRunner>,
    /// A worker's message.
    pub message: Arc<Units>,
    /// How often it has waited for time to pass.
    pub wakes: u8,
    /// Whether a driver knows that it has lost its lease.
    pub lease_lost: bool,
}

impl AnyMachine {
    pub fn rows(&self) -> impl Iterator<Item = &Segment> {
        match self {
            AnyMachine::WithSettle(machine) => machine.rows().values(),
            AnyMachine::WithoutSettle(machine) => machine.rows().values(),
        }
    }

    pub fn job(&self) -> JobView {
        match self {
            AnyMachine::WithSettle(machine) => machine.job(),
            AnyMachine::WithoutSettle(machine) => machine.job(),
        }
    }

    pub fn held_until(&self) -> Option<Timestamp> {
        match self {
            AnyMachine::WithSettle(machine) => machine.runner_state().held_until(),
            AnyMachine::WithoutSettle(machine) => machine.runner_state().held_until(),
        }
    }

    pub fn open(&self) -> Units {
        match self {
            AnyMachine::WithSettle(machine) => machine.runner_state().open().collect(),
            AnyMachine::WithoutSettle(machine) => machine.runner_state().open().collect(),
        }
    }
}

impl Process {
    /// Passes events to the machine and records its actions. Returns why the process ends, if it does. Units are
    /// prepared at once, unless `prepare_in_steps` is set.
    pub fn handle_events(&mut self, events: Vec<Event>, at: Moment, prepare_in_steps: bool) -> Option<Exit> {
        let machine = &mut self.machine;
        self.runner.change(|runner| {
            machine.change(|machine| match machine {
                AnyMachine::WithSettle(machine) => runner.handle_events(machine, events, at, prepare_in_steps),
                AnyMachine::WithoutSettle(machine) => runner.handle_events(machine, events, at, prepare_in_steps),
            })
        })
    }
}

impl ModelRunner {
    fn handle_events<A: Access>(
        &mut self,
        machine: &mut Machine<A>,
        events: Vec<Event>,
        at: Moment,
        prepare_in_steps: bool,
    ) -> Option<Exit> {
        events.into_iter().for_each(|event| machine.handle(event, at));
        while let Some(action) = machine.next_action(at) {
            match action {
                Action::ReadJob => self.ops.push(Op::ReadJob),
                Action::ReadSegments { first, last } => self.ops.push(Op::ReadSegments { first, last }),
                Action::ReadHeartbeat => self.ops.push(Op::Heartbeat),
                Action::Prepare { seq, .. } if prepare_in_steps => self.ops.push(Op::Prepare(seq)),
                Action::Prepare { seq, .. } => {
                    let event = self.prepared(seq);
                    machine.handle(event, at);
                }
                Action::Run { seq, attempt } => {
                    self.started_runs.push((seq, attempt));
                    let has_permit = self.ready.remove(&seq);
                    self.ops.push(if has_permit { Op::Page { seq, attempt, grown: None } } else { Op::Dropped(seq) });
                }
                Action::Abort(seq) => self.abort(seq),
                Action::Commit(mut commit) => {
                    commit.results.retain(|result| self.results.contains(result));
                    self.ops.push(Op::PutResults(commit));
                }
                Action::Terminate(to) => self.ops.push(Op::Terminate { from: machine.job().state, to }),
                Action::Settle(settle) => {
                    let settling = A::settlement_request(settle);
                    let result = self.results.iter().next().copied().filter(|_| settling.final_segment.is_some());
                    self.ops.push(match result {
                        Some(result) => Op::PutLastResult { settling, result },
                        None => Op::Settle(settling),
                    });
                }
                Action::Enqueue(units) => self.ops.push(Op::Enqueue(units)),
                Action::Show { units, .. } => {
                    self.results.retain(|(seq, _)| !units.iter().any(|(shown, _)| shown == seq));
                }
                Action::Exit(exit) => return Some(exit),
            }
        }
        None
    }

    /// Records that a unit has its permit.
    pub fn prepared(&mut self, seq: Seq) -> Event {
        self.ready.insert(seq);
        Event::Ready { seq, paced: false }
    }

    fn abort(&mut self, seq: Seq) {
        self.ready.remove(&seq);
        self.ops.retain(|op| match op {
            Op::Prepare(at) | Op::Page { seq: at, .. } | Op::Dropped(at) => *at != seq,
            Op::Reply(Event::Ready { seq: at, .. } | Event::Ended { seq: at, .. } | Event::Dropped(at)) => *at != seq,
            Op::Reply(Event::Asked { seq: at, .. }) => *at != seq,
            _ => true,
        });
    }
}
