//! What of OpenAI's chat protocol is read. Source: the API reference of OpenAI, "Create chat completion"; other servers
//! leave out what they do not have.

use serde::Deserialize;

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

/// Its text, or why there is none.
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
