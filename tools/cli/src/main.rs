//! `runo`: the command line of Runo.

mod args;
mod commands;
mod config;
mod exit;
mod fields;
mod follow;
mod interrupt;
mod journal;
mod output;
mod progress;
mod terminal;
mod urls;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::notice(&format!("runo: {error}"));
            return ExitCode::from(exit::FAILURE);
        }
    };
    let code = match runtime.block_on(commands::run(args)) {
        Ok(code) => code,
        Err(error) => {
            error.report();
            error.code
        }
    };
    // A prompt may still be reading standard input, which cannot be cancelled.
    runtime.shutdown_background();
    ExitCode::from(code)
}
