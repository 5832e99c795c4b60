//! Compares Runo with the bare loop and its peers: what is run, how often, and in which order.

mod bare;
mod client;
mod figures;
pub mod page;
mod peers;
mod plot;
mod process;
mod runo;
mod scenario;
mod site;
mod table;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::Fault;
use figures::Results;
use site::Site;

#[derive(Parser)]
#[command(name = "compare", about = "Compare Runo with the bare loop and its peers, on one generated site")]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// The generated site; started by the measurement.
    #[command(hide = true)]
    Site(site::Args),
    /// The bare loop; started by the measurement.
    #[command(hide = true)]
    Bare(bare::Args),
}

/// What is measured, and how much of it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Number of rounds; each runs every scenario once.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Small sizes and one round: a smoke test.
    #[arg(long)]
    quick: bool,
    /// Run only scenarios whose name contains this; may be repeated.
    #[arg(long)]
    only: Vec<String>,
    /// List the scenarios and run none.
    #[arg(long)]
    list: bool,
    /// Folder for results.md, results.json and the plots.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// The server under test [default: `local` beside this program].
    #[arg(long)]
    server: Option<PathBuf>,
    /// The server whose store calls are no-ops [default: `unstored` beside this program].
    #[arg(long)]
    server_without_store: Option<PathBuf>,
    /// An extra environment variable for the servers, NAME=VALUE; may be repeated.
    #[arg(long, value_parser = variable)]
    env: Vec<(String, String)>,
    /// Number of pages for the main table.
    #[arg(long, default_value_t = 2_000)]
    pages: u64,
    /// Number of concurrent fetches, for all programs.
    #[arg(long, default_value_t = 64)]
    concurrency: usize,
    /// Number of extracts at each number of clients, over all rounds.
    #[arg(long, default_value_t = 600)]
    extracts: usize,
    /// Number of cancelled batches, over all rounds.
    #[arg(long, default_value_t = 100)]
    cancels: usize,
    /// Number of async URLs measured end to end, over all rounds.
    #[arg(long, default_value_t = 100)]
    asyncs: usize,
    /// Number of large batches whose head is measured, over all rounds.
    #[arg(long, default_value_t = 100)]
    heads: usize,
    /// Store writes per unit, from which the store's limit in units per second is derived.
    #[arg(long, default_value_t = 2.2)]
    writes_per_unit: f64,
    /// Batch sizes.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000")]
    batch_sizes: Vec<u64>,
    /// Crawl sizes.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000,10000")]
    crawl_sizes: Vec<u64>,
    /// Numbers of concurrent jobs of 20 URLs.
    #[arg(long, value_delimiter = ',', default_value = "1,10,100")]
    jobs_at_once: Vec<u64>,
    /// Numbers of jobs of the account when they are listed.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000")]
    listed_jobs: Vec<u64>,
    /// Duration of each load in the overload scenarios, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Number of concurrent batches of 100 URLs each in the overload scenario.
    #[arg(long, default_value_t = 100)]
    storm: usize,
}

impl Options {
    fn with_quick_sizes(self) -> Options {
        if !self.quick {
            return self;
        }
        Options {
            runs: 1,
            pages: self.pages.min(200),
            extracts: self.extracts.min(60),
            cancels: self.cancels.min(3),
            asyncs: self.asyncs.min(5),
            heads: self.heads.min(3),
            batch_sizes: vec![10, 100],
            crawl_sizes: vec![10, 100],
            jobs_at_once: vec![1, 10],
            listed_jobs: vec![10, 50],
            seconds: self.seconds.min(2),
            storm: self.storm.min(10),
            ..self
        }
    }

    /// Returns how many of `total` calls over all rounds fall to one round.
    pub(crate) fn share(&self, total: usize) -> usize {
        total.div_ceil(self.runs.max(1))
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What every scenario needs.
pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) site: Site,
    pub(crate) server: PathBuf,
    /// The server without store, if it exists.
    pub(crate) unstored: Option<PathBuf>,
}

/// Prints progress to standard error.
pub(crate) fn print_progress(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs the program.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_progress(&format!("the async runtime cannot be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let succeeded = runtime.block_on(async {
        match args.command {
            Some(Command::Site(args)) => site::serve(&args).await.map(|()| true),
            Some(Command::Bare(args)) => bare::run(args).await.map(|()| true),
            None => compare(args.options.with_quick_sizes()).await,
        }
    });
    match succeeded {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            print_progress(&format!("{error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the comparison. Returns whether everything that was run worked.
async fn compare(options: Options) -> Result<bool, Fault> {
    let chosen: Vec<_> = scenario::all()
        .into_iter()
        .filter(|s| options.only.is_empty() || options.only.iter().any(|o| s.name().contains(o.as_str())))
        .collect();
    if options.list {
        for scenario in chosen {
            process::write_line(&scenario.name())?;
        }
        return Ok(true);
    }
    if chosen.is_empty() {
        return Err("no scenario has the text of --only in its name; --list prints all names".into());
    }
    process::check_platform()?;
    let program = std::env::current_exe()?;
    let server = options.server.clone().unwrap_or_else(|| program.with_file_name("local"));
    if !server.exists() {
        return Err(
            format!("{} does not exist; build it, or name another server with --server", server.display()).into()
        );
    }
    let unstored = options.server_without_store.clone().unwrap_or_else(|| program.with_file_name("unstored"));
    let unstored = Some(unstored).filter(|path| path.exists());
    let site = Site::start(options.pages, client::http()?).await?;
    let bench = Bench { options, site, server, unstored };
    let mut results = Results { about: about(&bench.options), ..Results::default() };
    for round in 0..bench.options.runs {
        for scenario in &chosen {
            print_progress(&format!("round {} of {}: {}", round + 1, bench.options.runs, scenario.name()));
            if let Err(error) = scenario.run(&bench, round, &mut results).await {
                let text = format!("{}, round {}: {error}", scenario.name(), round + 1);
                print_progress(&format!("FAILED {text}"));
                results.failed.push(text);
            }
        }
    }
    let out = &bench.options.out;
    std::fs::create_dir_all(out)?;
    let text = table::render(&results, &bench.options);
    std::fs::write(out.join("results.md"), &text)?;
    std::fs::write(out.join("results.json"), serde_json::to_vec_pretty(&results)?)?;
    plot::draw(&results, out)?;
    process::write_line(&text)?;
    Ok(results.failed.is_empty())
}

fn about(options: &Options) -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor =
        processor.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    vec![
        format!("{cores} cores of {}, Linux {}", processor.unwrap_or("an unnamed processor"), kernel.trim()),
        format!(
            "{} pages of 9 KB on loopback, {} fetches at once, medians of {} rounds",
            options.pages, options.concurrency, options.runs
        ),
    ]
}
