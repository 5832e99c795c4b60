//! The life of a job as functions of (state, event, now):
//! `running → failing_fast | cancelling | expiring → ended(completed | cancelled | expired)`.
//!
//! Every termination follows the same rule: pending units are skipped, started units end, and once no unit is open the
//! reservation is resolved.

mod options;
pub(crate) mod webhook;

use serde::{Deserialize, Serialize};

use crate::credits::{Charge, Reservation};
use crate::ids::{AccountId, JobId, Nonce, Seq};
use crate::progress::Tally;
use crate::schema::Schema;
use crate::segment::{Segment, Totals};
use crate::time::Timestamp;
use webhook::Webhook;

pub use options::{Capture, ModelUse, Options, RenderJs, WaitFor};

/// The endpoint that created the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// One URL.
    Extract,
    /// Many URLs.
    Batch,
    /// A seed and the pages that it links to.
    Crawl,
}

impl Endpoint {
    /// Returns the name in rows.
    pub fn name(self) -> &'static str {
        match self {
            Endpoint::Extract => "extract",
            Endpoint::Batch => "batch",
            Endpoint::Crawl => "crawl",
        }
    }

    /// Parses the name in a row.
    pub fn parse(name: &str) -> Option<Endpoint> {
        [Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl].into_iter().find(|e| e.name() == name)
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Every unit ended by itself, or `fail_fast` skipped the rest.
    Completed,
    /// Cancelled by a DELETE.
    Cancelled,
    /// Expired at its deadline.
    Expired,
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Units may start.
    Running,
    /// A unit failed and the caller asked for `fail_fast`. The job is being terminated and will be `Completed`.
    FailingFast,
    /// A DELETE was accepted. The job is being terminated and will be `Cancelled`.
    Cancelling,
    /// The deadline passed. The job is being terminated and will be `Expired`.
    Expiring,
    /// Every unit ended and the reservation is resolved.
    Ended(Outcome),
}

impl JobState {
    const ALL: [JobState; 7] = [
        JobState::Running,
        JobState::FailingFast,
        JobState::Cancelling,
        JobState::Expiring,
        JobState::Ended(Outcome::Completed),
        JobState::Ended(Outcome::Cancelled),
        JobState::Ended(Outcome::Expired),
    ];

    /// Returns the name in rows.
    pub fn name(self) -> &'static str {
        match self {
            JobState::Running => "running",
            JobState::FailingFast => "failing_fast",
            JobState::Cancelling => "cancelling",
            JobState::Expiring => "expiring",
            JobState::Ended(Outcome::Completed) => "completed",
            JobState::Ended(Outcome::Cancelled) => "cancelled",
            JobState::Ended(Outcome::Expired) => "expired",
        }
    }

    /// Parses the name in a row.
    pub fn parse(name: &str) -> Option<JobState> {
        JobState::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Returns the name in the contract: clients see every termination as `cancelling`.
    pub fn wire_name(self) -> &'static str {
        match self {
            JobState::FailingFast | JobState::Cancelling | JobState::Expiring => "cancelling",
            JobState::Running | JobState::Ended(_) => self.name(),
        }
    }

    /// Returns whether the job has ended.
    pub fn ended(self) -> bool {
        matches!(self, JobState::Ended(_))
    }

    /// Returns the outcome that the job will have once no unit is open.
    pub fn final_outcome(self) -> Outcome {
        match self {
            JobState::Running | JobState::FailingFast => Outcome::Completed,
            JobState::Cancelling => Outcome::Cancelled,
            JobState::Expiring => Outcome::Expired,
            JobState::Ended(outcome) => outcome,
        }
    }
}

/// `crawl`: how far a crawl goes. Validated, with defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrawlOptions {
    /// Glob over the whole canonical URL.
    pub follow_pattern: String,
    /// Maximum number of pages that are visited: as requested, after the cap.
    pub max_pages: u32,
    /// Maximum number of links from the seed.
    pub max_depth: u32,
    /// Whether matching URLs of the sitemap are added.
    pub use_sitemap: bool,
    /// Whether robots.txt is ignored.
    pub ignore_robots: bool,
    /// Whether the 25 % cap is lifted.
    pub allow_large_crawl: bool,
}

/// Figures of a crawl that its tally does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CrawlFigures {
    /// URLs that matched but were not fetched, because of robots.txt, as duplicates or over a limit.
    pub skipped: u32,
    /// Units whose page turned out to be another unit's: they ran and have no result of their own.
    pub duplicates: u32,
    /// How reading its sitemaps went.
    pub sitemaps: Sitemaps,
}

/// The number of sitemap files that a crawl requested, including indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sitemaps {
    /// Files read to their end, or as far as needed.
    pub read: u32,
    /// Files that were unavailable or broken, or that there was no time for.
    pub failed: u32,
}

/// The lease of the job's driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriverLease {
    /// The driver's nonce.
    pub holder: Nonce,
    /// When another driver may take the job over.
    pub until: Timestamp,
    /// Whether the open units were sent to the queue. The death of a driver is then no reason to send them again.
    pub queued: bool,
    /// How many checks in a row found no progress; each delays the next check.
    pub idle_checks: u32,
}

/// What a job was asked to do. It never changes, and each process reads it once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobSpec {
    /// The caller's options.
    pub options: Options,
    /// The schema of the call, or the one bound to the key.
    pub schema: Schema,
    /// How far a crawl goes; `None` for other jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crawl: Option<CrawlOptions>,
    /// Webhook to call when the job ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
}

/// The one unit of an extract, kept in the job's row so that no other row is needed.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtractUnit {
    /// The URL.
    pub url: String,
    /// The unit's state, as the only unit of segment 0.
    pub segment: Segment,
    /// The job's spec, if it is small.
    pub spec: Option<JobSpec>,
    /// The result's JSON text, if it is small.
    pub result: Option<String>,
}

/// A job's META row.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The account that owns it.
    pub account: AccountId,
    /// The endpoint that created it.
    pub endpoint: Endpoint,
    /// Timeout of a page in milliseconds.
    pub timeout_ms: u32,
    /// Maximum number of pages at once; `None` leaves it to the server.
    pub concurrency: Option<u32>,
    /// Whether the job stops at the first failed unit.
    pub fail_fast: bool,
    /// The unit of an extract.
    pub extract_unit: Option<Box<ExtractUnit>>,
    /// Whether a crawl left out a matching page because of `max_pages`.
    pub limit_reached: bool,
    /// Whether the job's end is reported to a webhook, which the spec names.
    pub webhook: bool,
    /// Whether the caller asked for asynchronous processing.
    pub async_mode: bool,
    /// Its state.
    pub state: JobState,
    /// The credits that it reserved.
    pub reservation: Reservation,
    /// How many units exist: seq 0 to admitted − 1.
    pub admitted: u32,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// When the job is expired even if units are open.
    pub deadline: Timestamp,
    /// The driver's lease.
    pub driver: DriverLease,
    /// When a DELETE was accepted.
    pub cancelled_at: Option<Timestamp>,
    /// When it was settled.
    pub ended_at: Option<Timestamp>,
    /// When the job and its results may be removed.
    pub expires_at: Option<Timestamp>,
    /// The final figures, once it has ended.
    pub tally: Option<Tally>,
    /// The further figures of a crawl, once it has ended.
    pub figures: CrawlFigures,
    /// How the reservation was resolved, once the job has ended.
    pub charge: Option<Charge>,
}

/// What cancelling does to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelDecision {
    /// Write `Cancelling`, on condition that the state is still the one that was read.
    Cancel,
    /// It is already being terminated: cancelling changes nothing.
    AlreadyTerminating,
    /// It has ended, so it cannot be cancelled.
    AlreadyEnded,
}

/// How a job ends once none of its units is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// The final state.
    pub outcome: Outcome,
    /// How the reservation is resolved.
    pub charge: Charge,
    /// The final figures.
    pub tally: Tally,
    /// The further figures of a crawl.
    pub figures: CrawlFigures,
    /// When it ends.
    pub ended_at: Timestamp,
}

impl Job {
    /// Returns the numbers of its units.
    pub fn seqs(&self) -> std::ops::Range<Seq> {
        0..self.admitted
    }

    /// Returns whether it is a crawl.
    pub fn is_crawl(&self) -> bool {
        self.endpoint == Endpoint::Crawl
    }

    /// Returns what the owner's DELETE does.
    pub fn cancel(&self) -> CancelDecision {
        match self.state {
            JobState::Running | JobState::FailingFast => CancelDecision::Cancel,
            JobState::Cancelling | JobState::Expiring => CancelDecision::AlreadyTerminating,
            JobState::Ended(_) => CancelDecision::AlreadyEnded,
        }
    }

    /// Returns how the job ends. Returns `None` if an admitted unit is open or the job has already ended.
    pub fn settle(&self, totals: &Totals, now: Timestamp) -> Option<Settlement> {
        let tally = totals.tally;
        if self.state.ended() || tally.pending > 0 || tally.total != self.admitted {
            return None;
        }
        Some(Settlement {
            outcome: self.state.final_outcome(),
            charge: self.reservation.resolve(tally.started()),
            tally,
            figures: self.figures(totals),
            ended_at: now,
        })
    }

    /// Returns a crawl's figures from the totals of its units.
    pub fn figures(&self, totals: &Totals) -> CrawlFigures {
        // If robots.txt denies the seed, its unit is skipped. Its page then counts as a page that was not fetched.
        let denied = self.is_crawl() && self.state.final_outcome() == Outcome::Completed;
        let denied = if denied { totals.tally.cancelled } else { 0 };
        CrawlFigures {
            skipped: totals.skipped + denied,
            duplicates: totals.duplicates,
            sitemaps: self.figures.sitemaps,
        }
    }

    /// Returns whether its rows may still be shown. TTL may remove rows days late, so readers compare the time
    /// themselves.
    pub fn retained(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }
}

#[cfg(test)]
pub(crate) mod tests;
