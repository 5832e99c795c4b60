//! One unit from claim to finish, the same for a driver in a handler and for a worker behind the queue.

use std::sync::Arc;

use domain::progress::Fate;
use domain::unit::Unit;
use domain::{Job, JobState, Nonce, Seq, Timestamp};
use store::StoreError;

use crate::Engine;
use crate::unit::{Ending, Start, fate};
use crate::watch::Watch;

/// What came of it.
#[derive(Debug)]
pub(crate) enum Done {
    /// The unit has ended; the result's JSON text and when that was, if it was made here.
    Ended(Fate, Option<(String, Timestamp)>),
    /// Somebody else is at it.
    Held(Unit),
    /// The job's state forbids to start it, or this process ends.
    Stopped,
}

impl Engine {
    /// Claims, runs and finishes a unit. `me` is the same for every try of one driver or message, so that it knows its
    /// own writes again; `row` is what is known of the unit.
    pub(crate) async fn run_unit(
        &self,
        job: &Arc<Job>,
        watch: &Watch,
        me: &Nonce,
        seq: Seq,
        row: Option<Unit>,
        url: &str,
    ) -> Result<Done, StoreError> {
        let Some(permit) = self.page_permit(row.is_some()).await else { return Ok(Done::Stopped) };
        match watch.state().await? {
            JobState::Running if row.is_some() || watch.job().await.deadline > self.now() => {}
            // What has started is brought to its end: whoever knows of no row has to look.
            JobState::Cancelling | JobState::FailingFast if row.is_some() => {}
            JobState::Cancelling | JobState::FailingFast => {
                let found = self.again(|| self.store().unit(&job.id, seq)).await?.map(|row| row.unit);
                return Ok(match found {
                    None => Done::Stopped,
                    Some(unit) => match fate(&unit) {
                        Some(fate) => Done::Ended(fate, None),
                        None => Done::Held(unit),
                    },
                });
            }
            JobState::Running | JobState::Expiring | JobState::Ended(_) => return Ok(Done::Stopped),
        }
        let mine = match self.start_unit(job, seq, me, row, url).await? {
            Start::Mine(claim) => claim,
            Start::Held(unit) => return Ok(Done::Held(unit)),
            Start::Ended(fate) => {
                if fate == Fate::Closed {
                    watch.doubt().await;
                }
                return Ok(Done::Ended(fate, None));
            }
        };
        let outcome = self.run_page(job, url, permit).await;
        match self.finish_unit(job, &mine, &outcome).await? {
            Some(Ending { fate, text, at }) => Ok(Done::Ended(fate, (fate != Fate::Closed).then_some((text, at)))),
            None => {
                let row = self.again(|| self.store().unit(&job.id, seq)).await?;
                row.map(|r| Done::Held(r.unit)).ok_or_else(|| StoreError::Malformed("a started unit vanished".into()))
            }
        }
    }
}
