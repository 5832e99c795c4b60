//! A progress bar on standard error, shown only on a terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::terminal::number;

/// The progress of a command.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    failed: Arc<AtomicU64>,
    credits: Arc<AtomicU64>,
}

impl Progress {
    /// Creates the bar; `total` is the number of pages, if known.
    pub(crate) fn new(total: Option<u64>, quiet: bool) -> Progress {
        let (failed, credits) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let bar = (!quiet && Term::stderr().is_term()).then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            bar.set_style(bar_style(total.is_some(), &failed, &credits));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Progress { bar, failed, credits }
    }

    /// Shows how many pages have come, how many of them failed and what they cost.
    pub(crate) fn show(&self, pages: u64, failed: u64, credits: u64) {
        self.failed.store(failed, Ordering::Relaxed);
        self.credits.store(credits, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_position(pages);
        }
    }

    /// Starts at the pages of earlier runs; the estimate of the time left ignores them.
    pub(crate) fn begin_at(&self, pages: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(pages);
            bar.reset_eta();
        }
    }

    /// Runs `work`, which prints to the same terminal, with the bar hidden.
    pub(crate) fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(work),
            None => work(),
        }
    }

    /// Hides the bar until `reveal`.
    pub(crate) fn hide(&self) {
        if let Some(bar) = &self.bar {
            bar.set_draw_target(ProgressDrawTarget::hidden());
            // The last drawn bar is still on the screen.
            let _ = Term::stderr().clear_line();
        }
    }

    /// Shows the bar again.
    pub(crate) fn reveal(&self) {
        if let Some(bar) = &self.bar {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar_style(known: bool, failed: &Arc<AtomicU64>, credits: &Arc<AtomicU64>) -> ProgressStyle {
    let template = if known {
        "{bar:24.cyan} {pages}/{all} done, {failed} failed, {rate} pages/s, {eta} left, {credits} credits"
    } else {
        "{spinner} {pages} done, {failed} failed, {rate} pages/s, {credits} credits"
    };
    let (failed, credits) = (failed.clone(), credits.clone());
    // The templates above are well-formed; the default bar is only a fallback.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style
        .with_key("pages", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = text.write_str(&number(state.pos()));
        })
        .with_key("all", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = text.write_str(&number(state.len().unwrap_or_default()));
        })
        .with_key("rate", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = write!(text, "{:.1}", state.per_sec());
        })
        .with_key("failed", move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = text.write_str(&number(failed.load(Ordering::Relaxed)));
        })
        .with_key("credits", move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = text.write_str(&number(credits.load(Ordering::Relaxed)));
        })
}
