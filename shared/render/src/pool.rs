//! The one browser that there is at a time: started when a page needs it, replaced when it is worn or lost, ended when
//! nobody needs it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use fetch::Fetcher;
use tokio::sync::{Mutex, OnceCell};

use crate::browser::{Browser, Given};
use crate::config::RenderConfig;
use crate::error::RenderError;
use crate::proxy::Proxy;

/// How long pages of a worn browser may keep the next one waiting.
const DRAIN: Duration = Duration::from_secs(15);
/// How long the end of one may.
const GONE: Duration = Duration::from_secs(10);

/// The browser.
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

    /// The browsers' way out.
    pub(crate) async fn proxy(&self) -> Result<&Proxy, RenderError> {
        let start = async || Proxy::start(self.fetcher.clone()).await;
        self.proxy.get_or_try_init(start).await.map_err(|error| {
            tracing::error!(%error, "the browser's proxy could not be opened");
            RenderError::Ours("its proxy could not be opened".into())
        })
    }

    /// A browser for a page.
    pub(crate) async fn give(self: &Arc<Self>) -> Result<(Arc<Browser>, Given), RenderError> {
        let proxy = self.proxy().await?.at();
        let mut current = self.current.lock().await;
        if let Some(browser) = &*current {
            if browser.takes() {
                return Ok((Arc::clone(browser), browser.give(self.config.pages_a_browser)));
            }
            // One at a time: its pages end first.
            let _ = tokio::time::timeout(DRAIN, browser.emptied()).await;
            end(browser).await;
            *current = None;
        }
        let browser = Browser::start(&self.config, proxy).await?;
        let given = browser.give(self.config.pages_a_browser);
        *current = Some(Arc::clone(&browser));
        tokio::spawn(let_go(Arc::downgrade(self), Arc::downgrade(&browser), self.config.idle));
        Ok((browser, given))
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
    if tokio::time::timeout(GONE, browser.gone()).await.is_err() {
        tracing::error!("a browser's process did not end in time");
    }
}

/// Ends a browser that nobody needs any more.
async fn let_go(pool: Weak<Pool>, browser: Weak<Browser>, idle: Duration) {
    loop {
        let Some(mut pages) = browser.upgrade().map(|browser| browser.pages()) else { return };
        if pages.wait_for(|has| *has == 0).await.is_err() {
            return;
        }
        match tokio::time::timeout(idle, pages.wait_for(|has| *has > 0)).await {
            Ok(Ok(_)) => continue,
            Ok(Err(_)) => return,
            Err(_) => {}
        }
        let (Some(pool), Some(browser)) = (pool.upgrade(), browser.upgrade()) else { return };
        let mut current = pool.current.lock().await;
        let ours = current.as_ref().is_some_and(|now| Arc::ptr_eq(now, &browser));
        if !ours {
            return;
        }
        // None is given while this is locked.
        if browser.is_empty() {
            *current = None;
            end(&browser).await;
            return;
        }
    }
}
