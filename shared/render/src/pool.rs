//! Keeps one browser at a time. Starts it when a page needs it, replaces it when it accepts no more pages or is lost,
//! and ends it when it is idle.

use std::sync::{Arc, Weak};
use std::time::Duration;

use fetch::Fetcher;
use tokio::sync::{Mutex, OnceCell};

use crate::browser::{Browser, PageSlot};
use crate::config::RenderConfig;
use crate::error::RenderError;
use crate::proxy::Proxy;

/// How long the next page waits for the pages of a browser that accepts no more pages.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the next page then waits for the process of that browser to end.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Holds the browser.
pub(crate) struct Pool {
    pub(crate) config: RenderConfig,
    fetcher: Fetcher,
    proxy: OnceCell<Proxy>,
    current: Mutex<Option<Arc<Browser>>>,
}

impl Pool {
    pub(crate) fn new(config: RenderConfig, fetcher: Fetcher) -> Pool {
        Pool { config, fetcher, proxy: OnceCell::new(), current: Mutex::new(None) }
    }

    /// Returns the browsers' proxy; starts it on first use.
    pub(crate) async fn proxy(&self) -> Result<&Proxy, RenderError> {
        let start = async || Proxy::start(self.fetcher.clone()).await;
        self.proxy.get_or_try_init(start).await.map_err(|error| {
            tracing::error!(%error, "the browser's proxy could not be opened");
            RenderError::Internal("its proxy could not be opened".into())
        })
    }

    /// Returns a browser for a page, and the page's registration with it.
    pub(crate) async fn assign(self: &Arc<Self>) -> Result<(Arc<Browser>, PageSlot), RenderError> {
        let proxy = self.proxy().await?.address();
        let mut current = self.current.lock().await;
        if let Some(browser) = &*current {
            if browser.accepts_pages() {
                return Ok((Arc::clone(browser), browser.assign(self.config.max_pages_per_browser)));
            }
            // Only one browser at a time: its pages end first.
            let _ = tokio::time::timeout(DRAIN_TIMEOUT, browser.wait_until_empty()).await;
            end(browser).await;
            *current = None;
        }
        let browser = Browser::start(&self.config, proxy).await?;
        let slot = browser.assign(self.config.max_pages_per_browser);
        *current = Some(Arc::clone(&browser));
        tokio::spawn(end_when_idle(Arc::downgrade(self), Arc::downgrade(&browser), self.config.idle_timeout));
        Ok((browser, slot))
    }

    /// Ends the browser, if there is one.
    pub(crate) async fn close(&self) {
        if let Some(browser) = self.current.lock().await.take() {
            end(&browser).await;
        }
    }
}

async fn end(browser: &Browser) {
    browser.kill();
    if tokio::time::timeout(EXIT_TIMEOUT, browser.wait_for_exit()).await.is_err() {
        tracing::error!("a browser's process did not end in time");
    }
}

/// Ends a browser once it has been idle for long enough.
async fn end_when_idle(pool: Weak<Pool>, browser: Weak<Browser>, idle_timeout: Duration) {
    loop {
        let Some(mut pages) = browser.upgrade().map(|browser| browser.watch_pages()) else { return };
        if pages.wait_for(|count| *count == 0).await.is_err() {
            return;
        }
        match tokio::time::timeout(idle_timeout, pages.wait_for(|count| *count > 0)).await {
            Ok(Ok(_)) => continue,
            Ok(Err(_)) => return,
            Err(_) => {}
        }
        let (Some(pool), Some(browser)) = (pool.upgrade(), browser.upgrade()) else { return };
        let mut current = pool.current.lock().await;
        let is_current = current.as_ref().is_some_and(|other| Arc::ptr_eq(other, &browser));
        if !is_current {
            return;
        }
        // No page is assigned while this is locked.
        if browser.is_empty() {
            *current = None;
            end(&browser).await;
            return;
        }
    }
}
