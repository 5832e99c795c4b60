//! The figures of a run.

use crate::assumptions::{MS, Micros, SECOND};
use crate::lambda;
use crate::prices;
use crate::queue;
use crate::tables::{self, Table};

/// Refused calls by cause. Each was tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// Refused by the stage's throttle.
    pub gateway: u64,
    /// Refused by Lambda.
    pub lambda: u64,
    /// Refused by the account's rate limit.
    pub rate: u64,
    /// Refused because a step failed.
    pub store: u64,
}

/// Seconds in which something was at its limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seconds {
    /// All seconds of the run.
    pub all: u64,
    /// The executions that callers share were used up.
    pub lambda_full: u64,
    /// The worker's mapping was at its limit, with messages left.
    pub mapping_full: u64,
    /// The stage throttled.
    pub gateway: u64,
    pub(crate) gateway_before: u64,
}

/// The figures of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// The duration of each job, in milliseconds; sorted once the run is over.
    pub(crate) times_ms: Vec<u32>,
    /// Jobs that were requested and did not end.
    pub unended: u64,
    /// When the last job ended.
    pub last_at: Micros,
    /// Units that were charged.
    pub units_done: u64,
    /// Pages that were fetched.
    pub pages: u64,
    /// Requests to the gateway.
    pub requests: u64,
    /// Requests that were refused.
    pub refused: Refused,
    /// Responses that ended before their job.
    pub outlived: u64,
    /// Requests to the tables.
    pub calls: u64,
    /// Rows that were requested; a query counts as one.
    pub rows_read: u64,
    /// Writes that conflicted with a transaction.
    pub conflicts: u64,
    /// Accept transactions that failed because the month's row had changed since it was read.
    pub stale_accepts: u64,
    /// Steps that failed in all their tries.
    pub failed_steps: u64,
    /// Segments that were written.
    pub segment_writes: u64,
    /// Writes of segments that were refused because of their version.
    pub refused_writes: u64,
    /// Renewals of leases.
    pub renewals: u64,
    /// Leases that were lost.
    pub leases_lost: u64,
    /// Runners that gave up.
    pub gave_up: u64,
    /// Messages that were delivered again.
    pub redelivered: u64,
    /// Jobs that sweeps examined.
    pub swept_jobs: u64,
    /// How often sweeps sent a job's messages again.
    pub resent: u64,
    /// How long each limit was reached.
    pub seconds: Seconds,
    /// By table or index.
    pub tables: [tables::Counts; 4],
    /// Number of their partitions at the end.
    pub partitions: [usize; 4],
    /// By function.
    pub functions: [lambda::Counts; 4],
    /// GB-seconds of each function.
    pub gb_secs: [f64; 4],
    /// Maximum number of concurrent executions.
    pub peak: u32,
    /// By queue.
    pub queues: [queue::Counts; 2],
    /// Number of all events.
    pub events: u64,
    pub(crate) last_beat: Option<Micros>,
}

impl Figures {
    pub(crate) fn ended(&mut self, called_at: Micros, now: Micros) {
        self.times_ms.push(u32::try_from((now - called_at) / MS).unwrap_or(u32::MAX));
        self.last_at = now;
    }

    /// Returns how many jobs have ended.
    pub fn jobs(&self) -> u64 {
        self.times_ms.len() as u64
    }

    /// Returns the duration that this percentage of the jobs did not exceed, in seconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let at = (self.times_ms.len() * percent).div_ceil(100).saturating_sub(1);
        self.times_ms.get(at).map_or(0.0, |ms| f64::from(*ms) / 1_000.0)
    }

    fn sum_tables(&self, of: impl Fn(&tables::Counts) -> u64) -> u64 {
        self.tables.iter().map(of).sum()
    }

    fn per_page(&self, sum: u64) -> f64 {
        sum as f64 / self.units_done.max(1) as f64
    }

    /// Returns the write units of all tables and indexes.
    pub fn writes(&self) -> u64 {
        self.sum_tables(|counts| counts.writes)
    }

    /// Returns the read units of all tables and indexes.
    pub fn reads(&self) -> u64 {
        self.sum_tables(|counts| counts.reads)
    }

    /// Returns how many requests the tables refused.
    pub fn throttled(&self) -> u64 {
        self.sum_tables(|counts| counts.throttled)
    }

    /// Returns the write units per page.
    pub fn writes_a_page(&self) -> f64 {
        self.per_page(self.writes())
    }

    /// Returns the read units per page.
    pub fn reads_a_page(&self) -> f64 {
        self.per_page(self.reads())
    }

    /// Returns the requests to the tables per page.
    pub fn calls_a_page(&self) -> f64 {
        self.per_page(self.calls)
    }

    /// Returns the requested rows per page.
    pub fn rows_a_page(&self) -> f64 {
        self.per_page(self.rows_read)
    }

    /// Returns the pages per second, from the start of the run to the end of the last job.
    pub fn pages_a_second(&self) -> f64 {
        self.units_done as f64 * SECOND as f64 / self.last_at.max(1) as f64
    }

    /// Returns the total duration of all invocations, in seconds.
    pub fn lambda_secs(&self) -> f64 {
        self.functions.iter().map(|counts| counts.busy).sum::<Micros>() as f64 / SECOND as f64
    }

    /// Returns the cost in US dollars of tables, Lambda, queues and gateway.
    pub fn cost(&self) -> [f64; 4] {
        let millions = |n: u64| n as f64 / 1e6;
        let invocations: u64 = self.functions.iter().map(|counts| counts.invocations).sum();
        let messages: u64 = self.queues.iter().map(|counts| counts.requests).sum();
        [
            millions(self.writes()) * prices::WRITES + millions(self.reads()) * prices::READS,
            self.gb_secs.iter().sum::<f64>() * prices::GB_SECOND + millions(invocations) * prices::INVOCATIONS,
            millions(messages) * prices::MESSAGES,
            millions(self.requests) * prices::REQUESTS,
        ]
    }

    /// Returns the cost in US dollars of a million units.
    pub fn cost_a_million(&self) -> f64 {
        self.cost().iter().sum::<f64>() * 1e6 / self.units_done.max(1) as f64
    }

    /// Returns the limits that were reached for at least 5 % of the time, with their shares in percent, largest first.
    pub fn saturated(&self) -> Vec<(String, u64)> {
        let all = self.seconds.all.max(1);
        let mut limits = vec![
            ("executions that callers share".to_owned(), self.seconds.lambda_full),
            ("workers (`WorkerConcurrency`)".to_owned(), self.seconds.mapping_full),
            ("the stage's throttle".to_owned(), self.seconds.gateway),
        ];
        for table in Table::ALL {
            let counts = self.tables[table as usize];
            // Counts of partitions are added up, so together they can exceed the run's seconds.
            limits.push((format!("a partition of {}", table.name()), counts.hot_secs.min(all)));
        }
        let mut found: Vec<(String, u64)> = limits
            .into_iter()
            .map(|(limit, secs)| (limit, secs * 100 / all))
            .filter(|(_, percent)| *percent >= 5)
            .collect();
        found.sort_by_key(|(_, percent)| std::cmp::Reverse(*percent));
        found
    }
}
