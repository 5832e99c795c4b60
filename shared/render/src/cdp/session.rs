//! A session: commands to one page, and its events.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Cdp, CdpError, MAX_EVENTS};

/// An event of a page.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) method: String,
    pub(crate) params: Value,
}

/// The events of a session in order. The channel closes with the page, with the browser, or when its queue overflows.
pub(crate) type Events = mpsc::Receiver<Event>;

/// A session with a page. Cheap to clone. Dropping the last clone ends the session, but does not close the page.
#[derive(Clone)]
pub(crate) struct Session {
    inner: Arc<SessionInner>,
}

struct SessionInner {
    cdp: Cdp,
    id: String,
}

impl Session {
    /// Attaches to a target.
    pub(crate) async fn attach(cdp: &Cdp, target: &str) -> Result<(Session, Events), CdpError> {
        let answer = cdp.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true })).await?;
        let id = answer["sessionId"].as_str().ok_or(CdpError::Closed)?.to_owned();
        let (sender, events) = mpsc::channel(MAX_EVENTS);
        cdp.inner.state().sessions.insert(id.clone(), sender);
        let session = Session { inner: Arc::new(SessionInner { cdp: cdp.clone(), id }) };
        // If the connection closed before the line above, nobody will remove this session.
        if cdp.is_closed() { Err(CdpError::Closed) } else { Ok((session, events)) }
    }

    /// Sends a command at once, even if the returned future is never polled. The future yields the answer.
    pub(crate) fn call(&self, method: &str, params: Value) -> impl Future<Output = Result<Value, CdpError>> + use<> {
        self.inner.cdp.start_call(Some(&self.inner.id), method, params)
    }

    /// Returns whether the browser is unreachable.
    pub(crate) fn is_closed(&self) -> bool {
        self.inner.cdp.is_closed()
    }

    /// Sends a command and ignores its answer.
    pub(crate) fn post(&self, method: &str, params: Value) {
        self.inner.cdp.post(Some(&self.inner.id), method, params);
    }
}

impl Drop for SessionInner {
    fn drop(&mut self) {
        self.cdp.inner.end_session(&self.id);
    }
}
