//! One browser: its process, its protocol, and a watchdog for both.

mod flags;
mod memory;
mod process;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::cdp::{Cdp, CdpError};
use crate::config::RenderConfig;
use crate::error::RenderError;
use process::Process;

/// Timeout for the start of a browser.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Interval at which its memory is checked while it has pages.
const MEMORY_CHECK_INTERVAL: Duration = Duration::from_millis(200);
/// Interval at which it is pinged while it has pages.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// A browser. Killed when dropped.
pub(crate) struct Browser {
    pub(crate) cdp: Cdp,
    process: Process,
    /// Number of pages assigned to it since its start.
    pages_assigned: AtomicU32,
    /// Number of pages it has now.
    open_pages: watch::Sender<usize>,
    /// Whether it gets no more pages.
    retired: AtomicBool,
    _watchdog: std::sync::Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Browser {
    /// Starts a browser.
    pub(crate) async fn start(config: &RenderConfig, proxy: std::net::SocketAddr) -> Result<Arc<Browser>, RenderError> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            tracing::error!(%error, "a browser could not be {what}");
            RenderError::Internal(format!("it could not be {what}"))
        };
        let (process, pipe) = Process::start(config, proxy).await.map_err(|e| failed("started", &e))?;
        let cdp = Cdp::new(pipe);
        let reply = tokio::time::timeout(START_TIMEOUT, cdp.call("Browser.getVersion", json!({}))).await;
        let version = reply.unwrap_or(Err(CdpError::Closed)).map_err(|e| failed("reached", &e))?;
        tracing::info!(version = version["product"].as_str(), "a browser was started");
        let (pages_assigned, open_pages, retired) = (AtomicU32::new(0), watch::Sender::new(0), AtomicBool::new(false));
        let browser = Arc::new(Browser {
            cdp,
            process,
            pages_assigned,
            open_pages,
            retired,
            _watchdog: std::sync::Mutex::default(),
        });
        // Reports windows that pages open, so that they can be closed.
        browser.cdp.post(None, "Target.setDiscoverTargets", json!({ "discover": true }));
        let watchdog = tokio::spawn(supervise(Arc::downgrade(&browser), config.clone()));
        if let Ok(mut slot) = browser._watchdog.lock() {
            *slot = Some(AbortOnDropHandle::new(watchdog));
        }
        Ok(browser)
    }

    /// Returns whether it accepts another page.
    pub(crate) fn accepts_pages(&self) -> bool {
        !self.retired.load(Ordering::SeqCst) && !self.cdp.is_closed()
    }

    /// Returns whether it has no pages.
    pub(crate) fn is_empty(&self) -> bool {
        *self.open_pages.borrow() == 0
    }

    /// Returns a watch on its number of pages.
    pub(crate) fn watch_pages(&self) -> watch::Receiver<usize> {
        self.open_pages.subscribe()
    }

    /// Waits until it has no page or is unreachable.
    pub(crate) async fn wait_until_empty(&self) {
        let mut pages = self.watch_pages();
        tokio::select! {
            _ = pages.wait_for(|count| *count == 0) => {}
            () = self.cdp.closed() => {}
        }
    }

    /// Assigns it a page. Retires it when `max` pages have been assigned to it.
    pub(crate) fn assign(self: &Arc<Self>, max: u32) -> PageSlot {
        if self.pages_assigned.fetch_add(1, Ordering::SeqCst) + 1 >= max {
            self.retire();
        }
        self.open_pages.send_modify(|count| *count += 1);
        PageSlot { browser: Arc::clone(self) }
    }

    /// Gives it no more pages.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
    }

    /// Kills it with all its pages.
    pub(crate) fn kill(&self) {
        self.retire();
        self.cdp.close();
        self.process.kill();
    }

    /// Waits until nothing is left of it.
    pub(crate) async fn wait_for_exit(&self) {
        self.process.wait_for_exit().await;
    }
}

/// A page's registration with a browser; removed when dropped.
pub(crate) struct PageSlot {
    browser: Arc<Browser>,
}

impl Drop for PageSlot {
    fn drop(&mut self) {
        self.browser.open_pages.send_modify(|count| *count -= 1);
    }
}

/// Watches a browser as long as it exists: kills page processes that hold too much memory, and a browser that does not
/// answer.
async fn supervise(browser: std::sync::Weak<Browser>, config: RenderConfig) {
    let mut last_ping = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(MEMORY_CHECK_INTERVAL).await;
        let Some(browser) = browser.upgrade() else { return };
        if browser.cdp.is_closed() {
            browser.kill();
            return;
        }
        if browser.is_empty() {
            continue;
        }
        // Reading memory figures may block while a process grows, so it runs on a blocking thread.
        let root = browser.process.root;
        let Ok(tree) = tokio::task::spawn_blocking(move || memory::process_tree(root)).await else { continue };
        for pid in memory::processes_to_kill(&tree, config.limits.memory, config.max_browser_memory) {
            tracing::warn!(pid, "a page held too much memory; its process was killed");
            memory::kill(pid);
            // Other processes may still hold memory for that page, so the browser accepts no more pages.
            browser.retire();
        }
        if last_ping.elapsed() > PING_INTERVAL {
            let answer =
                tokio::time::timeout(config.command_timeout, browser.cdp.call("Browser.getVersion", json!({}))).await;
            if answer.is_err() {
                tracing::error!("a browser did not answer; it was killed");
                browser.kill();
                return;
            }
            last_ping = tokio::time::Instant::now();
        }
    }
}
