//! The life of a job as functions of (state, event, now):
//! `running → failing_fast | cancelling | expiring → ended(completed | cancelled | expired)`.
//!
//! Whatever state a job is terminated in, the rule is the same: what has not started is closed, what has started ends,
//! and once nothing is open the reservation is resolved.

mod options;

use serde::{Deserialize, Serialize};

use crate::credits::{Charge, Reservation};
use crate::ids::{AccountId, JobId, Nonce, Seq};
use crate::progress::Tally;
use crate::schema::Schema;
use crate::segment::{Segment, Totals};
use crate::time::Timestamp;
use crate::webhook::Webhook;
pub use options::{Capture, ModelUse, Options, RenderJs, WaitFor};

/// Which call made the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// One URL.
    Extract,
    /// Many URLs.
    Batch,
    /// A seed and what it links to.
    Crawl,
}

impl Endpoint {
    /// The name in rows.
    pub fn name(self) -> &'static str {
        match self {
            Endpoint::Extract => "extract",
            Endpoint::Batch => "batch",
            Endpoint::Crawl => "crawl",
        }
    }

    /// Reads the name of a row.
    pub fn parse(name: &str) -> Option<Endpoint> {
        [Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl].into_iter().find(|e| e.name() == name)
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Every unit ended by itself (or `fail_fast` stopped the rest).
    Completed,
    /// By a DELETE.
    Cancelled,
    /// At its deadline.
    Expired,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Units may start.
    Running,
    /// A unit failed and the caller asked for `fail_fast`: being terminated, will be `Completed`.
    FailingFast,
    /// A DELETE was accepted: being terminated, will be `Cancelled`.
    Cancelling,
    /// The deadline passed: being terminated, will be `Expired`.
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

    /// The name in rows.
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

    /// Reads the name of a row.
    pub fn parse(name: &str) -> Option<JobState> {
        JobState::ALL.into_iter().find(|s| s.name() == name)
    }

    /// The word of the contract: a client sees every termination as `cancelling`.
    pub fn wire(self) -> &'static str {
        match self {
            JobState::FailingFast | JobState::Cancelling | JobState::Expiring => "cancelling",
            JobState::Running | JobState::Ended(_) => self.name(),
        }
    }

    /// Whether it is over.
    pub fn ended(self) -> bool {
        matches!(self, JobState::Ended(_))
    }

    /// How the job will have ended once nothing is open any more.
    pub fn heads_for(self) -> Outcome {
        match self {
            JobState::Running | JobState::FailingFast => Outcome::Completed,
            JobState::Cancelling => Outcome::Cancelled,
            JobState::Expiring => Outcome::Expired,
            JobState::Ended(outcome) => outcome,
        }
    }
}

/// `crawl`: how far a crawl goes, validated, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrawlPlan {
    /// Glob over the whole canonical URL.
    pub follow_pattern: String,
    /// Most pages that are visited: as asked, after the cap.
    pub max_pages: u32,
    /// Most hops from the seed.
    pub max_depth: u32,
    /// Whether matching URLs of the sitemap are taken too.
    pub use_sitemap: bool,
    /// Whether robots.txt is left aside.
    pub ignore_robots: bool,
    /// Whether the 25 % cap is lifted.
    pub allow_large_crawl: bool,
}

/// Figures of a crawl beside its tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CrawlFigures {
    /// URLs that matched and were not fetched: robots.txt, duplicates, over a limit.
    pub skipped: u32,
    /// Units that turned out to be another unit's page: they ran and have no result of their own.
    pub duplicates: u32,
    /// What came of its sitemaps.
    pub sitemaps: Sitemaps,
}

/// Files of sitemaps that a crawl asked for, indexes among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sitemaps {
    /// Read to their end, or as far as was wanted.
    pub read: u32,
    /// Those that could not be had, were broken, or that there was no time for.
    pub failed: u32,
}

/// Who drives a job, and until when that is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriverLease {
    /// The driver's own mark.
    pub holder: Nonce,
    /// When another may take the job up.
    pub until: Timestamp,
    /// Whether the queue has been told of the open units: then a dead driver is no reason to tell it again.
    pub queued: bool,
    /// How many looks in a row found that nothing had moved; the next look comes the later for it.
    pub quiet: u32,
}

/// What a job was asked to do: it never changes, and is read once by each process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobSpec {
    /// As asked.
    pub options: Options,
    /// As asked, or bound to the key.
    pub schema: Schema,
    /// Of a crawl: how far it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crawl: Option<CrawlPlan>,
    /// Who is told of its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
}

/// What an extract's row has of its one unit: no other row is needed for it.
#[derive(Debug, Clone, PartialEq)]
pub struct OneUnit {
    /// What the unit is about.
    pub url: String,
    /// Its state, as the only unit of segment 0.
    pub segment: Segment,
    /// The job's spec, where it is small.
    pub spec: Option<JobSpec>,
    /// The result's JSON text, where it is small.
    pub result: Option<String>,
}

/// A job's META row.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Whose it is.
    pub account: AccountId,
    /// Which call made it.
    pub endpoint: Endpoint,
    /// Milliseconds for a page.
    pub timeout_ms: u32,
    /// Pages at once; `None` leaves it to the server.
    pub concurrency: Option<u32>,
    /// Whether it stops at its first failure.
    pub fail_fast: bool,
    /// Of an extract: its unit.
    pub one: Option<Box<OneUnit>>,
    /// Of a crawl: whether a matching page was left out for `max_pages`.
    pub limit_reached: bool,
    /// Whether somebody is to be told of its end: its spec says who.
    pub webhook: bool,
    /// Whether the caller asked for the queue.
    pub async_mode: bool,
    /// Where it stands.
    pub state: JobState,
    /// What it took.
    pub reservation: Reservation,
    /// How many units exist: seq 0 .. admitted − 1.
    pub admitted: u32,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// When it is ended whatever is open.
    pub deadline: Timestamp,
    /// Who works on it.
    pub driver: DriverLease,
    /// When a DELETE was accepted.
    pub cancelled_at: Option<Timestamp>,
    /// When it was settled.
    pub ended_at: Option<Timestamp>,
    /// Until when it and its results are kept.
    pub expires_at: Option<Timestamp>,
    /// The final figures, once it ended.
    pub tally: Option<Tally>,
    /// Of a crawl: its further figures, once it ended.
    pub figures: CrawlFigures,
    /// What became of the reservation, once it ended.
    pub charge: Option<Charge>,
}

/// What a DELETE by the owner means for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelVerdict {
    /// Write `Cancelling`, on the condition of the state that was read.
    Cancel,
    /// It is being terminated already for that reason: say 200 again.
    Winding,
    /// It is over: 404.
    Over,
}

/// What a job that nothing is open in any more becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// The final state.
    pub outcome: Outcome,
    /// What becomes of the reservation.
    pub charge: Charge,
    /// The final figures.
    pub tally: Tally,
    /// Of a crawl.
    pub figures: CrawlFigures,
    /// The moment.
    pub ended_at: Timestamp,
}

impl Job {
    /// The numbers of its units.
    pub fn seqs(&self) -> std::ops::Range<Seq> {
        0..self.admitted
    }

    /// Whether it is a crawl.
    pub fn is_crawl(&self) -> bool {
        self.endpoint == Endpoint::Crawl
    }

    /// Whether the deadline has to be enforced now.
    pub fn must_expire(&self, now: Timestamp) -> bool {
        // A job that is being terminated needs no deadline: nothing new starts, and what has started is tried three times at most.
        self.state == JobState::Running && now >= self.deadline
    }

    /// What the owner's DELETE does.
    pub fn cancel(&self) -> CancelVerdict {
        match self.state {
            JobState::Running | JobState::FailingFast => CancelVerdict::Cancel,
            JobState::Cancelling | JobState::Expiring => CancelVerdict::Winding,
            JobState::Ended(_) => CancelVerdict::Over,
        }
    }

    /// How the job ends, if every admitted unit did and it is not settled yet.
    pub fn settle(&self, totals: &Totals, now: Timestamp) -> Option<Settlement> {
        let tally = totals.tally;
        if self.state.ended() || tally.pending > 0 || tally.total != self.admitted {
            return None;
        }
        Some(Settlement {
            outcome: self.state.heads_for(),
            charge: self.reservation.resolve(tally.started()),
            tally,
            figures: self.figures(totals),
            ended_at: now,
        })
    }

    /// A crawl's figures, by what its units add up to.
    pub fn figures(&self, totals: &Totals) -> CrawlFigures {
        // A seed that robots.txt denies is a page that was not fetched.
        let denied = self.is_crawl() && self.state.heads_for() == Outcome::Completed;
        let denied = if denied { totals.tally.cancelled } else { 0 };
        CrawlFigures {
            skipped: totals.skipped + denied,
            duplicates: totals.duplicates,
            sitemaps: self.figures.sitemaps,
        }
    }

    /// Whether its rows may still be shown: TTL may remove them days late, so a reader asks the time itself.
    pub fn retained(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }
}

#[cfg(test)]
pub(crate) mod tests;
