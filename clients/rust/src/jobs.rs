//! Lists the account's jobs.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Deserialize;

use crate::account::JobInfo;
use crate::call;
use crate::control;
use crate::error::Result;
use crate::send::Sender;

/// Which jobs to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum JobState {
    /// Running jobs.
    #[default]
    Running,
    /// Ended jobs whose results are still kept.
    Finished,
    /// Both.
    All,
}

impl JobState {
    /// Returns the value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Running => "running",
            JobState::Finished => "finished",
            JobState::All => "all",
        }
    }
}

#[derive(Deserialize)]
struct JobsPage {
    jobs: VecDeque<JobInfo>,
    next_cursor: Option<String>,
}

/// The account's jobs, newest first; fetches further pages of the list on demand.
#[derive(Debug)]
pub struct Jobs {
    sender: Arc<Sender>,
    state: JobState,
    page_size: u32,
    cursor: Option<String>,
    at_end: bool,
    page: VecDeque<JobInfo>,
}

impl Jobs {
    pub(crate) fn new(sender: Arc<Sender>, state: JobState) -> Jobs {
        Jobs { sender, state, page_size: 100, cursor: None, at_end: false, page: VecDeque::new() }
    }

    /// Sets the number of jobs per request, 1 to 100.
    pub fn page_size(mut self, page_size: u32) -> Jobs {
        self.page_size = page_size;
        self
    }

    /// Returns the next job, or `None` at the end.
    pub async fn next(&mut self) -> Option<Result<JobInfo>> {
        while self.page.is_empty() {
            if self.at_end {
                return None;
            }
            let call = call::jobs(self.state.as_str(), self.page_size, self.cursor.as_deref());
            match control::json::<JobsPage>(&self.sender, &call).await {
                Ok(response) => {
                    self.page = response.jobs;
                    self.at_end = response.next_cursor.is_none();
                    self.cursor = response.next_cursor;
                }
                Err(error) => {
                    self.at_end = true;
                    return Some(Err(error));
                }
            }
        }
        self.page.pop_front().map(Ok)
    }
}
