//! The model: who may do what in a state, and what must hold in all of them.

use std::collections::HashMap;
use std::sync::Mutex;

use domain::job::DriverLease;
use domain::{AccountId, Endpoint, Job, JobId, JobState, Month, Nonce, Outcome, Reservation, Schema, Timestamp};
use stateright::{Model, Property};

use crate::ending::BY_PROGRESS;
use crate::mutant::Mutant;
use crate::properties;
use crate::rows::{DEAD, Fates, Figures, History, MAX_UNITS, Money, Phase, Row, Rows};
use crate::state::{Canceller, State, Sweeper, WORKERS, Worker};

/// The deadline of every job here; a clock before it and one at it are all the time that there is.
const DEADLINE: Timestamp = Timestamp(5);

/// One configuration.
pub struct JobModel {
    pub units: usize,
    /// Crashes, lost replies, lost and repeated messages, all together.
    pub faults: u8,
    /// How often a worker that lives may be slower than its lease.
    pub overruns: u8,
    /// Whether the deadline may pass.
    pub deadline: bool,
    /// Whether DELETE may be called.
    pub delete: bool,
    /// Workers settle, as drivers in a handler do.
    pub money_rights: bool,
    /// The job is an extract: one unit, started when the job was accepted.
    pub extract: bool,
    pub mutant: Option<Mutant>,
    /// META in each state that is written here.
    pub jobs: Vec<(JobState, Job)>,
    /// What `domain::invariants` said of rows. Many states have the same rows, and it is the slowest thing here.
    pub judged: Mutex<HashMap<Rows, bool>>,
}

/// Somebody with a program that can die.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Actor {
    Worker(usize),
    Canceller,
    Sweeper,
}

/// One step. `choice` is of use where a program says so.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// A worker gets the message of a unit.
    Receive(usize, usize),
    /// An actor does its next write and has the reply.
    Step(Actor, usize),
    /// An actor does its next write, does not have the reply, and does it again.
    LoseReply(Actor, usize),
    Crash(Actor),
    Delete,
    Sweep,
    /// The lease of a unit's holder ends.
    EndLease(usize),
    Deadline,
    LoseMessage(usize),
    RepeatMessage(usize),
}

impl JobModel {
    pub fn new(units: usize, faults: u8, overruns: u8) -> JobModel {
        assert!((1..=MAX_UNITS).contains(&units), "1 to {MAX_UNITS} units");
        let states = [
            JobState::Running,
            JobState::Cancelling,
            JobState::Expiring,
            JobState::Ended(Outcome::Completed),
            JobState::Ended(Outcome::Cancelled),
            JobState::Ended(Outcome::Expired),
        ];
        let jobs = states.into_iter().map(|state| (state, job(units as u32, state))).collect();
        JobModel {
            units,
            faults,
            overruns,
            deadline: false,
            delete: true,
            money_rights: false,
            extract: false,
            mutant: None,
            jobs,
            judged: Mutex::default(),
        }
    }

    /// META in that state.
    pub fn job(&self, phase: Phase) -> &Job {
        let found = self.jobs.iter().find(|(state, _)| *state == phase.0);
        &found.expect("no other states are written here").1
    }

    pub fn now(&self, late: bool) -> Timestamp {
        if late { DEADLINE } else { Timestamp(DEADLINE.0 - 1) }
    }

    /// Steps that come by themselves, without fault and without anybody calling.
    fn own_steps(&self, s: &State, steps: &mut Vec<Action>) {
        for w in 0..WORKERS {
            match s.workers[w] {
                Worker::Idle => {
                    steps.extend((0..self.units).filter(|u| s.queue & (1 << u) != 0).map(|u| Action::Receive(w, u)));
                }
                _ => steps.push(Action::Step(Actor::Worker(w), 0)),
            }
        }
        match s.canceller {
            Canceller::Idle | Canceller::Answered => {}
            Canceller::Close { todo, .. } => self.each(todo, Actor::Canceller, steps),
            _ => steps.push(Action::Step(Actor::Canceller, 0)),
        }
        match s.sweeper {
            Sweeper::Idle => steps.push(Action::Sweep),
            Sweeper::Scan { .. } => {
                steps.extend((0..self.units).chain([BY_PROGRESS]).map(|c| Action::Step(Actor::Sweeper, c)));
            }
            Sweeper::Close { todo } => self.each(todo, Actor::Sweeper, steps),
            _ => steps.push(Action::Step(Actor::Sweeper, 0)),
        }
        // A lease ends by itself once nobody is at the unit.
        steps.extend((0..self.units).filter(|u| live(s, *u) && !self.held(s, *u)).map(Action::EndLease));
    }

    fn each(&self, todo: u8, actor: Actor, steps: &mut Vec<Action>) {
        steps.extend((0..self.units).filter(|u| todo & (1 << u) != 0).map(|u| Action::Step(actor, u)));
    }

    /// Whether the claimer in the row is alive and at it.
    fn held(&self, s: &State, u: usize) -> bool {
        let Row::Started { nonce, .. } = s.rows.units[u] else { return false };
        nonce != DEAD
            && match s.workers[usize::from(nonce) - 1] {
                Worker::Claim { u: at, .. } | Worker::Run { u: at, .. } => usize::from(at) == u,
                Worker::Fold { .. } | Worker::Yield => true,
                Worker::Idle | Worker::Report { .. } | Worker::Settle(_) => false,
            }
    }

    fn faulty_steps(&self, s: &State, steps: &mut Vec<Action>) {
        if s.overruns > 0 {
            steps.extend((0..self.units).filter(|u| live(s, *u) && self.held(s, *u)).map(Action::EndLease));
        }
        if s.faults == 0 {
            return;
        }
        for u in 0..self.units {
            let there = s.queue & (1 << u) != 0;
            steps.push(if there { Action::LoseMessage(u) } else { Action::RepeatMessage(u) });
        }
        let mut own = Vec::new();
        self.own_steps(s, &mut own);
        for step in own {
            if let Action::Step(actor, choice) = step
                && writes(s, actor)
            {
                steps.push(Action::LoseReply(actor, choice));
            }
        }
        steps.extend((0..WORKERS).filter(|w| s.workers[*w] != Worker::Idle).map(|w| Action::Crash(Actor::Worker(w))));
        if !matches!(s.canceller, Canceller::Idle | Canceller::Answered) {
            steps.push(Action::Crash(Actor::Canceller));
        }
        if s.sweeper != Sweeper::Idle {
            steps.push(Action::Crash(Actor::Sweeper));
        }
    }

    /// Whether nothing can happen any more unless something fails or somebody calls.
    pub fn stuck(&self, s: &State) -> bool {
        let mut own = Vec::new();
        self.own_steps(s, &mut own);
        own.into_iter().all(|step| self.apply(s, step).is_none())
    }

    fn apply(&self, s: &State, action: Action) -> Option<State> {
        let mut next = *s;
        match action {
            Action::Receive(w, u) => next = self.receive(s, w, u)?,
            Action::Step(actor, choice) => next = self.step(s, actor, choice)?,
            Action::Delete => next = self.delete(s)?,
            Action::Sweep => next = self.sweep(s)?,
            Action::Deadline => next.late = true,
            Action::EndLease(u) => {
                if self.held(s, u) {
                    next.overruns -= 1;
                }
                if let Row::Started { over, .. } = &mut next.rows.units[u] {
                    *over = true;
                }
            }
            Action::LoseReply(actor, choice) => {
                next = self.lose_reply(s, actor, choice)?;
                next.faults -= 1;
            }
            Action::Crash(actor) => {
                next.faults -= 1;
                match actor {
                    Actor::Worker(w) => next.bury(w),
                    Actor::Canceller => next.canceller = Canceller::Idle,
                    Actor::Sweeper => next.sweeper = Sweeper::Idle,
                }
            }
            Action::LoseMessage(u) | Action::RepeatMessage(u) => {
                next.faults -= 1;
                next.queue ^= 1 << u;
            }
        }
        Some(next)
    }

    fn step(&self, s: &State, actor: Actor, choice: usize) -> Option<State> {
        match actor {
            Actor::Worker(w) => self.work(s, w),
            Actor::Canceller => self.cancel(s, choice),
            Actor::Sweeper => self.sweep_on(s, choice),
        }
    }

    fn lose_reply(&self, s: &State, actor: Actor, choice: usize) -> Option<State> {
        let mut next = self.step(s, actor, choice)?;
        match actor {
            Actor::Worker(w) => next.workers[w] = s.workers[w],
            Actor::Canceller => next.canceller = s.canceller,
            Actor::Sweeper => next.sweeper = s.sweeper,
        }
        // A write without an effect that is done again is no event.
        (next != *s).then_some(next)
    }
}

fn live(s: &State, u: usize) -> bool {
    matches!(s.rows.units[u], Row::Started { over: false, .. })
}

/// Whether the actor's next step is a write.
fn writes(s: &State, actor: Actor) -> bool {
    match actor {
        Actor::Worker(w) => s.workers[w] != Worker::Idle,
        Actor::Canceller => !matches!(s.canceller, Canceller::Idle | Canceller::Answer | Canceller::Answered),
        Actor::Sweeper => !matches!(s.sweeper, Sweeper::Idle | Sweeper::Scan { .. }),
    }
}

/// A job of `units` units, all but one paid from the month.
fn job(units: u32, state: JobState) -> Job {
    let total = u64::from(units);
    let field = serde_json::json!([{"field": "title", "type": "string", "example": "x"}]);
    Job {
        id: JobId::from_random(1),
        account: AccountId::from_random(1),
        endpoint: Endpoint::Batch,
        options: domain::job::Options::default(),
        schema: Schema::parse(&field).expect("the schema is valid"),
        crawl: None,
        limit_reached: false,
        async_mode: true,
        state,
        reservation: Reservation {
            monthly: total - 1,
            prepaid: 1,
            month: Month::parse("2026-11").expect("the month is valid"),
        },
        admitted: units,
        started_at: Timestamp(0),
        deadline: DEADLINE,
        driver: DriverLease { holder: Nonce("driver".into()), until: Timestamp(0), queued: false, quiet: 0 },
        cancelled_at: None,
        ended_at: None,
        expires_at: None,
        tally: None,
        figures: domain::job::CrawlFigures::default(),
        charge: None,
    }
}

impl Model for JobModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let reservation = self.job(Phase(JobState::Running)).reservation;
        let mut s = State {
            rows: Rows {
                meta: Phase(JobState::Running),
                units: [Row::Absent; MAX_UNITS],
                progress: Fates::default(),
                counters: Figures::default(),
                // All prepaid credits that were bought are reserved, and nothing else was used this month.
                money: Money { used: reservation.monthly as i8, prepaid: 0, settle: None },
                history: History::default(),
            },
            late: false,
            queue: self.every(),
            workers: [Worker::Idle; WORKERS],
            canceller: Canceller::Idle,
            sweeper: Sweeper::Idle,
            faults: self.faults,
            overruns: self.overruns,
        };
        if self.extract {
            s.rows.units[0] = Row::Started { attempt: 1, nonce: 1, over: false };
            s.rows.history.started = 1;
            s.workers[0] = Worker::Fold { from: s.rows.meta };
            s.queue = 0;
        }
        vec![s.normal(self.units)]
    }

    fn actions(&self, s: &State, actions: &mut Vec<Action>) {
        self.own_steps(s, actions);
        if self.delete && s.canceller == Canceller::Idle {
            actions.push(Action::Delete);
        }
        if self.deadline && !s.late {
            actions.push(Action::Deadline);
        }
        self.faulty_steps(s, actions);
    }

    fn next_state(&self, s: &State, action: Action) -> Option<State> {
        Some(self.apply(s, action)?.normal(self.units))
    }
    fn properties(&self) -> Vec<Property<JobModel>> {
        properties::all()
    }
}
