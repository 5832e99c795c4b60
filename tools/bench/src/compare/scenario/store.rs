//! The embedded database alone: how many conditional writes a second it takes, which is the limit of every job on it.

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

/// Writes a second, of rows as large as a finished unit's, while the site runs. They are done by the server without
/// store (`writes`), which has the AWS SDK by way of the crate that may.
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
