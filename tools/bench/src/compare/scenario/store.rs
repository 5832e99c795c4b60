//! Measures the embedded database alone: the conditional writes per second that it takes, which limit every job on it.

use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::super::Bench;
use super::super::process::Process;
use super::super::runo::{Kind, Server};
use crate::Fault;

const SECONDS: u64 = 5;
const CONCURRENCY: usize = 32;

#[derive(Deserialize)]
struct Written {
    writes: u64,
    seconds: f64,
}

/// Returns writes per second of rows as large as a finished unit's, while the site runs. The server without store makes
/// them (`writes`), because it has the AWS SDK through the crate that may use it.
///
/// # Errors
/// The database or the writer does not run.
pub(crate) async fn store_alone(bench: &Bench) -> Result<f64, Fault> {
    let server = Server::start(bench, Kind::Whole).await?;
    let mut command = Command::new(bench.unstored.as_deref().ok_or("no server without store")?);
    let seconds = if bench.options.quick { 1 } else { SECONDS };
    command.arg("writes").arg("--data-dir").arg(server.data()).args(["--seconds", &seconds.to_string()]);
    command.args(["--concurrency", &CONCURRENCY.to_string()]);
    let mut process = Process::start("writer", command)?;
    let line = process.line("{", Duration::from_secs(60)).await?;
    let written: Written = serde_json::from_str(&format!("{{{line}"))?;
    Ok(written.writes as f64 / written.seconds)
}
