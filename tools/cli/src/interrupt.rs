//! Ctrl-C: what becomes of a job that is waited for.

use std::io::{self, BufRead, IsTerminal, Write};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::args::OnInterrupt;
use crate::progress::Progress;
use crate::terminal;

/// What is to be done about a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Cancel,
    Leave,
    GoOn,
}

/// Interrupts as they come.
pub(crate) struct Interrupts {
    on: OnInterrupt,
    came: UnboundedReceiver<()>,
}

impl Interrupts {
    /// From now on an interrupt does not end the process by itself.
    pub(crate) fn listen(on: OnInterrupt) -> Interrupts {
        let (sender, came) = unbounded_channel();
        tokio::spawn(async move { while tokio::signal::ctrl_c().await.is_ok() && sender.send(()).is_ok() {} });
        Interrupts { on, came }
    }

    /// The next one. May be dropped while it waits.
    pub(crate) async fn next(&mut self) {
        if self.came.recv().await.is_none() {
            // There are no signals here.
            std::future::pending().await
        }
    }

    /// What work gives, unless an interrupt comes first.
    pub(crate) async fn or<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.next() => None,
            done = work => Some(done),
        }
    }

    /// What is to become of a job, now that one came.
    pub(crate) async fn choose(&mut self, job: &str, progress: &Progress) -> Choice {
        match self.on {
            OnInterrupt::Cancel => Choice::Cancel,
            OnInterrupt::Leave => Choice::Leave,
            // Where nobody can be asked it is left: what was paid for is not thrown away.
            OnInterrupt::Ask if !io::stdin().is_terminal() || !io::stderr().is_terminal() => Choice::Leave,
            OnInterrupt::Ask => {
                progress.hide();
                eprint!("\n{job} is running. Cancel it? [y]es, [n]o and leave it running, [w]ait for it: ");
                let _ = io::stderr().flush();
                let answer = tokio::task::spawn_blocking(|| {
                    let mut answer = String::new();
                    io::stdin().lock().read_line(&mut answer).map(|_| answer)
                });
                let choice = tokio::select! {
                    () = self.next() => Choice::Leave,
                    answer = answer => match answer.ok().and_then(Result::ok).as_deref().map(str::trim) {
                        Some("y" | "Y" | "yes") => Choice::Cancel,
                        Some("w" | "W" | "wait") => Choice::GoOn,
                        _ => Choice::Leave,
                    },
                };
                progress.reveal();
                choice
            }
        }
    }
}

/// An interrupt came before a job had a name.
pub(crate) fn tell_unnamed() {
    terminal::tell("runo: interrupted before the service had named the job; if it took the call, `runo jobs` shows it");
}

/// How what was begun is had later.
pub(crate) fn tell_left(job: &str) {
    terminal::tell(&format!(
        "runo: {job} goes on; `runo result {job}` takes its results up, `runo cancel {job}` cancels it"
    ));
}
