//! `unstored`: the local server with its rows in memory instead of the embedded DynamoDB. Takes the same variables and
//! prints the same ready line. It shows the cost of everything except the store.
//!
//! `unstored writes --data-dir DIR`: the opposite. Shows what DynamoDB alone can take: conditional puts of rows as
//! large as a finished unit's, through the same client.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bench::Fault;
use clap::{Parser, Subcommand};
use domain::Timestamp;
use local::AppDependencies;
use store::client::connect;
use store::hosts::RobotsRow;
use store::{RetryPolicy, Store, TableNames};

#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write rows until the time is over and print their number as JSON.
    Writes {
        /// The data folder of a running server.
        #[arg(long)]
        data_dir: PathBuf,
        /// Number of seconds to write.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Number of concurrent writes.
        #[arg(long, default_value_t = 32)]
        concurrency: u64,
        /// Size of each row's text in bytes.
        #[arg(long, default_value_t = 400)]
        bytes: usize,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let code = match args.command {
        None => {
            let dependencies = AppDependencies { rows: Some(Arc::default()), ..AppDependencies::default() };
            runtime.block_on(local::main_with(dependencies))
        }
        Some(Command::Writes { data_dir, seconds, concurrency, bytes }) => {
            match runtime.block_on(writes(&data_dir, Duration::from_secs(seconds), concurrency, bytes)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(fault) => {
                    eprintln!("{fault}");
                    ExitCode::FAILURE
                }
            }
        }
    };
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

#[allow(clippy::print_stdout)] // this is the program's output
async fn writes(data_dir: &Path, time: Duration, concurrency: u64, bytes: usize) -> Result<(), Fault> {
    let db = connect(&local::socket::service(data_dir).connection()).await;
    let store = Store::new(db, TableNames::default(), RetryPolicy::default(), 86_400);
    store.accounts.ping().await?;
    let (next, begun) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..concurrency {
        let (store, next) = (store.clone(), Arc::clone(&next));
        let row = RobotsRow { text: "x".repeat(bytes), until: Timestamp(i64::MAX / 2_000) };
        tasks.spawn(async move {
            while begun.elapsed() < time {
                let n = next.fetch_add(1, Ordering::Relaxed);
                store.hosts.put_robots(&format!("http://bench-{n}.test:80"), &row).await?;
            }
            Ok::<_, store::StoreError>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let (writes, seconds) = (next.load(Ordering::Relaxed), begun.elapsed().as_secs_f64());
    println!("{}", serde_json::json!({ "writes": writes, "seconds": seconds }));
    Ok(())
}
