//! The load: the calls that a simulation makes.

use domain::Plan;

use crate::assumptions::{MS, Micros};
use crate::random::Random;

/// The kind of call that creates the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// A batch whose response is held open, run by its handler.
    Held,
    /// A batch through the queue, for which no handler waits: `Prefer: respond-async`.
    Detached,
    /// An extract.
    Extract,
}

/// The distribution of the time that a page takes, for network and reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PageDuration {
    /// Uniformly distributed: a minimum, and the maximum of the part beyond it.
    Uniform(Micros, Micros),
    /// Log-normally distributed, as on real sites: the median, and the standard deviation of the logarithm; at most the
    /// page's timeout.
    LogNormal(Micros, f64),
}

impl PageDuration {
    /// Half a second on average, and above a second for one in twelve, as on a mix of sites.
    pub const MIXED: PageDuration = PageDuration::LogNormal(400 * MS, 0.67);
    /// Half a second each, as in `tests/suite/budget/real_times.rs`.
    pub const HALF_A_SECOND: PageDuration = PageDuration::Uniform(500 * MS, 10 * MS);

    /// Draws the duration of one page.
    pub fn sample(self, random: &mut Random) -> Micros {
        match self {
            PageDuration::Uniform(min, more) => min + random.uniform(more),
            PageDuration::LogNormal(median, sigma) => random.log_normal(median, sigma),
        }
    }
}

/// A load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Accounts.
    pub accounts: u32,
    /// Jobs of each account.
    pub jobs: u32,
    /// Units of each job.
    pub units: u32,
    /// The kind of call that creates them.
    pub call_kind: CallKind,
    /// `options.concurrency`.
    pub concurrency: Option<u32>,
    /// Concurrent jobs of an account: the next is requested when one ends. With `None`, each is requested at its time.
    pub at_once: Option<u32>,
    /// Seconds over which calls are spread evenly: the first ones of the accounts if `at_once` is set, otherwise all.
    pub over_secs: u32,
    /// Accepted calls per minute of an account.
    pub per_minute: u64,
    /// How long pages take.
    pub page_duration: PageDuration,
    /// Bytes of a URL in its row.
    pub url_bytes: u32,
    /// Bytes of a result's row.
    pub result_bytes: u32,
}

impl Default for Load {
    fn default() -> Self {
        Load {
            accounts: 1,
            jobs: 1,
            units: 1_000,
            call_kind: CallKind::Held,
            concurrency: None,
            at_once: None,
            over_secs: 0,
            per_minute: Plan::Scale.per_minute(),
            page_duration: PageDuration::MIXED,
            url_bytes: 60,
            result_bytes: 900,
        }
    }
}

impl Load {
    /// Returns the number of all units.
    pub fn all_units(&self) -> u64 {
        u64::from(self.accounts) * u64::from(self.jobs) * u64::from(self.units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assumptions::SECOND;

    #[test]
    fn pages_take_half_a_second_on_average() {
        let mut random = Random::new(3);
        for duration in [PageDuration::MIXED, PageDuration::HALF_A_SECOND] {
            let all: Micros = (0..20_000).map(|_| duration.sample(&mut random)).sum();
            let mean = all / 20_000;
            assert!((SECOND / 2).abs_diff(mean) < 15 * MS, "{duration:?}: {mean}");
        }
    }
}
