//! Validates the member `webhook`: the URL to call when a job ends, and for which ends.

use domain::Endpoint;
use domain::nearest::nearest;
use domain::webhook::{JobEvent, Webhook};
use serde_json::Value;

use super::{known_members, one_url, wrong_type};
use crate::ApiError;

/// Members of "webhook".
const MEMBERS: [(&str, &[Endpoint]); 2] =
    [("url", &[Endpoint::Batch, Endpoint::Crawl]), ("events", &[Endpoint::Batch, Endpoint::Crawl])];

/// Reads the member "webhook". Does not resolve the URL's host: [`crate::webhooks::check_receiver`] checks its
/// addresses.
///
/// # Errors
/// The first fault.
pub(super) fn read(value: Option<&Value>, endpoint: Endpoint) -> Result<Option<Webhook>, ApiError> {
    let members = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(members)) => members,
        Some(other) => {
            return Err(wrong_type("webhook", "an object like {\"url\": \"https://example.com/hook\"}", other));
        }
    };
    known_members(members, "webhook.", &MEMBERS, endpoint)?;
    let url = one_url(members, "webhook.url")?;
    Ok(Some(Webhook { url, events: read_events(members.get("events"))? }))
}

/// Reads the list of events, each once; all if it is missing.
fn read_events(value: Option<&Value>) -> Result<Vec<JobEvent>, ApiError> {
    let names = match value {
        None | Some(Value::Null) => return Ok(JobEvent::ALL.into()),
        Some(Value::Array(names)) => names,
        Some(other) => return Err(wrong_type("webhook.events", "an array", other)),
    };
    let known = JobEvent::ALL.map(JobEvent::name);
    if names.is_empty() {
        let text = format!("\"webhook.events\" is empty; leave it out, or name some of {}", known.join(", "));
        return Err(ApiError::invalid(text));
    }
    let mut events = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let Some(event) = name.as_str().and_then(JobEvent::parse) else {
            let near = name.as_str().and_then(|name| nearest(name, &known));
            let near = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
            let text = format!("\"webhook.events[{index}]\" must be one of {}{near}", known.join(", "));
            return Err(ApiError::invalid(text));
        };
        if !events.contains(&event) {
            events.push(event);
        }
    }
    Ok(events)
}
