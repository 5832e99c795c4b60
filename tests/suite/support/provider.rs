//! The scripted model's files and batches, as in OpenAI's API. Batches end as scripted; every answered line is paid
//! for.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use serde_json::{Value, json};

/// How a batch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchEnd {
    Completed,
    /// With this many of its lines answered.
    Expired(usize),
    /// With none.
    Failed,
}

/// The response to a request: a status and a text.
pub type Reply = (u16, String);

#[derive(Clone, Debug)]
struct Batch {
    id: String,
    metadata: Value,
    input: String,
    status: &'static str,
    output: Option<String>,
    error: Option<String>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    batches: Vec<Batch>,
    uploads: usize,
    /// How each batch ends when it is polled.
    end: Option<BatchEnd>,
    /// The number of lines that a batch has answered when it is cancelled.
    before_cancel: usize,
    /// Requests that begin with this method and path get this status.
    refusal: Option<(&'static str, u16)>,
    /// The batch and custom id of each line, each time that one was answered.
    answered: Vec<String>,
}

/// Files and batches.
#[derive(Default)]
pub struct Provider(Mutex<State>);

impl Provider {
    /// Ends each batch this way when it is polled from now on. With `None` it stays in progress.
    pub fn end_with(&self, end: Option<BatchEnd>) {
        self.0.lock().unwrap().end = end;
    }

    /// Sets the number of lines that a cancelled batch has answered.
    pub fn answers_before_cancel(&self, lines: usize) {
        self.0.lock().unwrap().before_cancel = lines;
    }

    /// Answers requests that begin with this method and path with this status.
    pub fn refuse(&self, refusal: Option<(&'static str, u16)>) {
        self.0.lock().unwrap().refusal = refusal;
    }

    /// Loses every batch.
    pub fn lose_all(&self) {
        self.0.lock().unwrap().batches.clear();
    }

    /// Adds a second batch with the first one's tag. The process does not know of this batch.
    pub fn duplicate(&self) {
        let mut state = self.0.lock().unwrap();
        let duplicate = Batch { id: format!("batch_{}", state.batches.len() + 1), ..state.batches[0].clone() };
        state.batches.push(duplicate);
    }

    /// The status of every batch.
    pub fn statuses(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().batches.iter().map(|batch| batch.status).collect()
    }

    /// The number of files.
    pub fn files(&self) -> usize {
        self.0.lock().unwrap().files.len()
    }

    /// The lines answered by batches, and so paid for.
    pub fn answered(&self) -> Vec<String> {
        self.0.lock().unwrap().answered.clone()
    }

    /// Serves a request. Returns `None` if it is not for files or batches. `answer` returns the response to a line's
    /// body.
    pub fn serve(&self, method: &str, path: &str, body: &Bytes, answer: impl Fn(&Value) -> Reply) -> Option<Reply> {
        let parts: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
        if !matches!(parts[0], "files" | "batches") {
            return None;
        }
        let mut state = self.0.lock().unwrap();
        if let Some((_, status)) = state.refusal.filter(|(begin, _)| format!("{method} {path}").starts_with(begin)) {
            return Some((status, json!({"error": {"message": "scripted failure"}}).to_string()));
        }
        let (status, text) = match (method, parts.as_slice()) {
            ("POST", ["files"]) => state.upload(body),
            ("GET", ["files", id, "content"]) => match state.files.get(*id) {
                Some(file) => (200, String::from_utf8(file.clone()).unwrap()),
                None => unknown(),
            },
            ("DELETE", ["files", id]) => match state.files.remove(*id) {
                Some(_) => (200, json!({"id": id, "deleted": true}).to_string()),
                None => unknown(),
            },
            ("POST", ["batches"]) => state.create(&serde_json::from_slice(body).unwrap()),
            ("GET", ["batches"]) => {
                let all: Vec<Value> = state.batches.iter().rev().map(Batch::json).collect();
                (200, json!({"object": "list", "data": all, "has_more": false}).to_string())
            }
            ("GET", ["batches", id]) => state.poll(id, &answer),
            ("POST", ["batches", id, "cancel"]) => state.cancel(id),
            _ => unknown(),
        };
        Some((status, text))
    }
}

fn unknown() -> Reply {
    (404, json!({"error": {"message": "no such thing"}}).to_string())
}

fn lines_of(file: &[u8]) -> Vec<Value> {
    file.split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

impl State {
    /// A form with one file.
    fn upload(&mut self, body: &Bytes) -> Reply {
        let text = std::str::from_utf8(body).unwrap();
        let boundary = text.lines().next().unwrap();
        let part = text.split(boundary).find(|part| part.contains("filename=")).unwrap();
        assert!(text.contains("\r\n\r\nbatch\r\n"), "its purpose");
        let file = part.split_once("\r\n\r\n").unwrap().1.trim_end_matches("\r\n");
        self.uploads += 1;
        let id = format!("file-{}", self.uploads);
        self.files.insert(id.clone(), file.as_bytes().to_vec());
        (200, json!({"id": id, "object": "file", "purpose": "batch"}).to_string())
    }

    fn create(&mut self, body: &Value) -> Reply {
        assert_eq!((&body["endpoint"], &body["completion_window"]), (&json!("/v1/chat/completions"), &json!("24h")));
        let input = body["input_file_id"].as_str().unwrap().to_owned();
        assert!(self.files.contains_key(&input), "the file is there");
        let id = format!("batch_{}", self.batches.len() + 1);
        let metadata = body["metadata"].clone();
        let batch = Batch { id, metadata, input, status: "validating", output: None, error: None };
        let json = batch.json();
        self.batches.push(batch);
        (200, json.to_string())
    }

    fn poll(&mut self, id: &str, answer: impl Fn(&Value) -> Reply) -> Reply {
        let Some(at) = self.batches.iter().position(|batch| batch.id == id) else { return unknown() };
        match (self.batches[at].status, self.end) {
            ("validating", None) => self.batches[at].status = "in_progress",
            ("validating" | "in_progress", Some(end)) => self.finish(at, end, answer),
            ("cancelling", _) => {
                let lines = self.before_cancel;
                self.answer(at, lines, answer);
                self.batches[at].status = "cancelled";
            }
            _ => {}
        }
        (200, self.batches[at].json().to_string())
    }

    fn finish(&mut self, at: usize, end: BatchEnd, answer: impl Fn(&Value) -> Reply) {
        let (status, lines) = match end {
            BatchEnd::Completed => ("completed", usize::MAX),
            BatchEnd::Expired(lines) => ("expired", lines),
            BatchEnd::Failed => ("failed", 0),
        };
        self.answer(at, lines, answer);
        self.batches[at].status = status;
    }

    /// Answers the first lines of a batch in reverse order, because callers must not rely on the order. The other lines
    /// have an error.
    fn answer(&mut self, at: usize, max: usize, answer: impl Fn(&Value) -> Reply) {
        let lines = lines_of(&self.files[&self.batches[at].input].clone());
        let (mut output, mut error) = (String::new(), String::new());
        for (n, line) in lines.iter().enumerate().rev() {
            let id = line["custom_id"].as_str().unwrap();
            if n < max {
                let (status, text) = answer(&line["body"]);
                let body: Value = serde_json::from_str(&text).unwrap();
                let response = json!({"status_code": status, "request_id": "r", "body": body});
                output += &format!("{}\n", json!({"id": "l", "custom_id": id, "response": response, "error": null}));
                self.answered.push(format!("{} {id}", self.batches[at].metadata["runo"].as_str().unwrap()));
            } else {
                let why = json!({"code": "batch_expired", "message": "it was not done in time"});
                error += &format!("{}\n", json!({"id": "l", "custom_id": id, "response": null, "error": why}));
            }
        }
        for (text, is_error) in [(output, false), (error, true)] {
            if text.is_empty() {
                continue;
            }
            self.uploads += 1;
            let id = format!("file-{}", self.uploads);
            self.files.insert(id.clone(), text.into_bytes());
            let batch = &mut self.batches[at];
            *(if is_error { &mut batch.error } else { &mut batch.output }) = Some(id);
        }
    }

    fn cancel(&mut self, id: &str) -> Reply {
        let Some(batch) = self.batches.iter_mut().find(|batch| batch.id == id) else { return unknown() };
        if !matches!(batch.status, "validating" | "in_progress" | "cancelling") {
            return (400, json!({"error": {"message": "the batch has ended"}}).to_string());
        }
        batch.status = "cancelling";
        (200, batch.json().to_string())
    }
}

impl Batch {
    fn json(&self) -> Value {
        json!({
            "id": self.id, "object": "batch", "status": self.status, "input_file_id": self.input,
            "output_file_id": self.output, "error_file_id": self.error, "metadata": self.metadata,
            "created_at": 4_000_000_000_i64, "endpoint": "/v1/chat/completions",
        })
    }
}
