//! What was measured, and what is made of it: percentiles, medians, ratios within a round. Pure.

use serde::Serialize;

/// Pages through one program, once.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Throughput {
    pub(crate) name: String,
    pub(crate) round: usize,
    /// Fields that were read of each page.
    pub(crate) fields: usize,
    pub(crate) pages: u64,
    pub(crate) wall_s: f64,
    /// User and system time of the process tree.
    pub(crate) cpu_s: f64,
    /// Peak resident size of the process tree, MB.
    pub(crate) peak_mb: f64,
}

impl Throughput {
    pub(crate) fn pages_per_s(&self) -> f64 {
        self.pages as f64 / self.wall_s
    }

    /// CPU seconds per 1,000 pages, which is milliseconds per page.
    pub(crate) fn cpu_ms(&self) -> f64 {
        self.cpu_s * 1e3 / self.pages as f64
    }
}

/// Times of one kind of call, of all rounds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Latency {
    pub(crate) name: String,
    pub(crate) ms: Vec<f64>,
}

/// What one unit cost in jobs of one size (or so many jobs at once), in one round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Point {
    pub(crate) series: String,
    pub(crate) round: usize,
    pub(crate) size: u64,
    pub(crate) wall_ms: f64,
    pub(crate) cpu_ms: f64,
    /// Peak resident size of the server that ran nothing else, MB.
    pub(crate) peak_mb: f64,
}

/// Calls under more load than can be served, in one round.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Load {
    pub(crate) name: String,
    pub(crate) round: usize,
    /// Calls a second, as they were to come.
    pub(crate) offered_per_s: f64,
    pub(crate) seconds: f64,
    pub(crate) sent: usize,
    pub(crate) ok: usize,
    pub(crate) status_429: usize,
    pub(crate) status_503: usize,
    /// Other statuses, and answers that broke off or never came.
    pub(crate) other: usize,
    /// Accepted, but not every URL of it succeeded.
    pub(crate) incomplete: usize,
    pub(crate) refused_without_retry_after: usize,
    pub(crate) answered_ms: Vec<f64>,
    pub(crate) refused_ms: Vec<f64>,
    /// Of calls one after the other, once it is over.
    pub(crate) after_ms: Vec<f64>,
    pub(crate) peak_mb: f64,
}

/// A single number, of each round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Number {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) values: Vec<f64>,
}

/// Everything of one run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Results {
    /// The machine and the sizes.
    pub(crate) about: Vec<String>,
    pub(crate) throughput: Vec<Throughput>,
    pub(crate) latencies: Vec<Latency>,
    pub(crate) points: Vec<Point>,
    pub(crate) loads: Vec<Load>,
    pub(crate) numbers: Vec<Number>,
    /// What was skipped, and why.
    pub(crate) skipped: Vec<String>,
    /// What did not work.
    pub(crate) failed: Vec<String>,
}

impl Results {
    pub(crate) fn latency(&mut self, name: &str, ms: impl IntoIterator<Item = f64>) {
        match self.latencies.iter_mut().find(|l| l.name == name) {
            Some(latency) => latency.ms.extend(ms),
            None => self.latencies.push(Latency { name: name.to_owned(), ms: ms.into_iter().collect() }),
        }
    }

    pub(crate) fn number(&mut self, name: &str, unit: &'static str, value: f64) {
        match self.numbers.iter_mut().find(|n| n.name == name) {
            Some(number) => number.values.push(value),
            None => self.numbers.push(Number { name: name.to_owned(), unit, values: vec![value] }),
        }
    }

    /// Notes what is skipped, once, and says it.
    pub(crate) fn skip(&mut self, what: String) {
        if !self.skipped.contains(&what) {
            super::note(&format!("SKIPPED {what}"));
            self.skipped.push(what);
        }
    }
}

/// The value at `share` (0 to 1) of the sorted values, nearest rank; `None` of none.
pub(crate) fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).or(sorted.last()).copied()
}

/// The middle value; of an even number the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some((sorted.get(middle - 1)? + upper) / 2.0) }
}

/// The median of what `name` is to `base` in those rounds that have both: other load meets both of a round.
pub(crate) fn ratio(all: &[Throughput], name: &str, base: &str, of: impl Fn(&Throughput) -> f64) -> Option<f64> {
    let rounds = all.iter().filter(|t| t.name == name);
    let ratios = rounds.filter_map(|t| {
        let base = all.iter().find(|b| b.name == base && b.round == t.round)?;
        Some(of(t) / of(base))
    });
    median(&ratios.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&hundred, 0.5), Some(50.0));
        assert_eq!(percentile(&hundred, 0.99), Some(99.0));
        assert_eq!(percentile(&hundred, 1.0), Some(100.0));
        assert_eq!(percentile(&[7.0], 0.01), Some(7.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let of = |name: &str, round, wall_s| Throughput {
            name: name.to_owned(),
            round,
            pages: 100,
            wall_s,
            ..Throughput::default()
        };
        // The machine was twice as slow in round 1, and the base is missing from round 2.
        let all = [of("base", 0, 1.0), of("it", 0, 2.0), of("base", 1, 2.0), of("it", 1, 4.0), of("it", 2, 1.0)];
        assert_eq!(ratio(&all, "it", "base", Throughput::pages_per_s), Some(0.5));
        assert_eq!(ratio(&all, "it", "nobody", Throughput::pages_per_s), None);
    }
}
