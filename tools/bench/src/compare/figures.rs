//! Measured figures and statistics over them: percentiles, medians, ratios within a round. Pure.

use serde::Serialize;

/// Throughput of one program in one round.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Throughput {
    pub(crate) name: String,
    pub(crate) round: usize,
    /// Number of fields read from each page.
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

    /// Returns CPU seconds per 1,000 pages, which is milliseconds per page.
    pub(crate) fn cpu_ms(&self) -> f64 {
        self.cpu_s * 1e3 / self.pages as f64
    }
}

/// Times of one kind of call in all rounds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Latency {
    pub(crate) name: String,
    pub(crate) ms: Vec<f64>,
}

/// Cost of one unit in jobs of one size (or at one number of concurrent jobs), in one round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Point {
    pub(crate) series: String,
    pub(crate) round: usize,
    pub(crate) size: u64,
    pub(crate) wall_ms: f64,
    pub(crate) cpu_ms: f64,
    /// Peak resident size of the server, which ran nothing else, in MB.
    pub(crate) peak_mb: f64,
}

/// Outcomes of calls under overload, in one round.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Load {
    pub(crate) name: String,
    pub(crate) round: usize,
    /// Calls per second, as scheduled.
    pub(crate) offered_per_s: f64,
    pub(crate) seconds: f64,
    pub(crate) sent: usize,
    pub(crate) ok: usize,
    pub(crate) status_429: usize,
    pub(crate) status_503: usize,
    /// Other statuses, and responses that broke off or never arrived.
    pub(crate) other: usize,
    /// Accepted, but not every URL succeeded.
    pub(crate) incomplete: usize,
    pub(crate) refused_without_retry_after: usize,
    pub(crate) answered_ms: Vec<f64>,
    pub(crate) refused_ms: Vec<f64>,
    /// Times of sequential calls after the load.
    pub(crate) after_ms: Vec<f64>,
    pub(crate) peak_mb: f64,
}

/// A single number, one value per round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Number {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) values: Vec<f64>,
}

/// All results of one run.
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
    /// What failed.
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

    /// Records what is skipped, once, and prints it.
    pub(crate) fn skip(&mut self, text: String) {
        if !self.skipped.contains(&text) {
            super::print_progress(&format!("SKIPPED {text}"));
            self.skipped.push(text);
        }
    }
}

/// Returns the value at `share` (0 to 1) of the sorted values, nearest rank; `None` if there are none.
pub(crate) fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).or(sorted.last()).copied()
}

/// Returns the middle value, or the mean of the two middle values; `None` if there are none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some((sorted.get(middle - 1)? + upper) / 2.0) }
}

/// Returns the median ratio of `name` to `base` over the rounds that have both: other load on the machine affects both
/// within a round.
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
