//! The operator's command line: accounts, keys, plans, top-ups, usage, webhook secrets, jobs and the invariant check. It
//! works on a running local server, on the files of a stopped one, or on AWS.

mod answer;
mod args;
mod commands;
mod hooks;
mod tables;

use std::process::ExitCode;

use clap::Parser;

use answer::Answer;

/// Runs the command of the command line and prints the answer.
pub async fn main() -> ExitCode {
    let args = args::Args::parse();
    api::telemetry::start_log(false);
    let command = async {
        let tables = tables::OpenTables::open(&args.tables).await?;
        let answer = commands::run(tables.store(), args.command).await;
        tables.close().await;
        answer
    };
    match command.await {
        Ok(answer) => {
            print(&answer, args.json);
            if answer.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            print_error(&error);
            ExitCode::from(2)
        }
    }
}

#[allow(clippy::print_stdout)] // the program's output
fn print(answer: &Answer, json: bool) {
    if json {
        println!("{}", answer.json);
    } else {
        println!("{}", answer.text);
    }
}

#[allow(clippy::print_stderr)] // the program's error output
fn print_error(error: &str) {
    eprintln!("admin: {error}");
}
