//! Ctrl-C while a command waits for a job.

use std::io::{self, BufRead, IsTerminal, Write};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::args::OnInterrupt;
use crate::progress::Progress;
use crate::terminal;

/// What to do with the job after an interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Cancel,
    Leave,
    Wait,
}

/// The stream of interrupts.
pub(crate) struct Interrupts {
    action: OnInterrupt,
    received: UnboundedReceiver<()>,
}

impl Interrupts {
    /// Starts listening. From now on an interrupt no longer ends the process by itself.
    pub(crate) fn listen(action: OnInterrupt) -> Interrupts {
        let (sender, received) = unbounded_channel();
        tokio::spawn(async move { while tokio::signal::ctrl_c().await.is_ok() && sender.send(()).is_ok() {} });
        Interrupts { action, received }
    }

    /// Waits for the next interrupt. Cancel safe.
    pub(crate) async fn next(&mut self) {
        if self.received.recv().await.is_none() {
            // The platform delivers no signals.
            std::future::pending().await
        }
    }

    /// Runs `work`; returns `None` if an interrupt comes first.
    pub(crate) async fn unless_interrupted<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.next() => None,
            done = work => Some(done),
        }
    }

    /// Decides what to do with the job after an interrupt, by the option or by asking.
    pub(crate) async fn choose(&mut self, job: &str, progress: &Progress) -> Choice {
        match self.action {
            OnInterrupt::Cancel => Choice::Cancel,
            OnInterrupt::Leave => Choice::Leave,
            // Without a terminal the job is left running, so that pages already paid for are not thrown away.
            OnInterrupt::Ask if !io::stdin().is_terminal() || !io::stderr().is_terminal() => Choice::Leave,
            OnInterrupt::Ask => {
                progress.hide();
                eprint!("\n{job} is running. Cancel it? [y]es, [n]o (leave it running), [w]ait for it: ");
                let _ = io::stderr().flush();
                let answer = tokio::task::spawn_blocking(|| {
                    let mut answer = String::new();
                    io::stdin().lock().read_line(&mut answer).map(|_| answer)
                });
                let choice = tokio::select! {
                    () = self.next() => Choice::Leave,
                    answer = answer => match answer.ok().and_then(Result::ok).as_deref().map(str::trim) {
                        Some("y" | "Y" | "yes") => Choice::Cancel,
                        Some("w" | "W" | "wait") => Choice::Wait,
                        _ => Choice::Leave,
                    },
                };
                progress.reveal();
                choice
            }
        }
    }
}

/// Reports an interrupt that came before the job had an id.
pub(crate) fn report_unknown_job() {
    terminal::notice(
        "runo: interrupted before the service returned a job id; if it accepted the call, `runo jobs` lists the job",
    );
}

/// Prints how to read or cancel a job that was left running.
pub(crate) fn report_running(job: &str) {
    terminal::notice(&format!(
        "runo: {job} keeps running; `runo result {job}` reads its results, `runo cancel {job}` cancels it"
    ));
}
