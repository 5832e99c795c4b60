//! What a configuration is.

use domain::job::{CrawlFigures, DriverLease};
use domain::machine::{Mode, Plan, Scope};
use domain::segment::{Segment, UnitEnd, UnitState, WriteId};
use domain::{AccountId, Endpoint, Job, JobId, JobState, Month, Nonce, Reservation, Seq, Timestamp};

use crate::model::NONCES;
use crate::mutant::Mutant;
use crate::process::Kind;
use crate::world::{JobRow, Units};

/// How finely the steps of processes are interleaved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grain {
    /// A read is answered at once, a unit is prepared at once, a write and its reply are one step.
    Writes,
    /// The same, but a read is a step.
    Reads,
    /// Every action is a step, and so is its reply.
    Replies,
}

/// One configuration.
#[derive(Clone, Debug)]
pub struct Setup {
    pub jobs: usize,
    /// The first unit that is not over when the job begins; those before it have ended.
    pub first: Seq,
    /// Units that the job begins with, those before `first` included.
    pub admitted: u32,
    /// Most units that it may have.
    pub most: u32,
    pub extract: bool,
    pub fail_fast: bool,
    /// Whether a page may fail.
    pub pages_fail: bool,
    /// Whether a page may leave a model to be asked.
    pub asks: bool,
    /// Whether a page that links to another may be found without the link.
    pub links_vary: bool,
    /// A handler drives each job, and settles.
    pub driver: bool,
    /// The queue's messages at the beginning; without any, the sweeper runs jobs itself.
    pub messages: Vec<Vec<Seq>>,
    /// Most workers at once.
    pub workers: usize,
    /// Pages at once, of each process.
    pub concurrency: u32,
    /// Crashes, lost replies, failed and late writes, lost and repeated messages, stops and lost leases, all together.
    pub faults: u8,
    /// How often a process that lives may be slower than its lease.
    pub overruns: u8,
    /// After how many leases the deadline comes.
    pub deadline: Option<u8>,
    /// Whether DELETE may be called (of the first job).
    pub delete: bool,
    pub grain: Grain,
    /// Faults in a row after which a process gives up.
    pub most_faults: u32,
    pub mutant: Option<Mutant>,
}

impl Setup {
    /// A batch whose units the queue's workers do, with one message for each unit.
    pub fn queued(units: u32, faults: u8, overruns: u8) -> Setup {
        Setup {
            jobs: 1,
            first: 0,
            admitted: units,
            most: units,
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
            grain: Grain::Writes,
            most_faults: 9,
            mutant: None,
        }
    }

    /// A batch that a handler drives, and the sweeper where that dies.
    pub fn driven(units: u32, faults: u8, overruns: u8) -> Setup {
        Setup { driver: true, messages: Vec::new(), workers: 0, ..Setup::queued(units, faults, overruns) }
    }

    /// A crawl that grows from one page to `most`.
    pub fn crawl(most: u32, faults: u8, overruns: u8) -> Setup {
        Setup { most, ..Setup::queued(1, faults, overruns) }
    }

    /// An extract: one unit, started when the job was accepted.
    pub fn extract(faults: u8, overruns: u8) -> Setup {
        Setup { extract: true, deadline: Some(0), ..Setup::driven(1, faults, overruns) }
    }

    pub fn is_crawl(&self) -> bool {
        self.most > self.admitted
    }

    /// How a process works.
    pub fn plan(&self, kind: Kind, me: Nonce, units: &Units) -> Plan {
        Plan {
            me,
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
            most_faults: self.most_faults,
            delegate: false,
        }
    }

    /// What a job took: all but one credit from the month.
    pub fn reservation(&self) -> Reservation {
        let (total, prepaid) = (u64::from(self.most), u64::from(!self.extract));
        Reservation { monthly: total - prepaid, prepaid, month: Month::parse("2026-11").expect("the month is valid") }
    }

    /// A job as it was accepted.
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
            one: None,
            limit_reached: false,
            webhook: false,
            async_mode: true,
            state: JobState::Running,
            reservation: self.reservation(),
            admitted: self.admitted,
            started_at: Timestamp(0),
            deadline: Timestamp(i64::MAX),
            driver: DriverLease { holder: NONCES[0], until: Timestamp(0), queued: false, quiet: 0 },
            cancelled_at: None,
            ended_at: None,
            expires_at: None,
            tally: None,
            figures: CrawlFigures::default(),
            charge: None,
        }
    }

    /// Its rows.
    pub fn row(&self) -> JobRow {
        let mut segments: Vec<Segment> = Segment::of_job(self.most).map(Segment::untouched).collect();
        let before = WriteId { writer: NONCES[0], n: 0 };
        for seq in 0..self.first {
            let row = &mut segments[Segment::of(seq) as usize];
            (row.version, row.written) = (1, Some(before));
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
