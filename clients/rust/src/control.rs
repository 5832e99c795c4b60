//! The calls that a job makes about itself, and the client for any job.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::account::{JobInfo, JobStatus};
use crate::call::{self, Call};
use crate::error::{Error, ErrorKind, Result};
use crate::send::{Deadline, Sender};

/// Sends a call without a deadline and decodes its JSON response.
///
/// # Errors
/// The call failed, or the response has another shape.
pub(crate) async fn json<T: DeserializeOwned>(sender: &Sender, call: &Call) -> Result<T> {
    let response = sender.read(call, &Deadline::default()).await?;
    serde_json::from_slice(&response.body)
        .map_err(|e| Error::protocol(format!("the response cannot be decoded: {e}"), response.job_id.as_deref()))
}

/// Returns a job's state and progress.
pub(crate) async fn job(sender: &Sender, id: &str) -> Result<JobInfo> {
    json(sender, &call::job(id)?).await
}

/// Cancels a job. Returns `false` if it had already ended by itself.
pub(crate) async fn cancel(sender: &Sender, id: &str) -> Result<bool> {
    match json::<Value>(sender, &call::cancel(id)?).await {
        Ok(_) => Ok(true),
        // The job has ended, perhaps by an earlier attempt of this call whose response was lost.
        Err(error) if error.kind == ErrorKind::JobNotFound => Ok(job(sender, id).await?.status == JobStatus::Cancelled),
        Err(error) => Err(error),
    }
}
