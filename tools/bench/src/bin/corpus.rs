//! Extracts every page of a corpus folder. Writes one line `{"id", "data", "warnings"}` per case to standard output, in
//! the order of the cases, and the speed to standard error.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bench::model::CorpusModel;
use bench::{Case, Fault};
use clap::Parser;
use extraction::RequestedExtras;
use serde_json::{Value, json};

/// Extract every page of a corpus and report the speed.
#[derive(Parser)]
struct Args {
    /// A folder with `cases.jsonl` and the pages that it lists.
    folder: PathBuf,
    /// Number of threads [default: number of cores].
    #[arg(long)]
    threads: Option<usize>,
    /// Also list this many of the slowest pages.
    #[arg(long, default_value_t = 0)]
    slowest: usize,
    /// Ask the model configured by `MODEL_URL`, `MODEL_NAME` and `MODEL_KEY` for fields that the rules leave open.
    #[arg(long)]
    model: bool,
}

fn main() -> Result<(), Fault> {
    let args = Args::parse();
    let cases = bench::cases(&args.folder)?;
    let threads = args.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1);
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Value, Duration)>> = Mutex::new(Vec::with_capacity(cases.len()));
    let model = args.model.then(CorpusModel::from_env).transpose()?;
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((at, case)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    cases.get(at).map(|c| (at, c))
                } {
                    let (line, took) = run(&args.folder, case, model.as_ref()).unwrap_or_else(|e| {
                        (json!({ "id": case.id, "data": {}, "warnings": [format!("not run: {e}")] }), Duration::ZERO)
                    });
                    if let Ok(mut done) = done.lock() {
                        done.push((at, line, took));
                    }
                }
            });
        }
    });
    let wall = start.elapsed();
    let mut done = done.into_inner().map_err(|_| "a thread panicked while it read a page")?;
    done.sort_by_key(|(at, _, _)| *at);
    let mut out = io::stdout().lock();
    for (_, line, _) in &done {
        writeln!(out, "{line}")?;
    }
    let mut times: Vec<f64> = done.iter().map(|(_, _, took)| took.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((share * times.len().saturating_sub(1) as f64).round() as usize).unwrap_or(&0.0);
    let rate = done.len() as f64 / wall.as_secs_f64();
    eprintln!(
        "{} pages, {threads} threads: {rate:.0} pages/s; ms per page p50 {:.2}, p99 {:.2}, longest {:.2}",
        done.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    if let Some(model) = &model {
        eprintln!("{}", model.summary(done.len()));
    }
    let mut slow: Vec<&(usize, Value, Duration)> = done.iter().collect();
    slow.sort_by_key(|(_, _, took)| std::cmp::Reverse(*took));
    for (at, _, took) in slow.into_iter().take(args.slowest) {
        let id = cases.get(*at).map_or("", |c| c.id.as_str());
        eprintln!("{:>9.2} ms  {id}", took.as_secs_f64() * 1e3);
    }
    Ok(())
}

/// Reads and extracts one page. The time is that of the extraction alone.
fn run(folder: &Path, case: &Case, model: Option<&CorpusModel>) -> Result<(Value, Duration), Fault> {
    let body = bench::page(&folder.join(&case.html))?;
    let (url, schema) = (bench::address(&case.url)?, bench::schema(&case.schema)?);
    let page = extraction::Page { body: &body, content_type: Some("text/html"), url: &url };
    let context = extraction::Context { locale: &case.locale, now: bench::FETCHED_AT, budget: &Default::default() };
    let start = Instant::now();
    let requested = RequestedExtras { links: false, compact: model.map(CorpusModel::max_text) };
    let (got, extras) = extraction::extract_with(&page, &schema, &context, requested);
    let took = start.elapsed();
    let mut got = got?;
    if let (Some(model), Some(compact)) = (model, &extras.compact) {
        model.complete(case, &url, compact, &mut got)?;
    }
    Ok((json!({ "id": case.id, "data": got.data, "warnings": got.warnings }), took))
}
