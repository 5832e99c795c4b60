//! Responses about jobs and accounts, with the names of the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::wire_enum::wire_enum;

wire_enum! {
    /// The call that created a job.
    Endpoint {
        /// `POST /v1/extract`
        Extract = "/extract",
        /// `POST /v1/batch`
        Batch = "/batch",
        /// `POST /v1/crawl`
        Crawl = "/crawl",
    }
}

wire_enum! {
    /// The state of a job.
    JobStatus {
        /// Pages are being read.
        Running = "running",
        /// Pages that have started finish; the rest never start.
        Cancelling = "cancelling",
        /// The job ended by itself.
        Completed = "completed",
        /// The job was cancelled.
        Cancelled = "cancelled",
        /// The job reached its deadline.
        Expired = "expired",
    }
}

wire_enum! {
    /// An account's plan.
    Plan {
        /// free
        Free = "free",
        /// starter
        Starter = "starter",
        /// pro
        Pro = "pro",
        /// scale
        Scale = "scale",
    }
}

/// A job's state. Lists leave out `result` and `webhook`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobInfo {
    /// The job's id.
    pub job_id: String,
    /// The call that created the job.
    pub endpoint: Endpoint,
    /// The job's state.
    pub status: JobStatus,
    /// Whether the job runs through the queue.
    pub async_mode: bool,
    /// When the job was accepted, in RFC 3339.
    pub started_at: String,
    /// When the job ended; `None` while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Pages by state.
    pub progress: Progress,
    /// Credits reserved, charged and refunded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits: Option<Credits>,
    /// Path of the results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// State of the webhook message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookState>,
}

/// Pages of a job by state. Lists of jobs have only the first three.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// All pages known so far.
    pub total: u64,
    /// Pages that were read.
    pub done: u64,
    /// Pages that could not be read.
    pub failed: u64,
    /// Pages that never started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<u64>,
    /// Pages that have not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<u64>,
}

/// Credits of a job; `charged` and `refunded` are known once it has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credits {
    /// Credits reserved when the job was accepted.
    pub reserved: u64,
    /// Credits charged.
    pub charged: Option<u64>,
    /// Credits refunded.
    pub refunded: Option<u64>,
    /// Credits taken from the monthly quota.
    pub monthly: u64,
    /// Credits taken from the prepaid balance.
    pub prepaid: u64,
}

/// State of a job's webhook message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookState {
    /// `waiting` while the job runs, then `pending`, `delivered`, `failed`, `gone`, `skipped` or `revoked`.
    pub state: String,
    /// Number of tries.
    pub attempts: u64,
    /// HTTP status of the receiver's last response.
    pub last_status: Option<u16>,
}

/// An account's plan and what is left of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Id of the account that owns the key.
    pub account_id: String,
    /// The account's plan.
    pub plan: Plan,
    /// The month of these figures, in UTC, such as `2026-11`.
    pub month: String,
    /// The month's credits.
    pub monthly: Quota,
    /// Prepaid credits.
    pub prepaid: Balance,
    /// The rate limit.
    pub rate: Rate,
    /// What the operator's language model did for the account in the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelUsage>,
}

/// A month's credits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quota {
    /// The plan's quota.
    pub limit: u64,
    /// Credits used.
    pub used: u64,
    /// Credits left.
    pub remaining: u64,
}

/// Credits that do not expire with the month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// Credits left.
    pub balance: u64,
}

/// The rate limit: accepted calls per minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Calls allowed per minute.
    pub limit: u64,
    /// Calls left in this minute.
    pub remaining: u64,
    /// When the minute ends, in Unix seconds.
    pub reset: u64,
}

/// What the operator's language model did for an account in a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelUsage {
    /// Calls of the model.
    pub calls: u64,
    /// Tokens read by the model.
    pub input_tokens: u64,
    /// Tokens written by the model.
    pub output_tokens: u64,
    /// Values that were refused because the page does not contain them.
    pub refused_values: u64,
    /// Failures by code.
    pub failures: BTreeMap<String, u64>,
}
