//! The load: what callers ask for.

use domain::Plan;

use crate::assumptions::{MS, Micros};
use crate::chance::Chance;

/// How jobs are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A batch whose answer is held open, run by its handler.
    Held,
    /// A batch through the queue that nobody waits for: `Prefer: respond-async`.
    Detached,
    /// An extract.
    Extract,
}

/// How long pages take, for network and reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pages {
    /// All alike: a minimum, and up to so much more, uniformly distributed.
    Alike(Micros, Micros),
    /// As on real sites: log-normally distributed around a median, with this standard deviation of the logarithm; at
    /// most the page's timeout.
    Spread(Micros, f64),
}

impl Pages {
    /// Half a second on average, and above a second for one in twelve, as on a mix of sites.
    pub const MIXED: Pages = Pages::Spread(400 * MS, 0.67);
    /// Half a second each, as in `tests/suite/budget/real_times.rs`.
    pub const HALF_A_SECOND: Pages = Pages::Alike(500 * MS, 10 * MS);

    /// Returns the duration of one page.
    pub fn one(self, chance: &mut Chance) -> Micros {
        match self {
            Pages::Alike(min, more) => min + chance.up_to(more),
            Pages::Spread(median, sigma) => chance.spread(median, sigma),
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
    /// How they are asked for.
    pub way: Way,
    /// `options.concurrency`.
    pub concurrency: Option<u32>,
    /// Concurrent jobs of an account: the next is asked for when one ends. With `None`, each is asked for at its time.
    pub at_once: Option<u32>,
    /// Seconds over which calls are spread evenly: the first ones of the accounts if `at_once` is set, otherwise all.
    pub over_secs: u32,
    /// Accepted calls a minute of an account.
    pub per_minute: u64,
    /// How long pages take.
    pub pages: Pages,
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
            way: Way::Held,
            concurrency: None,
            at_once: None,
            over_secs: 0,
            per_minute: Plan::Scale.per_minute(),
            pages: Pages::MIXED,
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
        let mut chance = Chance::new(3);
        for pages in [Pages::MIXED, Pages::HALF_A_SECOND] {
            let all: Micros = (0..20_000).map(|_| pages.one(&mut chance)).sum();
            let mean = all / 20_000;
            assert!((SECOND / 2).abs_diff(mean) < 15 * MS, "{pages:?}: {mean}");
        }
    }
}
