//! Lambda: warm and new environments, the ramp of each function, the account's limit, and what is billed.

use std::collections::{BTreeMap, VecDeque};

use crate::assumptions::{IDLE_SECS, Micros, SECOND};
use crate::bucket::TokenBucket;
use crate::deployment::{Deployment, FunctionSpec, RECENT_JOBS};
use crate::keys::{ProcessKey, ProcessTag, RunnerKey};
use crate::limits::{RAMP, RAMP_SECS};
use crate::rows::JobKey;
use crate::slab::Slab;

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `POST /v1/batch`.
    Batch,
    /// `POST /v1/extract`.
    Extract,
    /// The queue's worker.
    Worker,
    /// Settlements and the sweep.
    Settle,
}

impl Function {
    /// All functions.
    pub const ALL: [Function; 4] = [Function::Batch, Function::Extract, Function::Worker, Function::Settle];

    /// Returns the function's name.
    pub fn name(self) -> &'static str {
        match self {
            Function::Batch => "batch",
            Function::Extract => "extract",
            Function::Worker => "worker",
            Function::Settle => "settle",
        }
    }
}

/// The most recently used jobs.
#[derive(Debug, Default)]
pub struct RecentJobs(VecDeque<JobKey>);

impl RecentJobs {
    /// Returns whether a job is among them.
    pub fn contains(&self, job: JobKey) -> bool {
        self.0.contains(&job)
    }

    /// Adds a job as the most recent one, and drops the least recently used job.
    pub fn insert(&mut self, job: JobKey) {
        self.0.retain(|recent| *recent != job);
        self.0.push_front(job);
        self.0.truncate(RECENT_JOBS);
    }
}

/// A unit to be prepared, and whether it may have killed its process before.
pub type Waiting = (RunnerKey, u32, bool);

/// An execution environment with the state of its process.
#[derive(Debug)]
pub struct Process {
    /// Free permits for pages.
    pub permits: u32,
    /// Units that wait for a permit.
    pub waiting: VecDeque<(RunnerKey, u32)>,
    /// Jobs whose specs it has read.
    pub specs: RecentJobs,
    /// Jobs whose inputs it has read.
    pub inputs: RecentJobs,
    /// Jobs whose inputs are being read, with the units that wait for them.
    pub reading: BTreeMap<JobKey, VecDeque<Waiting>>,
    /// When it last wrote its heartbeat.
    pub beat_at: Option<Micros>,
    /// Whether a task writes its heartbeat regularly.
    pub beating: bool,
    /// Messages that it works on.
    pub working: u32,
}

/// The counts of a function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Invocations.
    pub invocations: u64,
    /// Those in a new environment.
    pub cold: u64,
    /// Invocations that were refused.
    pub throttled: u64,
    /// Their total duration.
    pub busy: Micros,
    /// Maximum number of concurrent invocations.
    pub peak: u32,
}

#[derive(Debug)]
struct State {
    spec: FunctionSpec,
    ramp: TokenBucket,
    idle: Vec<(Micros, ProcessKey)>,
    /// Executions reserved for it, which it cannot exceed.
    reserved: Option<u32>,
    running: u32,
    counts: Counts,
}

/// All functions of the account.
#[derive(Debug)]
pub struct Lambda {
    functions: [State; 4],
    /// The environments.
    pub processes: Slab<Process, ProcessTag>,
    /// Executions that functions without a reservation share, and how many of them are in use.
    limit: u32,
    shared: u32,
    permits: u32,
    running: u32,
    /// Maximum number of concurrent executions.
    pub peak: u32,
}

impl Lambda {
    /// The functions of a deployment, without warm environments.
    pub fn new(deployment: &Deployment) -> Lambda {
        let specs = [deployment.batch, deployment.extract, deployment.worker, deployment.settle];
        let reserve = |n: u32| deployment.reserve.then_some(n);
        let reserved = [None, None, reserve(deployment.units.concurrency), reserve(deployment.reserved_settle)];
        let all: u32 = reserved.iter().flatten().sum::<u32>() + reserve(deployment.reserved_notify).unwrap_or(0);
        let state = |(spec, reserved)| State {
            spec,
            reserved,
            ramp: TokenBucket::new(RAMP, RAMP / RAMP_SECS),
            idle: Vec::new(),
            running: 0,
            counts: Counts::default(),
        };
        Lambda {
            functions: std::array::from_fn(|n| state((specs[n], reserved[n]))),
            processes: Slab::default(),
            limit: deployment.concurrency.saturating_sub(all),
            shared: 0,
            permits: deployment.fetch_concurrency,
            running: 0,
            peak: 0,
        }
    }

    /// Starts an invocation. Returns its environment and whether that is new, or `None` if the invocation is refused.
    pub fn acquire(&mut self, function: Function, now: Micros) -> Option<(ProcessKey, bool)> {
        let state = &mut self.functions[function as usize];
        let full = state.reserved.map_or(self.shared >= self.limit, |reserved| state.running >= reserved);
        if full {
            state.counts.throttled += 1;
            return None;
        }
        // The most recently used one; the others have been idle for longer.
        let warm = state.idle.pop().filter(|(since, _)| now < since + IDLE_SECS * SECOND);
        if warm.is_none() {
            for (_, gone) in state.idle.drain(..) {
                self.processes.remove(gone);
            }
            if !state.ramp.try_take(1, now) {
                state.counts.throttled += 1;
                return None;
            }
        }
        self.shared += u32::from(state.reserved.is_none());
        self.running += 1;
        self.peak = self.peak.max(self.running);
        state.running += 1;
        state.counts.peak = state.counts.peak.max(state.running);
        state.counts.invocations += 1;
        Some(match warm {
            Some((_, process)) => (process, false),
            None => {
                state.counts.cold += 1;
                let process = self.processes.insert(Process {
                    permits: self.permits,
                    waiting: VecDeque::new(),
                    specs: RecentJobs::default(),
                    inputs: RecentJobs::default(),
                    reading: BTreeMap::new(),
                    beat_at: None,
                    beating: false,
                    working: 0,
                });
                (process, true)
            }
        })
    }

    /// Ends an invocation of this duration.
    pub fn release(&mut self, function: Function, process: ProcessKey, took: Micros, now: Micros) {
        let state = &mut self.functions[function as usize];
        self.shared -= u32::from(state.reserved.is_none());
        self.running -= 1;
        state.running -= 1;
        state.counts.busy += took;
        state.idle.push((now, process));
    }

    /// Returns whether all executions without a reservation are in use.
    pub fn is_full(&self) -> bool {
        self.shared >= self.limit
    }

    /// Returns the counts of a function.
    pub fn counts(&self, function: Function) -> Counts {
        self.functions[function as usize].counts
    }

    /// Returns the GB-seconds of a function.
    pub fn gb_secs(&self, function: Function) -> f64 {
        let state = &self.functions[function as usize];
        state.counts.busy as f64 / SECOND as f64 * f64::from(state.spec.memory_mb) / 1_024.0
    }

    /// Returns how long an invocation may take.
    pub fn timeout(&self, function: Function) -> Micros {
        self.functions[function as usize].spec.timeout_secs * SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_ramps_by_a_thousand_every_ten_seconds_up_to_the_account_s_limit() {
        let deployment = Deployment { concurrency: 2_500, reserve: false, ..Deployment::default() };
        let mut lambda = Lambda::new(&deployment);
        let started = |lambda: &mut Lambda, function, now| std::iter::from_fn(|| lambda.acquire(function, now)).count();
        assert_eq!(started(&mut lambda, Function::Worker, 0), 1_000);
        assert_eq!(started(&mut lambda, Function::Worker, 5 * SECOND), 500);
        assert_eq!(started(&mut lambda, Function::Batch, 5 * SECOND), 1_000, "each function has its own");
        assert!(lambda.is_full());
        assert_eq!(lambda.acquire(Function::Settle, 5 * SECOND), None);
        assert_eq!(lambda.counts(Function::Worker).cold, 1_500);
    }

    #[test]
    fn callers_cannot_use_reserved_executions() {
        let mut lambda = Lambda::new(&Deployment::default());
        let mut started = |function| std::iter::from_fn(|| lambda.acquire(function, 0)).count();
        assert_eq!((started(Function::Batch), started(Function::Worker), started(Function::Settle)), (925, 50, 15));
    }

    #[test]
    fn an_environment_is_reused_until_it_has_been_idle_for_long() {
        let mut lambda = Lambda::new(&Deployment::default());
        let (first, cold) = lambda.acquire(Function::Settle, 0).unwrap();
        assert!(cold);
        lambda.release(Function::Settle, first, SECOND, SECOND);
        assert_eq!(lambda.acquire(Function::Settle, 2 * SECOND), Some((first, false)));
        lambda.release(Function::Settle, first, SECOND, 3 * SECOND);
        assert!(lambda.acquire(Function::Settle, 3 * SECOND + IDLE_SECS * SECOND).unwrap().1);
        assert_eq!(lambda.gb_secs(Function::Settle), 1.0, "two seconds of half a gigabyte");
    }
}
