//! The three formats: the text for a unit, between units, and at the end. Only text; it does not know when it is sent.

use domain::job::CrawlFigures;
use domain::progress::Tally;
use domain::synthetic;
use domain::{Endpoint, Job};
use engine::result_stream::ResultItem;
use serde_json::{Map, Value, json};

use super::summary;
use crate::prefer::Format;

/// Writes one body.
pub(super) struct Writer {
    format: Format,
    endpoint: Endpoint,
    /// The text before the first result of a JSON document.
    opening: String,
    seed: Option<String>,
    units: u32,
}

impl Writer {
    /// Creates a writer. `seed` is a crawl's seed URL.
    pub(super) fn new(format: Format, endpoint: Endpoint, seed: Option<&str>) -> Writer {
        let opening = match seed {
            Some(seed) => format!("{{\"seed_url\":{},\"results\":[", json!(seed)),
            None => "{\"results\":[".to_owned(),
        };
        Writer { format, endpoint, opening, seed: seed.map(str::to_owned), units: 0 }
    }

    /// Returns the text for a unit's result.
    pub(super) fn unit(&mut self, item: &ResultItem) -> String {
        self.units += 1;
        match (self.format, self.endpoint) {
            (Format::Json, Endpoint::Extract) => format!("{}\n", object(item)),
            (Format::Json, Endpoint::Batch | Endpoint::Crawl) => format!("{}{}", self.separator(), object(item)),
            (Format::Lines, _) => format!("{}\n", self.indexed(item)),
            (Format::Events, _) => {
                format!("event: unit\nid: {}\ndata: {}\n\n", item.place + 1, self.indexed(item))
            }
        }
    }

    /// Returns the text before a unit's result in a JSON document.
    fn separator(&self) -> &str {
        if self.units == 1 { &self.opening } else { ",\n" }
    }

    /// Returns the result with its `index`: in the caller's list of URLs, or in order of completion for a crawl.
    fn indexed(&self, item: &ResultItem) -> String {
        let index = match self.endpoint {
            Endpoint::Extract | Endpoint::Batch => item.seq,
            Endpoint::Crawl => item.place,
        };
        // Everything after the opening brace.
        let members = object(item).strip_prefix('{').unwrap_or("}");
        let comma = if members.starts_with('}') { "" } else { "," };
        format!("{{\"index\":{index}{comma}{members}")
    }

    /// Returns the text for a unit that is still open in a body that has to end. Only a JSON document lists it.
    pub(super) fn open_unit(&mut self, url: &str, job: &Job) -> String {
        self.units += 1;
        match (self.format, self.endpoint) {
            (Format::Json, Endpoint::Extract) => {
                let mut body =
                    Map::from_iter([("url".to_owned(), json!(url)), ("status".to_owned(), json!("pending"))]);
                body.extend(summary::continuation(job, None).into_iter().filter(|(name, _)| name != "status"));
                format!("{}\n", Value::Object(body))
            }
            (Format::Json, Endpoint::Batch | Endpoint::Crawl) => {
                format!("{}{}", self.separator(), synthetic::pending_json(url))
            }
            (Format::Lines | Format::Events, _) => String::new(),
        }
    }

    /// Returns a progress event, if the format has these.
    pub(super) fn progress(&self, tally: &Tally) -> Option<String> {
        let data = json!({ "total": tally.total, "done": tally.done, "failed": tally.failed });
        (self.format == Format::Events).then(|| format!("event: progress\ndata: {data}\n\n"))
    }

    /// Returns the end of the body of an ended job.
    pub(super) fn end(&self, job: &Job, tally: &Tally) -> String {
        self.close(summary::members(job, tally, &job.figures))
    }

    /// Returns the end of a body whose job is running, or that has no room for the results from place `next_place`
    /// on.
    pub(super) fn end_incomplete(
        &self,
        job: &Job,
        tally: &Tally,
        figures: &CrawlFigures,
        next_place: Option<u32>,
    ) -> String {
        let mut members = summary::continuation(job, next_place);
        members.extend(summary::members(job, tally, figures));
        self.close(members)
    }

    fn close(&self, members: Map<String, Value>) -> String {
        let members = match (self.format, self.seed.as_ref()) {
            // A JSON document has the seed at its beginning.
            (Format::Lines | Format::Events, Some(seed)) => Value::Object(
                Map::from_iter([("seed_url".to_owned(), json!(seed))]).into_iter().chain(members).collect(),
            ),
            _ => Value::Object(members),
        };
        match (self.format, self.endpoint) {
            // Its one result is the whole body; if `from` left it out, the body is `{}`.
            (Format::Json, Endpoint::Extract) => {
                if self.units == 0 {
                    "{}\n".into()
                } else {
                    String::new()
                }
            }
            (Format::Json, Endpoint::Batch | Endpoint::Crawl) => {
                let open = if self.units == 0 { self.opening.as_str() } else { "" };
                format!("{open}],{}\n", &members.to_string()[1..])
            }
            (Format::Lines, _) => format!("{}\n", json!({ "summary": members })),
            (Format::Events, _) => format!("event: done\ndata: {members}\n\n"),
        }
    }
}

/// Returns a result's text, which is a JSON object with members. An empty one, which no runner writes, becomes `{}`: it
/// must not break the document around it.
fn object(item: &ResultItem) -> &str {
    if item.text.is_empty() { "{}" } else { &item.text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_a_result_keeps_the_document_valid() {
        for (text, want) in [("", json!({})), ("{}", json!({})), (r#"{"url":"u"}"#, json!({"url": "u"}))] {
            let item = ResultItem { seq: 5, place: 2, text: text.into() };
            let unit = |format, endpoint| Writer::new(format, endpoint, None).unit(&item);
            let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(json(&unit(Format::Json, Endpoint::Extract)), want);
            assert_eq!(json(&(unit(Format::Json, Endpoint::Batch) + "]}"))["results"], json!([want]));
            let mut indexed = want.clone();
            indexed["index"] = json!(5);
            assert_eq!(json(&unit(Format::Lines, Endpoint::Batch)), indexed);
            let events = unit(Format::Events, Endpoint::Batch);
            assert_eq!(json(events.split_once("data: ").unwrap().1), indexed);
        }
    }
}
