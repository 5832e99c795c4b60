//! What is asked of a page's document, in a world of its own beside the page's programs.

use serde_json::{Value, json};
use url::Url;

use crate::cdp::{CdpError, Session};
use crate::error::RenderError;

const SNAPSHOT: &str = include_str!("snapshot.js");
const PROBE: &str = include_str!("probe.js");

/// The world of one document, made when it is first asked for something.
pub(crate) struct World {
    frame: String,
    context: Option<u64>,
}

/// A document.
pub(crate) struct Snapshot {
    pub(crate) html: String,
    pub(crate) url: Url,
}

impl World {
    pub(crate) fn new(frame: &str) -> World {
        World { frame: frame.to_owned(), context: None }
    }

    /// Another document is shown: the world went with the one before.
    pub(crate) fn forget(&mut self) {
        self.context = None;
    }

    /// Which one it is, once it was made.
    pub(crate) fn keep(&mut self, context: Option<u64>) {
        self.context = context;
    }

    /// How long nothing has changed, in milliseconds, and whether a selector matches; and the world that was asked.
    pub(crate) fn probe(&self, session: &Session, selector: Option<&str>) -> impl Future<Output = Probed> + use<> {
        let made = self.context.is_none().then(|| session.ask("Page.createIsolatedWorld", self.world()));
        let known = self.context;
        let expression = format!("{PROBE}({})", json!(selector));
        let early = known.map(|context| session.ask("Runtime.evaluate", evaluation(&expression, context)));
        let late = session.clone();
        async move {
            let (context, answer) = match (early, made) {
                (Some(early), _) => (known, early.await),
                (None, Some(made)) => {
                    let context = made.await.ok().and_then(|made| made["executionContextId"].as_u64());
                    let Some(context) = context else { return Probed { context: None, seen: None } };
                    (Some(context), late.ask("Runtime.evaluate", evaluation(&expression, context)).await)
                }
                (None, None) => (None, Err(CdpError::Closed)),
            };
            let value = answer.ok().map(|mut answer| answer["result"]["value"].take());
            let seen = value.and_then(|value| Some((value[0].as_f64()?, value[1].as_bool()?)));
            Probed { context: context.filter(|_| seen.is_some()), seen }
        }
    }

    /// The whole document.
    ///
    /// # Errors
    /// It is too long, or cannot be had.
    pub(crate) async fn snapshot(&mut self, session: &Session, most: usize) -> Result<Snapshot, RenderError> {
        let too_much = || RenderError::TooMuch(format!("the page is over {} MB, once its programs ran", most >> 20));
        let lost = |error: CdpError| RenderError::Ours(error.to_string());
        let expression = format!("{SNAPSHOT}({most})");
        // A world of the same name is made once for a document.
        let made = session.ask("Page.createIsolatedWorld", self.world()).await.map_err(lost)?;
        let context = made["executionContextId"].as_u64().ok_or(CdpError::Closed).map_err(lost)?;
        let mut answer = session.ask("Runtime.evaluate", evaluation(&expression, context)).await.map_err(lost)?;
        let mut value = answer["result"]["value"].take();
        if answer.get("exceptionDetails").is_some() {
            return Err(too_much());
        }
        let (Value::String(html), Some(url)) = (value["html"].take(), value["url"].as_str()) else {
            return Err(too_much());
        };
        if html.len() > most {
            return Err(too_much());
        }
        let mut url = Url::parse(url).map_err(|_| RenderError::Unreachable("the page shows no document".into()))?;
        url.set_fragment(None);
        Ok(Snapshot { html, url })
    }

    fn world(&self) -> Value {
        json!({ "frameId": self.frame, "worldName": "runo" })
    }
}

/// What was seen of a document.
pub(crate) struct Probed {
    pub(crate) context: Option<u64>,
    pub(crate) seen: Option<(f64, bool)>,
}

fn evaluation(expression: &str, context: u64) -> Value {
    json!({ "expression": expression, "contextId": context, "returnByValue": true })
}
