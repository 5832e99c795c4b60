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
            terminal::tell(&format!("runo: {error}"));
            return ExitCode::from(exit::FAILURE);
        }
    };
    let code = match runtime.block_on(commands::run(args)) {
        Ok(code) => code,
        Err(error) => {
            error.tell();
            error.code
        }
    };
    // Somebody may still be asked something on standard input, which cannot be called off.
    runtime.shutdown_background();
    ExitCode::from(code)
}
