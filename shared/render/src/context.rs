//! A browser context: isolates one page from all others, and is disposed of with everything the page stored.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use crate::ask::Request;
use crate::browser::{Browser, PageSlot};
use crate::cdp::{CdpError, Events, Session};
use crate::config::RenderConfig;
use crate::proxy::{Pass, Proxy};
use crate::screen::{self, Screen};

/// Width of the window in pixels.
pub(crate) const WIDTH: u32 = 1_280;
/// Height of the window in pixels.
pub(crate) const HEIGHT: u32 = 800;

/// Disables service workers: their requests and storage belong to no page.
const NO_WORKERS: &str = "delete Navigator.prototype.serviceWorker;";

/// A context with its one page. Disposed of when dropped.
pub(crate) struct Context {
    browser: Arc<Browser>,
    id: String,
    pass: Pass,
    /// Released once the context is disposed of: the page's registration with the browser, and the permit to render.
    places: Option<(PageSlot, OwnedSemaphorePermit)>,
    answer: Duration,
}

/// A page that is ready for a visit.
pub(crate) struct Opened {
    pub(crate) session: Session,
    pub(crate) events: Events,
    /// The page's own frame.
    pub(crate) frame: String,
}

impl Context {
    /// Creates a context whose only way out is the proxy, with its own pass.
    pub(crate) async fn new(
        browser: Arc<Browser>,
        slot: PageSlot,
        place: OwnedSemaphorePermit,
        proxy: &Proxy,
        config: &RenderConfig,
    ) -> Result<Context, CdpError> {
        let pass = proxy.open(&config.limits).map_err(|error| CdpError::Refused(error.to_string()))?;
        let way = format!("http://{}", proxy.at());
        let params = json!({ "disposeOnDetach": true, "proxyServer": way, "proxyBypassList": "<-loopback>" });
        let made = browser.cdp.call("Target.createBrowserContext", params).await?;
        let id = made["browserContextId"].as_str().ok_or(CdpError::Closed)?.to_owned();
        Ok(Context { browser, id, pass, places: Some((slot, place)), answer: config.answer })
    }

    /// Returns its pass through the proxy.
    pub(crate) fn pass(&self) -> &Pass {
        &self.pass
    }

    /// Opens its page, still empty, and configures it.
    pub(crate) async fn open(&self, request: &Request) -> Result<Opened, CdpError> {
        let cdp = &self.browser.cdp;
        cdp.post(None, "Browser.setDownloadBehavior", json!({ "behavior": "deny", "browserContextId": self.id }));
        cdp.post(None, "Browser.grantPermissions", json!({ "permissions": [], "browserContextId": self.id }));
        let empty = json!({ "url": "about:blank", "browserContextId": self.id });
        let target = cdp.call("Target.createTarget", empty).await?;
        let target = target["targetId"].as_str().ok_or(CdpError::Closed)?;
        let (session, events) = Session::attach(cdp, target).await?;
        let screen = Screen::new(request, target);
        let languages = screen::field(&request.headers, "accept-language").unwrap_or(&request.locale);
        let agent = json!({ "userAgent": request.user_agent, "acceptLanguage": languages });
        let mut replies = vec![
            session.ask("Page.enable", json!({})),
            session.ask("Network.enable", json!({ "maxTotalBufferSize": 0, "maxResourceBufferSize": 0 })),
            session.ask("Network.setBypassServiceWorker", json!({ "bypass": true })),
            session.ask("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NO_WORKERS })),
            session.ask("Network.setUserAgentOverride", agent),
            session.ask("Fetch.enable", json!({ "handleAuthRequests": true, "patterns": screen.patterns() })),
        ];
        let cookies = screen::cookies(&request.headers, &request.url);
        if !cookies.is_empty() {
            replies.push(session.ask("Network.setCookies", json!({ "cookies": cookies })));
        }
        // An unknown language tag changes nothing.
        session.post("Emulation.setLocaleOverride", json!({ "locale": request.locale }));
        let window = json!({ "width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false });
        session.post("Emulation.setDeviceMetricsOverride", window);
        session.post("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        for answer in replies {
            answer.await?;
        }
        Ok(Opened { session, events, frame: target.to_owned() })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (browser, id, answer) = (Arc::clone(&self.browser), std::mem::take(&mut self.id), self.answer);
        self.pass.ledger.close();
        let places = self.places.take();
        runtime.spawn(async move {
            let disposed = browser.cdp.call("Target.disposeBrowserContext", json!({ "browserContextId": id }));
            if tokio::time::timeout(answer, disposed).await.is_err() {
                tracing::error!("a browser did not close a page; it was killed");
                browser.kill();
            }
            drop(places);
        });
    }
}
