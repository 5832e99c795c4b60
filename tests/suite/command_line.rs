//! `runo`, the command line, as a process.

mod interrupts;
mod jobs;
mod login;
mod mcp;
mod output;
mod resume;
mod terminal;

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use crate::support::binaries::binary;
use crate::support::stack::Caller;

/// `runo` with a key and a base URL, without this machine's environment.
fn runo_at(base: &str, key: &str, args: &[&str]) -> Command {
    let mut command = runo_without_config(args);
    command.env("RUNO_API_KEY", key).env("RUNO_BASE_URL", base);
    command
}

pub(crate) fn runo(caller: &Caller, args: &[&str]) -> Command {
    runo_at(caller.base(), &caller.key, args)
}

/// `runo` without a key, a base URL or this machine's environment.
fn runo_without_config(args: &[&str]) -> Command {
    let mut command = Command::new(binary("runo"));
    command.env_clear().env("HOME", "/nonexistent").args(args).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The output of a command and its exit code.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    pub(crate) code: i32,
    out: String,
    pub(crate) err: String,
}

impl CommandOutput {
    fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> CommandOutput {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        CommandOutput { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Runs a command to its end.
pub(crate) async fn run_command(mut command: Command) -> CommandOutput {
    command.output().await.unwrap().into()
}

/// Runs a command with a text on its standard input.
async fn run_with_input(mut command: Command, input: &str) -> CommandOutput {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let write = async move {
        // A command that has ended does not read the rest.
        let _ = stdin.write_all(input.as_bytes()).await;
    };
    // Writes and reads at the same time, so that neither side blocks.
    tokio::join!(child.wait_with_output(), write).0.unwrap().into()
}

/// Sends SIGINT, as Ctrl-C does.
async fn interrupt(child: &Child) {
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
}
