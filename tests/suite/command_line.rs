//! `runo`, the command line, as a process of its own.

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

/// `runo` with a key and an address, and nothing else of this machine.
fn runo_at(base: &str, key: &str, args: &[&str]) -> Command {
    let mut command = bare(args);
    command.env("RUNO_API_KEY", key).env("RUNO_BASE_URL", base);
    command
}

pub(crate) fn runo(caller: &Caller, args: &[&str]) -> Command {
    runo_at(caller.base(), &caller.key, args)
}

/// Without a key or an address.
fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(binary("runo"));
    command.env_clear().env("HOME", "/nonexistent").args(args).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command wrote, and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    out: String,
    pub(crate) err: String,
}

impl Ran {
    fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

pub(crate) async fn ran(mut command: Command) -> Ran {
    command.output().await.unwrap().into()
}

/// With something on its standard input.
async fn ran_given(mut command: Command, input: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let write = async move {
        // One that does not read has ended.
        let _ = stdin.write_all(input.as_bytes()).await;
    };
    // Both at once: what it writes is read while it reads.
    tokio::join!(child.wait_with_output(), write).0.unwrap().into()
}

/// Ctrl-C.
async fn interrupt(child: &Child) {
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
}
