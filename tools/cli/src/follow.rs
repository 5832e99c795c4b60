//! Follows a job to its end: writes results, updates the progress bar and handles interrupts.

use runo_client::{Job, Page};
use serde::{Deserialize, Serialize};

use crate::exit::{CANCELLED, CommandError, PAGES_FAILED, SUCCESS};
use crate::interrupt::{Choice, Interrupts, report_running};
use crate::output::Output;
use crate::progress::Progress;
use crate::terminal::{notice, number};

/// Counts of pages by outcome, and the credits charged for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) not_run: u64,
    pub(crate) credits: u64,
    pub(crate) cancelled: bool,
}

impl Tally {
    fn count(&mut self, page: &Page) {
        match page {
            Page::Success(_) => self.succeeded += 1,
            Page::Failure(page) if page.error.code == "JOB_CANCELLED" => self.not_run += 1,
            Page::Failure(_) => self.failed += 1,
        }
    }

    pub(crate) fn pages(&self) -> u64 {
        self.succeeded + self.failed + self.not_run
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Tally { cancelled: true, .. } => CANCELLED,
            Tally { failed: 0, not_run: 0, .. } => SUCCESS,
            _ => PAGES_FAILED,
        }
    }

    /// Prints the summary to standard error.
    pub(crate) fn report(&self) {
        let Tally { succeeded, failed, not_run, credits, cancelled } = *self;
        let mut text = format!("{} read, {} failed", number(succeeded), number(failed));
        if not_run > 0 {
            text += &format!(", {} never started", number(not_run));
        }
        let cancelled = if cancelled { "; cancelled" } else { "" };
        notice(&format!("{text}; {} {}{cancelled}", number(credits), if credits == 1 { "credit" } else { "credits" }));
    }
}

/// Why `Follower::follow` returned.
pub(crate) enum End {
    /// The job has ended and every result is written.
    Ended,
    /// The user left the job running.
    LeftRunning,
}

/// Follows jobs with one output, progress bar and tally.
pub(crate) struct Follower {
    pub(crate) output: Output,
    pub(crate) progress: Progress,
    pub(crate) interrupts: Interrupts,
    pub(crate) tally: Tally,
    pub(crate) quiet: bool,
}

impl Follower {
    /// Follows a job; `offset` is added to the index of each of its pages.
    pub(crate) async fn follow(&mut self, job: &mut Job, offset: u64) -> Result<End, CommandError> {
        let before = self.tally;
        let mut cancelling = false;
        loop {
            let page = tokio::select! {
                biased;
                () = self.interrupts.next() => {
                    let choice = if cancelling { Choice::Leave } else { self.interrupts.choose(job.id(), &self.progress).await };
                    cancelling |= choice == Choice::Cancel;
                    if choice == Choice::Cancel {
                        self.progress.suspend(|| notice(&format!("runo: cancelling {}", job.id())));
                    }
                    let left = match choice {
                        Choice::Wait => false,
                        Choice::Leave => true,
                        Choice::Cancel => self.interrupts.unless_interrupted(job.cancel()).await.transpose()?.is_none(),
                    };
                    if left {
                        self.output.finish()?;
                        self.progress.finish();
                        report_running(job.id());
                        return Ok(End::LeftRunning);
                    }
                    continue;
                }
                page = job.next() => page,
            };
            match page {
                None => break,
                Some(Ok(page)) => self.write(page, offset)?,
                Some(Err(error)) => {
                    // The job's error says more than an error of the output would.
                    let _ = self.output.finish();
                    self.progress.finish();
                    if error.retryable {
                        report_running(job.id());
                    }
                    return Err(error.into());
                }
            }
        }
        let summary = job.summary().cloned().unwrap_or_default();
        let ran = self.tally.pages() - before.pages() - (self.tally.not_run - before.not_run);
        self.tally.credits = before.credits + summary.credits_charged.unwrap_or(ran);
        self.tally.cancelled |= summary.cancelled;
        Ok(End::Ended)
    }

    fn write(&mut self, mut page: Page, offset: u64) -> Result<(), CommandError> {
        if let Some(index) = page.index() {
            page.set_index(offset + index);
        }
        self.tally.count(&page);
        if page.ok() || !matches!(&page, Page::Failure(page) if page.error.code == "JOB_CANCELLED") {
            self.tally.credits += 1;
        }
        if self.output.on_terminal() {
            self.progress.suspend(|| self.output.page(&page))?;
        } else {
            self.output.page(&page)?;
        }
        self.progress.show(self.tally.pages(), self.tally.failed, self.tally.credits);
        Ok(())
    }

    /// Completes the output, prints the summary and returns the exit code.
    pub(crate) fn finish(&mut self) -> Result<u8, CommandError> {
        self.output.finish()?;
        self.progress.finish();
        if !self.quiet {
            self.tally.report();
        }
        Ok(self.tally.code())
    }

    /// Prints the job's id and how to read its results again.
    pub(crate) fn report_started(&self, job: &str) {
        if !self.quiet {
            self.progress.suspend(|| notice(&format!("{job} is running; `runo result {job}` reads its results again")));
        }
    }
}
