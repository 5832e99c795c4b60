//! A browser context: isolates one page from all others, and is disposed of with everything the page stored.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use crate::browser::{Browser, PageSlot};
use crate::cdp::{CdpError, Events, Session};
use crate::config::RenderConfig;
use crate::proxy::{Proxy, ProxyAccess};
use crate::request::Request;
use crate::request_filter::{self, RequestFilter};

/// Width of the window in pixels.
pub(crate) const WIDTH: u32 = 1_280;
/// Height of the window in pixels.
pub(crate) const HEIGHT: u32 = 800;

/// Disables service workers: their requests and storage belong to no page.
const DISABLE_SERVICE_WORKERS: &str = "delete Navigator.prototype.serviceWorker;";

/// A context with its one page. Disposed of when dropped.
pub(crate) struct Context {
    browser: Arc<Browser>,
    id: String,
    access: ProxyAccess,
    /// Released once the context is disposed of: the page's registration with the browser, and the permit to render.
    slot_and_permit: Option<(PageSlot, OwnedSemaphorePermit)>,
    command_timeout: Duration,
}

/// A page that is ready for a visit.
pub(crate) struct OpenPage {
    pub(crate) session: Session,
    pub(crate) events: Events,
    /// The page's own frame.
    pub(crate) frame: String,
}

impl Context {
    /// Creates a context whose only way out is the proxy, with its own credentials.
    pub(crate) async fn new(
        browser: Arc<Browser>,
        slot: PageSlot,
        permit: OwnedSemaphorePermit,
        proxy: &Proxy,
        config: &RenderConfig,
    ) -> Result<Context, CdpError> {
        let access = proxy.open(&config.limits).map_err(|error| CdpError::Refused(error.to_string()))?;
        let proxy_url = format!("http://{}", proxy.address());
        let params = json!({ "disposeOnDetach": true, "proxyServer": proxy_url, "proxyBypassList": "<-loopback>" });
        let reply = browser.cdp.call("Target.createBrowserContext", params).await?;
        let id = reply["browserContextId"].as_str().ok_or(CdpError::Closed)?.to_owned();
        Ok(Context {
            browser,
            id,
            access,
            slot_and_permit: Some((slot, permit)),
            command_timeout: config.command_timeout,
        })
    }

    /// Returns its access to the proxy.
    pub(crate) fn access(&self) -> &ProxyAccess {
        &self.access
    }

    /// Opens its page, still empty, and configures it.
    pub(crate) async fn open(&self, request: &Request) -> Result<OpenPage, CdpError> {
        let cdp = &self.browser.cdp;
        cdp.post(None, "Browser.setDownloadBehavior", json!({ "behavior": "deny", "browserContextId": self.id }));
        cdp.post(None, "Browser.grantPermissions", json!({ "permissions": [], "browserContextId": self.id }));
        let empty = json!({ "url": "about:blank", "browserContextId": self.id });
        let target = cdp.call("Target.createTarget", empty).await?;
        let target = target["targetId"].as_str().ok_or(CdpError::Closed)?;
        let (session, events) = Session::attach(cdp, target).await?;
        let filter = RequestFilter::new(request, target);
        let languages = request_filter::field(&request.headers, "accept-language").unwrap_or(&request.locale);
        let agent = json!({ "userAgent": request.user_agent, "acceptLanguage": languages });
        let mut replies = vec![
            session.call("Page.enable", json!({})),
            session.call("Network.enable", json!({ "maxTotalBufferSize": 0, "maxResourceBufferSize": 0 })),
            session.call("Network.setBypassServiceWorker", json!({ "bypass": true })),
            session.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": DISABLE_SERVICE_WORKERS })),
            session.call("Network.setUserAgentOverride", agent),
            session.call("Fetch.enable", json!({ "handleAuthRequests": true, "patterns": filter.patterns() })),
        ];
        let cookies = request_filter::cookies(&request.headers, &request.url);
        if !cookies.is_empty() {
            replies.push(session.call("Network.setCookies", json!({ "cookies": cookies })));
        }
        // An unknown language tag changes nothing.
        session.post("Emulation.setLocaleOverride", json!({ "locale": request.locale }));
        let window = json!({ "width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false });
        session.post("Emulation.setDeviceMetricsOverride", window);
        session.post("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        for reply in replies {
            reply.await?;
        }
        Ok(OpenPage { session, events, frame: target.to_owned() })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (browser, id, command_timeout) =
            (Arc::clone(&self.browser), std::mem::take(&mut self.id), self.command_timeout);
        self.access.traffic.close();
        let slot_and_permit = self.slot_and_permit.take();
        runtime.spawn(async move {
            let disposed = browser.cdp.call("Target.disposeBrowserContext", json!({ "browserContextId": id }));
            if tokio::time::timeout(command_timeout, disposed).await.is_err() {
                tracing::error!("a browser did not close a page; it was killed");
                browser.kill();
            }
            drop(slot_and_permit);
        });
    }
}
