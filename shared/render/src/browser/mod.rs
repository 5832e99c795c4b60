//! One browser: its process, its protocol, and a watch over both.

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

/// How long it may take to start.
const START: Duration = Duration::from_secs(30);
/// How often its memory is looked at while it has pages.
const LOOK: Duration = Duration::from_millis(200);
/// How often it is asked whether it is there while it has pages.
const ASK: Duration = Duration::from_secs(5);

/// A browser. Ended when dropped.
pub(crate) struct Browser {
    pub(crate) cdp: Cdp,
    process: Process,
    /// Pages that it was given.
    given: AtomicU32,
    /// Pages that it has.
    has: watch::Sender<usize>,
    /// It gets no more pages.
    retired: AtomicBool,
    _watch: std::sync::Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Browser {
    /// Starts one.
    pub(crate) async fn start(config: &RenderConfig, proxy: std::net::SocketAddr) -> Result<Arc<Browser>, RenderError> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            tracing::error!(%error, "a browser could not be {what}");
            RenderError::Ours(format!("it could not be {what}"))
        };
        let (process, pipe) = Process::start(config, proxy).await.map_err(|e| failed("started", &e))?;
        let cdp = Cdp::new(pipe);
        let asked = tokio::time::timeout(START, cdp.call("Browser.getVersion", json!({}))).await;
        let version = asked.unwrap_or(Err(CdpError::Closed)).map_err(|e| failed("reached", &e))?;
        tracing::info!(version = version["product"].as_str(), "a browser was started");
        let (given, has, retired) = (AtomicU32::new(0), watch::Sender::new(0), AtomicBool::new(false));
        let browser = Arc::new(Browser { cdp, process, given, has, retired, _watch: std::sync::Mutex::default() });
        // A window that a page opens is none of ours.
        browser.cdp.post(None, "Target.setDiscoverTargets", json!({ "discover": true }));
        let watch = tokio::spawn(look_after(Arc::downgrade(&browser), config.clone()));
        if let Ok(mut slot) = browser._watch.lock() {
            *slot = Some(AbortOnDropHandle::new(watch));
        }
        Ok(browser)
    }

    /// Whether it takes another page.
    pub(crate) fn takes(&self) -> bool {
        !self.retired.load(Ordering::SeqCst) && !self.cdp.is_closed()
    }

    /// It has pages no more.
    pub(crate) fn is_empty(&self) -> bool {
        *self.has.borrow() == 0
    }

    /// How many pages it has, as that changes.
    pub(crate) fn pages(&self) -> watch::Receiver<usize> {
        self.has.subscribe()
    }

    /// Waits until it has no page, or is out of reach.
    pub(crate) async fn emptied(&self) {
        let mut pages = self.pages();
        tokio::select! {
            _ = pages.wait_for(|has| *has == 0) => {}
            () = self.cdp.closed() => {}
        }
    }

    /// Counts a page in.
    pub(crate) fn give(self: &Arc<Self>, most: u32) -> Given {
        if self.given.fetch_add(1, Ordering::SeqCst) + 1 >= most {
            self.retire();
        }
        self.has.send_modify(|has| *has += 1);
        Given { browser: Arc::clone(self) }
    }

    /// Gives it no more pages.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
    }

    /// Ends it, pages and all.
    pub(crate) fn kill(&self) {
        self.retire();
        self.cdp.close();
        self.process.kill();
    }

    /// Waits until nothing is left of it.
    pub(crate) async fn gone(&self) {
        self.process.ended().await;
    }
}

/// A page that a browser has.
pub(crate) struct Given {
    browser: Arc<Browser>,
}

impl Drop for Given {
    fn drop(&mut self) {
        self.browser.has.send_modify(|has| *has -= 1);
    }
}

/// Looks after a browser as long as it is there.
async fn look_after(browser: std::sync::Weak<Browser>, config: RenderConfig) {
    let mut asked = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(browser) = browser.upgrade() else { return };
        if browser.cdp.is_closed() {
            browser.kill();
            return;
        }
        if browser.is_empty() {
            continue;
        }
        // The system may keep whoever asks it waiting while a process grows; nobody else is to wait then.
        let root = browser.process.root;
        let Ok(tree) = tokio::task::spawn_blocking(move || memory::tree(root)).await else { continue };
        for pid in memory::too_large(&tree, config.limits.memory, config.browser_memory) {
            tracing::warn!(pid, "a page held too much memory; its process was killed");
            memory::kill(pid);
            // What it held may be in other processes too.
            browser.retire();
        }
        if asked.elapsed() > ASK {
            let answer = tokio::time::timeout(config.answer, browser.cdp.call("Browser.getVersion", json!({}))).await;
            if answer.is_err() {
                tracing::error!("a browser did not answer; it was killed");
                browser.kill();
                return;
            }
            asked = tokio::time::Instant::now();
        }
    }
}
