//! The provider's batches: many questions in a file of lines, answered within a day at a lower price. Creating a batch
//! takes no idempotency key, so a batch is found again by the tag in its metadata. Source: OpenAI, API reference,
//! "Files" and "Batch".

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;

use crate::client::{Model, check_status, read};
use crate::error::{Code, ModelError};
use crate::wire::{BatchObject, BatchPage, FileObject};

/// Timeout of one call about batches. The lease on a batch's row is longer.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(45);
/// Maximum size in bytes of a line in a file of answers, and of the whole file.
const MAX_LINE: usize = 1024 * 1024;
const MAX_FILE: usize = 256 * 1024 * 1024;
/// Maximum number of pages of a list that are searched.
const MAX_PAGES: usize = 50;
/// How long the provider keeps a file that is not deleted, in seconds.
const FILE_SECS: u32 = 3 * 86_400;
/// Member of a batch's metadata that has the tag.
const TAG: &str = "runo";

/// State of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchStatus {
    /// The provider works on it.
    InProgress,
    /// It was cancelled, and some of its requests still run.
    Cancelling,
    /// It is completed, expired, failed or cancelled: no more answers will come.
    Ended,
}

/// A batch as the provider reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The provider's id.
    pub id: String,
    /// Its state.
    pub status: BatchStatus,
    /// Files of answers, and of requests that failed.
    pub files: Vec<String>,
}

/// Why a call about batches failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct BatchError {
    /// The cause.
    pub error: ModelError,
    /// Whether the call certainly had no effect. If false, it may have had one: look for the effect before you repeat
    /// the call.
    pub without_effect: bool,
}

impl From<ModelError> for BatchError {
    fn from(error: ModelError) -> BatchError {
        BatchError { without_effect: error.is_without_effect(), error }
    }
}

/// Calls about batches of the model.
#[derive(Debug, Clone)]
pub struct Batches {
    model: Model,
}

impl Model {
    /// Returns the calls about batches, if the operator has switched batches on.
    pub fn batches(&self) -> Option<Batches> {
        self.config().batch.then(|| Batches { model: self.clone() })
    }
}

impl Batches {
    /// Uploads the lines of a batch and returns the file's id. Uploading a file twice costs nothing.
    ///
    /// # Errors
    /// The file could not be uploaded.
    pub async fn upload(&self, tag: &str, lines: Vec<u8>) -> Result<String, BatchError> {
        let file = Part::bytes(lines).file_name(format!("{tag}.jsonl")).mime_str("application/jsonl");
        let file = file.map_err(|_| ModelError::new(Code::Error, "the batch's file could not be built"))?;
        let form = Form::new()
            .text("purpose", "batch")
            .text("expires_after[anchor]", "created_at")
            .text("expires_after[seconds]", FILE_SECS.to_string())
            .part("file", file);
        let file: FileObject = self.read(self.model.call(Method::POST, "files")?.multipart(form)).await?;
        Ok(file.id)
    }

    /// Creates a batch from an uploaded file.
    ///
    /// # Errors
    /// The batch was not created, or it is not known whether it was.
    pub async fn create(&self, tag: &str, file: &str) -> Result<Batch, BatchError> {
        let body = json!({
            "input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h",
            "metadata": { TAG: tag },
        });
        self.batch(self.post("batches")?.body(body.to_string())).await
    }

    /// Returns the batches with this tag that are not older than `since`, in Unix seconds. There is
    /// one if nothing went wrong.
    ///
    /// # Errors
    /// The list could not be read.
    pub async fn find(&self, tag: &str, since: i64) -> Result<Vec<Batch>, BatchError> {
        let (mut found, mut after) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let mut call = self.model.call(Method::GET, "batches")?.query(&[("limit", "100")]);
            if let Some(after) = &after {
                call = call.query(&[("after", after)]);
            }
            let page: BatchPage = self.read(call).await?;
            // The newest come first.
            let (last, old) = page
                .data
                .last()
                .map_or((None, true), |last| (Some(last.id.clone()), last.created_at.is_some_and(|at| at < since)));
            let ours =
                |batch: &BatchObject| batch.metadata.as_ref().is_some_and(|m| m.get(TAG).is_some_and(|t| t == tag));
            found.extend(page.data.into_iter().filter(ours).map(Batch::of));
            after = last;
            if old || !page.has_more || after.is_none() {
                return Ok(found);
            }
        }
        Err(ModelError::new(Code::Error, "the provider has too many batches to search").into())
    }

    /// Returns a batch in its present state, or `None` if the provider does not know it.
    ///
    /// # Errors
    /// The batch could not be read.
    pub async fn get(&self, id: &str) -> Result<Option<Batch>, BatchError> {
        match self.batch(self.model.call(Method::GET, &format!("batches/{}", check_segment(id)?))?).await {
            Ok(batch) => Ok(Some(batch)),
            Err(BatchError { error, .. }) if error.status == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Cancels a batch. Requests that already run may still be answered. Does nothing to a batch that has ended or was
    /// cancelled before.
    ///
    /// # Errors
    /// It is not known whether the batch was cancelled.
    pub async fn cancel(&self, id: &str) -> Result<(), BatchError> {
        let call = self.post(&format!("batches/{}/cancel", check_segment(id)?))?;
        match self.batch(call).await {
            Ok(_) => Ok(()),
            // It has ended in the meantime, or the provider does not know it.
            Err(BatchError { error, .. }) if matches!(error.status, Some(400 | 404 | 409)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads a file of answers line by line.
    ///
    /// # Errors
    /// The file could not be read to its end.
    pub async fn lines(&self, file: &str, mut each: impl FnMut(&[u8])) -> Result<(), BatchError> {
        let mut response =
            self.send(self.model.call(Method::GET, &format!("files/{}/content", check_segment(file)?))?).await?;
        let (mut line, mut all) = (Vec::new(), 0);
        let broken = |_| ModelError::new(Code::Unavailable, "the provider's file broke off");
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            all += chunk.len();
            for (at, part) in chunk.split(|byte| *byte == b'\n').enumerate() {
                if at > 0 {
                    each(&line);
                    line.clear();
                }
                // Drops the end of a line that is too long: the rest is not valid JSON, so nothing of the line counts.
                if line.len() + part.len() <= MAX_LINE {
                    line.extend_from_slice(part);
                }
            }
            if all > MAX_FILE {
                return Err(ModelError::new(Code::Error, "the provider's file is too long").into());
            }
        }
        if !line.is_empty() {
            each(&line);
        }
        Ok(())
    }

    /// Deletes a file. A file that is not deleted expires by itself.
    pub async fn remove_file(&self, file: &str) {
        let call = check_segment(file).and_then(|file| self.model.call(Method::DELETE, &format!("files/{file}")));
        if let Ok(call) = call
            && let Err(error) = self.send(call).await
        {
            tracing::info!(%error, "could not delete a batch's file; it expires by itself");
        }
    }

    fn post(&self, operation: &str) -> Result<RequestBuilder, ModelError> {
        Ok(self.model.call(Method::POST, operation)?.header("content-type", "application/json"))
    }

    async fn batch(&self, call: RequestBuilder) -> Result<Batch, BatchError> {
        Ok(Batch::of(self.read(call).await?))
    }

    async fn send(&self, call: RequestBuilder) -> Result<Response, BatchError> {
        let sent = call.timeout(CALL_TIMEOUT).send().await;
        let response = sent.map_err(|error| BatchError {
            without_effect: error.is_connect() || error.is_builder(),
            error: ModelError::new(Code::Unavailable, "the model cannot be reached"),
        })?;
        check_status(&response)?;
        Ok(response)
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, call: RequestBuilder) -> Result<T, BatchError> {
        let text = read(self.send(call).await?).await?;
        let malformed = |_| ModelError::new(Code::Error, "the provider's answer about a batch cannot be read");
        Ok(serde_json::from_slice(&text).map_err(malformed)?)
    }
}

/// Checks that an id is a single path segment: the provider chooses ids, and must not choose any
/// other part of an address.
fn check_segment(id: &str) -> Result<&str, ModelError> {
    let plain =
        !id.is_empty() && id.len() <= 200 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    plain.then_some(id).ok_or(ModelError::new(Code::Error, "the provider's id of a batch or file is invalid"))
}

impl Batch {
    fn of(batch: BatchObject) -> Batch {
        let status = match batch.status.as_str() {
            "validating" | "in_progress" | "finalizing" => BatchStatus::InProgress,
            "cancelling" => BatchStatus::Cancelling,
            // `completed`, `expired`, `failed`, `cancelled`.
            _ => BatchStatus::Ended,
        };
        let files = [batch.output_file_id, batch.error_file_id].into_iter().flatten().collect();
        Batch { id: batch.id, status, files }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_says_whether_more_answers_come() {
        let status = |status: &str| {
            let batch = json!({"id": "b", "status": status, "output_file_id": "o", "error_file_id": null});
            Batch::of(serde_json::from_value(batch).unwrap())
        };
        for (name, want) in [
            ("validating", BatchStatus::InProgress),
            ("in_progress", BatchStatus::InProgress),
            ("finalizing", BatchStatus::InProgress),
            ("cancelling", BatchStatus::Cancelling),
            ("completed", BatchStatus::Ended),
            ("expired", BatchStatus::Ended),
            ("failed", BatchStatus::Ended),
            ("cancelled", BatchStatus::Ended),
        ] {
            assert_eq!((status(name).status, status(name).files), (want, vec!["o".to_owned()]), "{name}");
        }
    }

    #[test]
    fn an_id_is_a_single_path_segment() {
        assert_eq!(check_segment("batch_68A-1"), Ok("batch_68A-1"));
        for bad in ["", "../files", "a/b", "a?b", "a%2fb", "a b", &"x".repeat(201)] {
            assert!(check_segment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_refusal_is_certainly_without_effect() {
        let of = |status| {
            let error = ModelError { status, ..ModelError::new(Code::Unavailable, "x") };
            BatchError::from(error).without_effect
        };
        assert!(of(Some(400)) && of(Some(429)) && of(Some(404)));
        assert!(!of(Some(500)) && !of(Some(408)) && !of(Some(200)) && !of(None));
    }
}
