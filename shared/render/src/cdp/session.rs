//! A session: commands to one page, and what happens there.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Cdp, CdpError, MAX_EVENTS};

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) method: String,
    pub(crate) params: Value,
}

/// What happens in a session, in order. It ends with the page, with the browser, or where it was not kept up with.
pub(crate) type Events = mpsc::Receiver<Event>;

/// A page that is followed. Cheap to clone; forgotten when the last of its clones is dropped. The page is not.
#[derive(Clone)]
pub(crate) struct Session {
    inner: Arc<Followed>,
}

struct Followed {
    cdp: Cdp,
    id: String,
}

impl Session {
    /// Follows a target.
    pub(crate) async fn attach(cdp: &Cdp, target: &str) -> Result<(Session, Events), CdpError> {
        let answer = cdp.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true })).await?;
        let id = answer["sessionId"].as_str().ok_or(CdpError::Closed)?.to_owned();
        let (sender, events) = mpsc::channel(MAX_EVENTS);
        cdp.inner.state().sessions.insert(id.clone(), sender);
        let session = Session { inner: Arc::new(Followed { cdp: cdp.clone(), id }) };
        // Whoever closed before the line above will not look here again.
        if cdp.is_closed() { Err(CdpError::Closed) } else { Ok((session, events)) }
    }

    /// A command, sent at once, and its answer.
    pub(crate) fn ask(&self, method: &str, params: Value) -> impl Future<Output = Result<Value, CdpError>> + use<> {
        self.inner.cdp.ask(Some(&self.inner.id), method, params)
    }

    /// Whether the browser is out of reach.
    pub(crate) fn is_lost(&self) -> bool {
        self.inner.cdp.is_closed()
    }

    /// A command whose answer nobody needs.
    pub(crate) fn post(&self, method: &str, params: Value) {
        self.inner.cdp.post(Some(&self.inner.id), method, params);
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.cdp.inner.end_session(&self.id);
    }
}
