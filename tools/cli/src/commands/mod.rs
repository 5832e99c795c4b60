//! The commands.

mod agent;
mod batch;
mod jobs;
mod login;
mod single;

use std::io::{self, Write};

use clap::CommandFactory;

use crate::args::{Args, Command};
use crate::exit::{CommandError, SUCCESS};

/// Runs the command; returns its exit code.
pub(crate) async fn run(args: Args) -> Result<u8, CommandError> {
    let quiet = args.quiet;
    match args.command {
        Command::Extract(args) => single::extract(args).await,
        Command::Batch(args) => batch::batch(args, quiet).await,
        Command::Crawl(args) => single::crawl(args, quiet).await,
        Command::Result(args) => single::result(args, quiet).await,
        Command::Jobs(args) => jobs::jobs(args).await,
        Command::Cancel { job } => jobs::cancel(&job).await,
        Command::Resend { job } => jobs::resend(&job).await,
        Command::Usage(args) => jobs::usage(&args).await,
        Command::Login { base_url } => login::login(base_url).await,
        Command::Mcp => agent::mcp().await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "runo", &mut script);
            write_out(&script)
        }
    }
}

/// Writes all of `text` to standard output.
fn write_out(text: &[u8]) -> Result<u8, CommandError> {
    let mut output = io::stdout().lock();
    output.write_all(text)?;
    output.flush()?;
    Ok(SUCCESS)
}
