//! Renders results as markdown. Pure.

use std::fmt::Write as _;

use super::Options;
use super::figures::{Load, Point, Results, Throughput, median, percentile, ratio};
use super::scenario;

/// Renders the whole report.
pub(crate) fn render(results: &Results, options: &Options) -> String {
    let mut out = String::new();
    for line in &results.about {
        let _ = writeln!(out, "- {line}");
    }
    throughput(&mut out, results);
    latencies(&mut out, results);
    numbers(&mut out, results, options);
    points(&mut out, &results.points);
    loads(&mut out, &results.loads);
    for (title, lines) in [("Skipped", &results.skipped), ("Failed", &results.failed)] {
        if !lines.is_empty() {
            let _ = writeln!(out, "\n**{title}**\n");
        }
        for line in lines {
            let _ = writeln!(out, "- {line}");
        }
    }
    out
}

/// Returns each name once, in the order of first occurrence.
pub(crate) fn distinct_names<'a>(all: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for name in all {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Formats a value with three significant digits; a dash if there is none.
fn number(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(v) if v.abs() >= 100.0 => format!("{v:.0}"),
        Some(v) if v.abs() >= 10.0 => format!("{v:.1}"),
        Some(v) => format!("{v:.2}"),
    }
}

fn throughput(out: &mut String, results: &Results) {
    let all = &results.throughput;
    if all.is_empty() {
        return;
    }
    out.push_str("\n| | wall s | pages/s | CPU ms/page | peak RSS MB | pages/s ÷ bare | CPU ÷ bare | pages/s ÷ bare, same extraction |\n");
    out.push_str("|---|--:|--:|--:|--:|--:|--:|--:|\n");
    for name in distinct_names(all.iter().map(|t| t.name.as_str())) {
        let rounds: Vec<&Throughput> = all.iter().filter(|t| t.name == name).collect();
        let of = |f: fn(&Throughput) -> f64| number(median(&rounds.iter().map(|t| f(t)).collect::<Vec<_>>()));
        let fields = rounds.first().map_or(0, |t| t.fields);
        let base = scenario::baseline_name(fields);
        let (wall, pages) = (of(|t| t.wall_s), of(Throughput::pages_per_s));
        let (cpu, peak) = (of(Throughput::cpu_ms), of(|t| t.peak_mb));
        let speed = number(ratio(all, name, &base, Throughput::pages_per_s));
        let cost = number(ratio(all, name, &base, Throughput::cpu_ms));
        let engine = number(ratio(all, name, &scenario::runo_baseline_name(fields), Throughput::pages_per_s));
        let _ = writeln!(out, "| {name} | {wall} | {pages} | {cpu} | {peak} | {speed} | {cost} | {engine} |");
    }
}

fn latencies(out: &mut String, results: &Results) {
    if results.latencies.is_empty() {
        return;
    }
    out.push_str("\n| | calls | p50 ms | p99 ms | max ms |\n|---|--:|--:|--:|--:|\n");
    for latency in &results.latencies {
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| number(percentile(&latency.ms, share)));
        let _ = writeln!(out, "| {} | {} | {p50} | {p99} | {max} |", latency.name, latency.ms.len());
    }
}

fn numbers(out: &mut String, results: &Results, options: &Options) {
    if results.numbers.is_empty() {
        return;
    }
    out.push_str("\n| | |\n|---|--:|\n");
    for each in &results.numbers {
        let middle = median(&each.values);
        let _ = writeln!(out, "| {} | {} {} |", each.name, number(middle), each.unit);
        if each.unit == "writes/s" {
            let units = middle.map(|w| w / options.writes_per_unit);
            let _ = writeln!(out, "| units of {} writes | {} units/s |", options.writes_per_unit, number(units));
        }
    }
}

fn points(out: &mut String, all: &[Point]) {
    if all.is_empty() {
        return;
    }
    out.push_str("\n| | size | wall ms/unit | CPU ms/unit | peak RSS MB |\n|---|--:|--:|--:|--:|\n");
    for series in distinct_names(all.iter().map(|p| p.series.as_str())) {
        for size in sizes(all, series) {
            let of = |f: fn(&Point) -> f64| number(median_at(all, series, size, f));
            let (wall, cpu, peak) = (of(|p| p.wall_ms), of(|p| p.cpu_ms), of(|p| p.peak_mb));
            let _ = writeln!(out, "| {series} | {size} | {wall} | {cpu} | {peak} |");
        }
    }
}

/// Returns the sizes of a series, ascending.
pub(crate) fn sizes(all: &[Point], series: &str) -> Vec<u64> {
    let mut sizes: Vec<u64> = all.iter().filter(|p| p.series == series).map(|p| p.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// Returns the median over the rounds of one figure of a series at a size.
pub(crate) fn median_at(all: &[Point], series: &str, size: u64, of: impl Fn(&Point) -> f64) -> Option<f64> {
    let rounds = all.iter().filter(|p| p.series == series && p.size == size);
    median(&rounds.map(of).collect::<Vec<_>>())
}

fn loads(out: &mut String, all: &[Load]) {
    if all.is_empty() {
        return;
    }
    out.push_str(
        "\n| | offered/s | sent | 200/s | 200 | 429 | 503 | other | not whole | refused without Retry-After | \
         answered p50, p99 ms | refused p50, p99 ms | after p50 ms | peak RSS MB |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for load in all {
        let pair = |ms: &[f64]| format!("{}, {}", number(percentile(ms, 0.5)), number(percentile(ms, 0.99)));
        let _ = writeln!(
            out,
            "| {}, round {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            load.name,
            load.round + 1,
            number(Some(load.offered_per_s).filter(|o| *o > 0.0)),
            load.sent,
            number(Some(load.ok as f64 / load.seconds).filter(|r| r.is_finite())),
            load.ok,
            load.status_429,
            load.status_503,
            load.other,
            load.incomplete,
            load.refused_without_retry_after,
            pair(&load.answered_ms),
            pair(&load.refused_ms),
            number(percentile(&load.after_ms, 0.5)),
            number(Some(load.peak_mb)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_medians_and_its_ratio_to_the_bare_loop() {
        let of = |name: String, round, wall_s, cpu_s| Throughput {
            name,
            round,
            fields: 2,
            pages: 1_000,
            wall_s,
            cpu_s,
            peak_mb: 12.5,
        };
        let results = Results {
            throughput: vec![
                of(scenario::baseline_name(2), 0, 1.0, 1.0),
                of("it".into(), 0, 2.0, 3.0),
                of(scenario::baseline_name(2), 1, 2.0, 1.0),
                of("it".into(), 1, 4.0, 3.0),
            ],
            ..Results::default()
        };
        let mut out = String::new();
        throughput(&mut out, &results);
        assert_eq!(out.lines().last(), Some("| it | 3.00 | 375 | 3.00 | 12.5 | 0.50 | 3.00 | – |"));
        assert_eq!(
            out.lines().nth(3),
            Some("| bare loop, selectors, 2 fields | 1.50 | 750 | 1.00 | 12.5 | 1.00 | 1.00 | – |")
        );
    }

    #[test]
    fn points_are_medians_by_size() {
        let of = |size, round, cpu_ms| Point { series: "s".into(), round, size, wall_ms: 1.0, cpu_ms, peak_mb: 20.0 };
        let mut out = String::new();
        points(&mut out, &[of(100, 0, 1.0), of(10, 0, 5.0), of(10, 1, 7.0), of(10, 2, 6.0)]);
        assert!(out.ends_with("| s | 10 | 1.00 | 6.00 | 20.0 |\n| s | 100 | 1.00 | 1.00 | 20.0 |\n"), "{out}");
    }
}
