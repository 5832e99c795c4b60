//! The parts of OpenAI's chat protocol that are read. Source: the API reference of OpenAI, "Create chat completion";
//! other servers leave out what they do not support.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A chat completion.
#[derive(Debug, Deserialize)]
pub(crate) struct Completion {
    #[serde(default)]
    pub(crate) choices: Vec<Choice>,
    #[serde(default)]
    pub(crate) usage: Option<Tokens>,
}

/// One answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    pub(crate) message: Message,
    /// `stop`, `length`, `content_filter` and others.
    #[serde(default)]
    pub(crate) finish_reason: Option<String>,
}

/// The answer's text, or why there is none.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    #[serde(default)]
    pub(crate) content: Option<String>,
    #[serde(default)]
    pub(crate) refusal: Option<String>,
}

/// Tokens of a call.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Tokens {
    #[serde(default)]
    pub(crate) prompt_tokens: u64,
    #[serde(default)]
    pub(crate) completion_tokens: u64,
}

/// A file that was uploaded.
#[derive(Debug, Deserialize)]
pub(crate) struct FileObject {
    pub(crate) id: String,
}

/// A batch.
#[derive(Debug, Deserialize)]
pub(crate) struct BatchObject {
    pub(crate) id: String,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) output_file_id: Option<String>,
    #[serde(default)]
    pub(crate) error_file_id: Option<String>,
    /// Unix seconds.
    #[serde(default)]
    pub(crate) created_at: Option<i64>,
    #[serde(default)]
    pub(crate) metadata: Option<BTreeMap<String, String>>,
}

/// A page of a list of batches.
#[derive(Debug, Deserialize)]
pub(crate) struct BatchPage {
    #[serde(default)]
    pub(crate) data: Vec<BatchObject>,
    #[serde(default)]
    pub(crate) has_more: bool,
}

/// A line of a batch's answers. The provider's reason for a missing answer is not read.
#[derive(Debug, Deserialize)]
pub(crate) struct BatchLine {
    pub(crate) custom_id: String,
    #[serde(default)]
    pub(crate) response: Option<LineResponse>,
}

/// The response to a line's call.
#[derive(Debug, Deserialize)]
pub(crate) struct LineResponse {
    #[serde(default)]
    pub(crate) status_code: Option<u16>,
    #[serde(default)]
    pub(crate) body: Value,
}
