//! The protocol between the program and its child process. To the child: the task as one line of JSON, then the body up
//! to the end of its input. Back: the reading as JSON.

use std::io::{self, BufRead, Read, Write};

use domain::{RenderMode, Schema, Timestamp, UnitError};
use extraction::links::{Link, LinkKind, Links};
use serde_json::{Map, Value, json};
use url::Url;

use crate::{Reading, Task, Values};

/// Maximum length of the first line: a schema of 64 KB, escaped, and a URL.
const MAX_HEAD_BYTES: u64 = 1024 * 1024;

/// What a child process is to read, and its limits.
#[derive(Debug, PartialEq)]
pub(super) struct ReadRequest {
    pub(super) task: Task,
    /// Time for reading, in milliseconds.
    pub(super) ms: u64,
    pub(super) limits: Limits,
}

/// The resources to which a child limits itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Address space in bytes.
    pub(super) memory: u64,
    /// Processor time in seconds.
    pub(super) cpu_secs: u64,
}

fn invalid(what: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

impl ReadRequest {
    /// Returns the line that precedes the body.
    pub(super) fn head(&self) -> Vec<u8> {
        let ReadRequest { task, ms, limits } = self;
        let mut line = json!({
            "schema": task.schema, "locale": task.locale, "notes": task.extra_warnings,
            "content_type": task.content_type, "url": task.url.as_str(), "now": task.now.0, "links": task.links, "judge": task.detect_shell,
            "compact": task.compact, "explain": task.explain,
            "ms": ms, "memory": limits.memory, "cpu_secs": limits.cpu_secs,
        })
        .to_string();
        line.push('\n');
        line.into_bytes()
    }

    /// Reads a request, leaving the body unread.
    pub(super) fn read(from: &mut impl BufRead) -> io::Result<ReadRequest> {
        let mut line = Vec::new();
        from.take(MAX_HEAD_BYTES).read_until(b'\n', &mut line)?;
        let head: Value = serde_json::from_slice(&line).map_err(invalid)?;
        let text = |name: &str| head[name].as_str().map(str::to_owned);
        let number = |name: &str| head[name].as_u64().ok_or_else(|| invalid(name));
        let task = Task {
            schema: serde_json::from_value::<Schema>(head["schema"].clone()).map_err(invalid)?,
            locale: text("locale").unwrap_or_default(),
            extra_warnings: serde_json::from_value(head["notes"].clone()).map_err(invalid)?,
            content_type: text("content_type"),
            url: Url::parse(&text("url").unwrap_or_default()).map_err(invalid)?,
            now: Timestamp(head["now"].as_i64().ok_or_else(|| invalid("now"))?),
            links: head["links"] == true,
            detect_shell: head["judge"] == true,
            compact: serde_json::from_value(head["compact"].clone()).map_err(invalid)?,
            explain: head["explain"] == true,
        };
        let limits = Limits { memory: number("memory")?, cpu_secs: number("cpu_secs")? };
        Ok(ReadRequest { task, ms: number("ms")?, limits })
    }
}

impl Reading {
    pub(super) fn write(&self, to: impl Write) -> io::Result<()> {
        let links: Vec<Value> = self.links.links.iter().map(|l| json!([l.url.as_str(), l.nofollow])).collect();
        let mut all = json!({ "links": links, "truncated": self.links.truncated });
        match &self.values {
            // A model has not been asked yet.
            Ok(Values {
                data,
                warnings,
                render_mode,
                shell,
                compact,
                model_fields: _,
                incomplete: _,
                images_processed: _,
                explained,
            }) => {
                all["shell"] = json!(shell);
                all["data"] = Value::Object(data.clone());
                all["warnings"] = json!(warnings);
                all["render_mode"] = json!(render_mode);
                all["compact"] = json!(compact);
                all["explained"] = json!(explained);
            }
            Err(error) => all["error"] = json!(error),
        }
        serde_json::to_writer(to, &all).map_err(io::Error::from)
    }

    /// Parses what [`Reading::write`] wrote. Returns `None` for anything else.
    pub(super) fn parse(text: &[u8]) -> Option<Reading> {
        let mut all: Map<String, Value> = serde_json::from_slice(text).ok()?;
        let mut take = |name: &str| all.remove(name);
        let links = take("links")?.as_array()?.iter().map(link).collect::<Option<Vec<Link>>>()?;
        let links = Links { links, truncated: take("truncated")? == true };
        let values = match take("error") {
            Some(error) => Err(serde_json::from_value::<UnitError>(error).ok()?),
            None => {
                let Value::Object(data) = take("data")? else { return None };
                let warnings = serde_json::from_value(take("warnings")?).ok()?;
                let render_mode = serde_json::from_value::<RenderMode>(take("render_mode")?).ok()?;
                Ok(Values {
                    warnings,
                    shell: take("shell")? == true,
                    compact: serde_json::from_value(take("compact")?).ok()?,
                    explained: serde_json::from_value(take("explained")?).ok()?,
                    ..Values::of(data, render_mode)
                })
            }
        };
        Some(Reading { values, links })
    }
}

/// The kind of link does not matter to the parent.
fn link(pair: &Value) -> Option<Link> {
    let url = Url::parse(pair.get(0)?.as_str()?).ok()?;
    Some(Link { url, kind: LinkKind::Anchor, nofollow: pair.get(1)?.as_bool()? })
}

#[cfg(test)]
mod tests {
    use domain::ErrorCode;
    use domain::explained::Explained;
    use extraction::CompactPage;

    use super::*;

    #[test]
    fn requests_and_readings_round_trip() {
        let task = Task {
            schema: Schema::parse(&json!([{"field": "title", "type": "string", "example": "x"}])).unwrap(),
            locale: "de-DE".into(),
            extra_warnings: vec!["n".into()],
            content_type: Some("text/html; charset=\"x\"".into()),
            url: Url::parse("https://e.test/a?b").unwrap(),
            now: Timestamp(7),
            links: true,
            detect_shell: true,
            compact: Some(9),
            explain: true,
        };
        let request = ReadRequest { task, ms: 1_500, limits: Limits { memory: 1, cpu_secs: 2 } };
        let message = [request.head(), b"<p>\nbody".to_vec()].concat();
        let mut from = message.as_slice();
        assert_eq!(ReadRequest::read(&mut from).unwrap(), request);
        assert_eq!(from, b"<p>\nbody");

        let url = Url::parse("https://e.test/b").unwrap();
        let links = Links { links: vec![Link { url, kind: LinkKind::Anchor, nofollow: true }], truncated: true };
        let Value::Object(data) = json!({"b": "x\n", "a": null}) else { panic!() };
        let compact = CompactPage {
            title: None,
            text: "t\n".into(),
            open: vec![1],
            pictures: vec!["https://e.test/p.png".into()],
        };
        let good = Values {
            warnings: vec!["w".into()],
            shell: true,
            compact: Some(compact),
            explained: vec![Explained { field: "b".into(), meaning: "title".into(), candidates: Vec::new() }],
            ..Values::of(data, RenderMode::Structured)
        };
        for values in [Ok(good), Err(UnitError::new(ErrorCode::UnsupportedContent, "no"))] {
            let (reading, mut text) = (Reading { values, links: links.clone() }, Vec::new());
            reading.write(&mut text).unwrap();
            assert_eq!(Reading::parse(&text), Some(reading));
        }
        for broken in ["", "{}", "[]", "{\"links\":[[1]],\"truncated\":true}"] {
            assert_eq!(Reading::parse(broken.as_bytes()), None, "{broken}");
        }
    }
}
