//! Configurations of the model.

use domain::job::{CrawlFigures, DriverLease};
use domain::machine::{Mode, RunnerConfig, Scope};
use domain::segment::{Segment, UnitEnd, UnitState, WriteId};
use domain::{AccountId, Endpoint, Job, JobId, JobState, Month, Nonce, Reservation, Seq, Timestamp};

use crate::mutant::Mutant;
use crate::process::{Kind, NONCES, Units};
use crate::world::JobRow;

/// What counts as one step when the steps of processes are interleaved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interleaving {
    /// Reads and preparations happen at once; a write and its reply are one step.
    Writes,
    /// Like `Writes`, but a read is a step.
    Reads,
    /// Every action is a step, and so is its reply.
    Replies,
}

/// One configuration.
#[derive(Clone, Debug)]
pub struct Setup {
    pub jobs: usize,
    /// The first unit that is not over at the beginning; the units before it have ended.
    pub first: Seq,
    /// Units that the job starts with, including those before `first`.
    pub admitted: u32,
    /// Maximum number of units that the job may have.
    pub max_units: u32,
    pub extract: bool,
    pub fail_fast: bool,
    /// Whether a page may fail.
    pub pages_fail: bool,
    /// Whether a page may leave fields to be asked of a model.
    pub asks: bool,
    /// Whether a repeated visit to a page may find it without its link.
    pub links_vary: bool,
    /// Whether a handler drives each job and settles it.
    pub driver: bool,
    /// Messages in the queue at the beginning. If there are none, the sweeper starts drivers itself.
    pub messages: Vec<Vec<Seq>>,
    /// Maximum number of concurrent workers.
    pub workers: usize,
    /// Concurrent pages of each process.
    pub concurrency: u32,
    /// Maximum number of crashes, lost replies, failed and late writes, lost and repeated messages, stops and
    /// lost leases, all together.
    pub faults: u8,
    /// How often a live process may be slower than its lease.
    pub overruns: u8,
    /// The number of lease lengths after which the deadline passes.
    pub deadline: Option<u8>,
    /// Whether DELETE may be called, on the first job.
    pub delete: bool,
    pub interleaving: Interleaving,
    /// Failures in a row after which a process gives up.
    pub max_faults: u32,
    pub mutant: Option<Mutant>,
}

impl Setup {
    /// A batch whose units are run by the queue's workers, with one message for each unit.
    pub fn queued(units: u32, faults: u8, overruns: u8) -> Setup {
        Setup {
            jobs: 1,
            first: 0,
            admitted: units,
            max_units: units,
            extract: false,
            fail_fast: false,
            pages_fail: false,
            asks: false,
            links_vary: false,
            driver: false,
            messages: (0..units).map(|seq| vec![seq]).collect(),
            workers: 2,
            concurrency: 2,
            faults,
            overruns,
            deadline: None,
            delete: true,
            interleaving: Interleaving::Writes,
            max_faults: 9,
            mutant: None,
        }
    }

    /// A batch that a handler drives, and the sweeper if the handler dies.
    pub fn driven(units: u32, faults: u8, overruns: u8) -> Setup {
        Setup { driver: true, messages: Vec::new(), workers: 0, ..Setup::queued(units, faults, overruns) }
    }

    /// A crawl that grows from one page to `max_units`.
    pub fn crawl(max_units: u32, faults: u8, overruns: u8) -> Setup {
        Setup { max_units, ..Setup::queued(1, faults, overruns) }
    }

    /// An extract: one unit, started when the job was accepted.
    pub fn extract(faults: u8, overruns: u8) -> Setup {
        Setup { extract: true, deadline: Some(0), ..Setup::driven(1, faults, overruns) }
    }

    pub fn is_crawl(&self) -> bool {
        self.max_units > self.admitted
    }

    /// Returns the configuration of a process.
    pub fn runner_config(&self, kind: Kind, nonce: Nonce, units: &Units) -> RunnerConfig {
        RunnerConfig {
            nonce,
            mode: match kind {
                Kind::Worker | Kind::Driver => Mode::Run,
                Kind::Canceller => Mode::End(Some(JobState::Cancelling)),
                Kind::Sweeper | Kind::Poller => Mode::End(None),
            },
            scope: if kind == Kind::Worker { Scope::Units(units.clone()) } else { Scope::Job },
            concurrency: self.concurrency,
            timeout_ms: 0,
            lease_secs: 1,
            stall_secs: 10,
            fail_fast: self.fail_fast && self.mutant != Some(Mutant::NoFailFast),
            crawl: self.is_crawl(),
            extract: self.extract,
            linger_ticks: 0,
            until: None,
            max_faults: self.max_faults,
            delegate: false,
        }
    }

    /// Returns a job's reservation: all but one credit come from the month's quota.
    pub fn reservation(&self) -> Reservation {
        let (total, prepaid) = (u64::from(self.max_units), u64::from(!self.extract));
        Reservation { monthly: total - prepaid, prepaid, month: Month::parse("2026-11").expect("the month is valid") }
    }

    /// Returns a job as it is right after it was accepted.
    pub fn job(&self, job: usize) -> Job {
        let endpoint = match (self.extract, self.is_crawl()) {
            (true, _) => Endpoint::Extract,
            (false, true) => Endpoint::Crawl,
            (false, false) => Endpoint::Batch,
        };
        Job {
            id: JobId::from_random(job as u128),
            account: AccountId::from_random(1),
            endpoint,
            timeout_ms: 0,
            concurrency: None,
            fail_fast: self.fail_fast,
            extract_unit: None,
            limit_reached: false,
            webhook: false,
            async_mode: true,
            state: JobState::Running,
            reservation: self.reservation(),
            admitted: self.admitted,
            started_at: Timestamp(0),
            deadline: Timestamp(i64::MAX),
            driver: DriverLease { holder: NONCES[0], until: Timestamp(0), queued: false, idle_checks: 0 },
            cancelled_at: None,
            ended_at: None,
            expires_at: None,
            tally: None,
            figures: CrawlFigures::default(),
            charge: None,
        }
    }

    /// Returns a job's rows as they are right after it was accepted.
    pub fn row(&self) -> JobRow {
        let mut segments: Vec<Segment> = Segment::indexes_of_job(self.max_units).map(Segment::untouched).collect();
        let before = WriteId { writer: NONCES[0], n: 0 };
        for seq in 0..self.first {
            let row = &mut segments[Segment::index_of(seq) as usize];
            (row.version, row.last_write) = (1, Some(before));
            row.put(seq, UnitState::Ended { attempt: 1, end: UnitEnd::Duplicate, at: Timestamp(0), skipped: 0 });
        }
        if self.extract {
            segments[0] = segments[0].next(before);
            let (holder, lease_until) = (NONCES[0], Timestamp(1_000));
            segments[0].put(0, UnitState::Started { attempt: 1, holder, lease_until });
        }
        JobRow {
            state: JobState::Running,
            admitted: self.admitted,
            segments,
            results: Default::default(),
            grown: Units::new(),
            settled: None,
        }
    }
}
