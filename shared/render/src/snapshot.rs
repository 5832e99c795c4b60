//! Queries a page's document in an isolated world beside the page's scripts.

use serde_json::{Value, json};
use url::Url;

use crate::cdp::{CdpError, Session};
use crate::error::RenderError;

const SNAPSHOT: &str = include_str!("snapshot.js");
const PROBE: &str = include_str!("probe.js");

/// The isolated world of one document, created on first use.
pub(crate) struct World {
    frame: String,
    context: Option<u64>,
}

/// A serialised document.
pub(crate) struct Snapshot {
    pub(crate) html: String,
    pub(crate) url: Url,
}

impl World {
    pub(crate) fn new(frame: &str) -> World {
        World { frame: frame.to_owned(), context: None }
    }

    /// Resets the world: another document is shown, and the world of the old one is gone.
    pub(crate) fn reset(&mut self) {
        self.context = None;
    }

    /// Stores the world's execution context, or that it has none.
    pub(crate) fn set_context(&mut self, context: Option<u64>) {
        self.context = context;
    }

    /// Probes the document: how long it has been unchanged, in milliseconds, and whether a selector matches. Also
    /// returns the world that was used.
    pub(crate) fn probe(&self, session: &Session, selector: Option<&str>) -> impl Future<Output = ProbeResult> + use<> {
        let made = self.context.is_none().then(|| session.call("Page.createIsolatedWorld", self.world()));
        let known = self.context;
        let expression = format!("{PROBE}({})", json!(selector));
        let early = known.map(|context| session.call("Runtime.evaluate", evaluation(&expression, context)));
        let late = session.clone();
        async move {
            let (context, answer) = match (early, made) {
                (Some(early), _) => (known, early.await),
                (None, Some(made)) => {
                    let context = made.await.ok().and_then(|made| made["executionContextId"].as_u64());
                    let Some(context) = context else { return ProbeResult { context: None, state: None } };
                    (Some(context), late.call("Runtime.evaluate", evaluation(&expression, context)).await)
                }
                (None, None) => (None, Err(CdpError::Closed)),
            };
            let value = answer.ok().map(|mut answer| answer["result"]["value"].take());
            let state = value.and_then(|value| Some((value[0].as_f64()?, value[1].as_bool()?)));
            ProbeResult { context: context.filter(|_| state.is_some()), state }
        }
    }

    /// Returns the whole document.
    ///
    /// # Errors
    /// The document is too long or cannot be read.
    pub(crate) async fn snapshot(&mut self, session: &Session, max: usize) -> Result<Snapshot, RenderError> {
        let limit_exceeded =
            || RenderError::LimitExceeded(format!("the page is over {} MiB after its scripts ran", max >> 20));
        let lost = |error: CdpError| RenderError::Internal(error.to_string());
        let expression = format!("{SNAPSHOT}({max})");
        // The browser creates a world of the same name only once per document.
        let made = session.call("Page.createIsolatedWorld", self.world()).await.map_err(lost)?;
        let context = made["executionContextId"].as_u64().ok_or(CdpError::Closed).map_err(lost)?;
        let mut answer = session.call("Runtime.evaluate", evaluation(&expression, context)).await.map_err(lost)?;
        let mut value = answer["result"]["value"].take();
        if answer.get("exceptionDetails").is_some() {
            return Err(limit_exceeded());
        }
        let (Value::String(html), Some(url)) = (value["html"].take(), value["url"].as_str()) else {
            return Err(limit_exceeded());
        };
        if html.len() > max {
            return Err(limit_exceeded());
        }
        let mut url = Url::parse(url).map_err(|_| RenderError::Unreachable("the page shows no document".into()))?;
        url.set_fragment(None);
        Ok(Snapshot { html, url })
    }

    fn world(&self) -> Value {
        json!({ "frameId": self.frame, "worldName": "runo" })
    }
}

/// The result of a probe.
pub(crate) struct ProbeResult {
    /// The execution context that answered.
    pub(crate) context: Option<u64>,
    /// How long the document has been unchanged, in milliseconds, and whether the selector matches. `None` if the probe
    /// failed.
    pub(crate) state: Option<(f64, bool)>,
}

fn evaluation(expression: &str, context: u64) -> Value {
    json!({ "expression": expression, "contextId": context, "returnByValue": true })
}
