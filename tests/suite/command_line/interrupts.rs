//! Ctrl-C without a terminal to ask on: `--on-interrupt` decides what happens to the job.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout};

use super::{CommandOutput, interrupt, run_command, runo};
use crate::support::site::Site;
use crate::support::stack::{Caller, World};
use crate::support::until;

/// A batch with one page read and written, and one waiting.
struct RunningBatch {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
    job: String,
    first: String,
}

impl RunningBatch {
    async fn start(caller: &Caller, site: &Site, on: &[&str]) -> RunningBatch {
        let args = [&["batch", "--field", "title", "--concurrency", "1", "--timeout-ms", "120000"], on].concat();
        let mut child = runo(caller, &args).stdin(Stdio::piped()).spawn().unwrap();
        let urls = [site.urls("/p", 1), site.urls("/gate", 9)].concat().join("\n");
        child.stdin.take().unwrap().write_all(urls.as_bytes()).await.unwrap();
        let (mut out, mut err) =
            (BufReader::new(child.stdout.take().unwrap()), BufReader::new(child.stderr.take().unwrap()));
        let (mut line, mut first) = (String::new(), String::new());
        err.read_line(&mut line).await.unwrap();
        out.read_line(&mut first).await.unwrap();
        until("a page waits at the gate", async || site.hits() >= 2).await;
        let job = line.split_whitespace().next().unwrap().to_owned();
        assert!(job.starts_with("job_"), "{line}");
        RunningBatch { child, out, err, job, first }
    }

    async fn ended(mut self) -> CommandOutput {
        let (mut out, mut err) = (self.first, String::new());
        self.out.read_to_string(&mut out).await.unwrap();
        self.err.read_to_string(&mut err).await.unwrap();
        CommandOutput { code: self.child.wait().await.unwrap().code().unwrap_or(-1), out, err }
    }
}

#[tokio::test]
async fn an_interrupt_leaves_the_job_running() {
    for on in [&["--on-interrupt", "leave"][..], &[]] {
        let (world, site) = (World::start().await, Site::start().await);
        let batch = RunningBatch::start(&world, &site, on).await;
        interrupt(&batch.child).await;
        let job = batch.job.clone();
        let run = batch.ended().await;
        assert_eq!((run.code, run.lines().len()), (130, 1), "{run:?}");
        assert!(run.err.contains(&format!("{job} keeps running; `runo result {job}`")), "{run:?}");
        site.open_gate();
        let later = run_command(runo(&world, &["result", &job])).await;
        assert_eq!((later.code, later.lines().len()), (0, 10), "{later:?}");
    }
}

#[tokio::test]
async fn an_interrupt_cancels_the_job_and_keeps_what_was_paid() {
    let (world, site) = (World::start().await, Site::start().await);
    let mut batch = RunningBatch::start(&world, &site, &["--on-interrupt", "cancel"]).await;
    interrupt(&batch.child).await;
    let (mut line, job) = (String::new(), batch.job.clone());
    batch.err.read_line(&mut line).await.unwrap();
    assert_eq!(line.trim(), format!("runo: cancelling {job}"));
    until("it is cancelled", async || world.job(&job).await["status"] != "running").await;
    site.open_gate();
    let run = batch.ended().await;
    assert_eq!(run.code, 4, "{run:?}");
    let good = run.lines().iter().filter(|page| page["status"] == "success").count();
    assert_eq!((run.lines().len(), good), (10, 2));
    assert!(run.err.contains("2 read, 0 failed, 8 never started; 2 credits; cancelled"), "{run:?}");
    assert_eq!(world.used().await, 2);
    let state: Value = world.job(&job).await;
    assert_eq!(state["status"], "cancelled");
}
