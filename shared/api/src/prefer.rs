//! Client preferences: `Prefer` (RFC 7240) and `Accept` (RFC 9110 §12.5.1). Unknown values are ignored, as both
//! specifications require.

use http::HeaderMap;
use http::header::ACCEPT;

/// The preferences of `Prefer` that this API supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preferences {
    /// `respond-async`: 202 at once.
    pub respond_async: bool,
    /// `wait=N`: hold for N seconds at most.
    pub wait: Option<u64>,
    /// `explain`: say why each value was chosen.
    pub explain: bool,
}

impl Preferences {
    /// Returns the value of `Preference-Applied`; `None` if no preference was applied.
    pub fn applied(&self) -> Option<String> {
        match (self.respond_async, self.wait) {
            (true, _) => Some("respond-async".into()),
            (false, Some(secs)) => Some(format!("wait={secs}")),
            (false, None) => self.explain.then(|| "explain".into()),
        }
    }
}

/// Reads `Prefer`. If a preference is given twice, the first counts (RFC 7240 §2).
pub fn preferences(headers: &HeaderMap) -> Preferences {
    let mut found = Preferences::default();
    let lines = headers.get_all("prefer").iter().filter_map(|v| v.to_str().ok());
    for preference in lines.flat_map(|line| line.split(',')) {
        // Parameters after a semicolon are ignored.
        let token = preference.split(';').next().unwrap_or_default();
        let (name, value) = token.split_once('=').unwrap_or((token, ""));
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "respond-async" => found.respond_async = true,
            "explain" => found.explain = true,
            "wait" if found.wait.is_none() => found.wait = value.parse().ok(),
            _ => {}
        }
    }
    found
}

/// Format of a result body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One JSON document.
    #[default]
    Json,
    /// `application/x-ndjson`: a line per unit.
    Lines,
    /// `text/event-stream`: an event per unit.
    Events,
}

impl Format {
    /// Returns the `Content-Type` of this format.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Lines => "application/x-ndjson",
            Format::Events => "text/event-stream",
        }
    }
}

/// Returns the format that `Accept` prefers; JSON if it names none of ours, the earlier one if several have the same
/// weight.
pub fn format(headers: &HeaderMap) -> Format {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok());
    let mut best = (Format::Json, 0.0);
    for range in lines.flat_map(|line| line.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let format = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "application/x-ndjson" => Format::Lines,
            "text/event-stream" => Format::Events,
            "application/json" | "application/*" | "*/*" => Format::Json,
            _ => continue,
        };
        let weight = weight(parts);
        if weight > best.1 {
            best = (format, weight);
        }
    }
    best.0
}

/// Whether `Accept` names `application/problem+json` with a weight above 0.
pub fn prefers_problem_json(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/problem+json"));
        named && weight(parts) > 0.0
    })
}

/// Returns the weight among the parameters of an element (RFC 9110 §12.4.2): `q`, in either case. If there is none, or
/// it is not a number from 0 to 1, returns 1: what is named is accepted.
pub(crate) fn weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> f32 {
    let weight = |parameter: &'a str| {
        let (_, value) = parameter.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("q"))?;
        value.parse::<f32>().ok().filter(|weight| (0.0_f32..=1.0).contains(weight))
    };
    parameters.find_map(weight).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        values.iter().map(|v| (http::HeaderName::from_static(name), v.parse().unwrap())).collect()
    }

    #[test]
    fn preferences_are_read_as_rfc_7240_says() {
        let read = |values: &[&str]| preferences(&headers("prefer", values));
        assert_eq!(read(&[]), Preferences::default());
        assert_eq!(
            read(&["respond-async, wait=10"]),
            Preferences { respond_async: true, wait: Some(10), explain: false }
        );
        assert_eq!(read(&["Wait = \"7\"; x=1", "foo=bar"]).wait, Some(7));
        assert_eq!(read(&["wait=3", "wait=9"]).wait, Some(3));
        assert_eq!(read(&["wait=soon, wait"]).wait, None);
        assert_eq!(read(&["explain"]).applied().as_deref(), Some("explain"));
        assert_eq!(read(&["wait=5"]).applied().as_deref(), Some("wait=5"));
        assert_eq!(read(&["respond-async,wait=5"]).applied().as_deref(), Some("respond-async"));
    }

    #[test]
    fn accept_chooses_by_quality() {
        let read = |values: &[&str]| format(&headers("accept", values));
        assert_eq!(read(&[]), Format::Json);
        assert_eq!(read(&["*/*"]), Format::Json);
        assert_eq!(read(&["application/x-ndjson"]), Format::Lines);
        assert_eq!(read(&["text/event-stream, */*;q=0.1"]), Format::Events);
        assert_eq!(read(&["application/x-ndjson;q=0.5, application/json"]), Format::Json);
        assert_eq!(read(&["text/html", "application/x-ndjson;q=0"]), Format::Json);
        assert_eq!(read(&["application/x-ndjson;Q=0.5, application/json"]), Format::Json);
        assert_eq!(read(&["application/x-ndjson;q=high, application/json;q=0.9"]), Format::Lines);
    }
}
