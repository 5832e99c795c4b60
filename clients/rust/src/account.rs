//! What is answered of jobs and accounts, under the names of the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::values::values;

values! {
    /// What made a job.
    Endpoint {
        /// `POST /v1/extract`
        Extract = "/extract",
        /// `POST /v1/batch`
        Batch = "/batch",
        /// `POST /v1/crawl`
        Crawl = "/crawl",
    }
}

values! {
    /// Where a job is in its life.
    JobStatus {
        /// Pages are read.
        Running = "running",
        /// What has started finishes; the rest never starts.
        Cancelling = "cancelling",
        /// It ended by itself.
        Completed = "completed",
        /// It was cancelled.
        Cancelled = "cancelled",
        /// It met its deadline.
        Expired = "expired",
    }
}

values! {
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

/// A job's state. In lists, `ended_at`, `credits`, `result` and `webhook` are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobInfo {
    /// Its name.
    pub job_id: String,
    /// What made it.
    pub endpoint: Endpoint,
    /// Where it is in its life.
    pub status: JobStatus,
    /// Whether it took the queue.
    pub async_mode: bool,
    /// When it was accepted.
    pub started_at: String,
    /// When it ended, if it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// How far it is.
    pub progress: Progress,
    /// What it costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits: Option<Credits>,
    /// Where its results are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// What became of its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookState>,
}

/// How far a job is. Lists of jobs tell the first three only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Pages in all, as far as they are known.
    pub total: u64,
    /// Pages that were read.
    pub done: u64,
    /// Pages that could not be read.
    pub failed: u64,
    /// Pages that never started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<u64>,
    /// Pages that are still to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<u64>,
}

/// What a job costs; `charged` and `refunded` are known once it has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credits {
    /// Taken at the start.
    pub reserved: u64,
    /// What it cost.
    pub charged: Option<u64>,
    /// What came back.
    pub refunded: Option<u64>,
    /// Taken from the month's.
    pub monthly: u64,
    /// Taken from the prepaid balance.
    pub prepaid: u64,
}

/// What became of a job's message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookState {
    /// Whether it is pending, was delivered, or failed.
    pub state: String,
    /// How often it was sent.
    pub attempts: u64,
    /// The status of the last answer.
    pub last_status: Option<u16>,
}

/// An account's plan and what is left of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// The account that owns the key.
    pub account_id: String,
    /// Its plan.
    pub plan: Plan,
    /// The month that is told of, in UTC, as `2026-11`.
    pub month: String,
    /// The month's credits.
    pub monthly: Quota,
    /// Credits beside it.
    pub prepaid: Balance,
    /// Calls a minute.
    pub rate: Rate,
    /// What the operator's language model did for the account in the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelUsage>,
}

/// A month's credits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quota {
    /// In all.
    pub limit: u64,
    /// Taken.
    pub used: u64,
    /// Left.
    pub remaining: u64,
}

/// Credits that do not end with the month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// Left.
    pub balance: u64,
}

/// Calls a minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// In all.
    pub limit: u64,
    /// Left.
    pub remaining: u64,
    /// When the minute is over, in Unix seconds.
    pub reset: u64,
}

/// What the operator's language model did for an account in a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelUsage {
    /// Calls.
    pub calls: u64,
    /// Tokens that it read.
    pub input_tokens: u64,
    /// Tokens that it wrote.
    pub output_tokens: u64,
    /// Values that the page did not bear out.
    pub refused_values: u64,
    /// Failures by code.
    pub failures: BTreeMap<String, u64>,
}
