//! The pages of a runner. Each page is prepared (its host's slot, a permit) and run in tasks of its own, which end with
//! the runner.

use std::collections::HashMap;
use std::sync::Arc;

use domain::machine::{Event, Moment};
use domain::{Seq, Timestamp};
use runtime::assignment::Assignment;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tracing::Instrument;
use visits::unit::{ReadyUnit, TaskOutcome, UnitRunner, Visit};

use super::{Runner, RunnerAccess};

/// The tasks that are running.
#[derive(Default)]
pub(super) struct Tasks {
    ready: HashMap<Seq, ReadyUnit>,
    handles: HashMap<Seq, AbortHandle>,
    seqs: HashMap<Id, Seq>,
}

impl Tasks {
    fn spawn(
        &mut self,
        tasks: &mut JoinSet<TaskOutcome>,
        seq: Seq,
        work: impl Future<Output = TaskOutcome> + Send + 'static,
    ) {
        let handle = tasks.spawn(work.in_current_span());
        self.seqs.insert(handle.id(), seq);
        self.handles.insert(seq, handle);
    }

    /// Gets a slot of its host and a permit for a unit.
    pub(super) fn prepare(
        &mut self,
        tasks: &mut JoinSet<TaskOutcome>,
        units: Arc<UnitRunner>,
        work: Arc<Assignment>,
        seq: Seq,
        suspect: bool,
        until: Option<Timestamp>,
    ) {
        self.spawn(tasks, seq, async move {
            match units.prepare(&work, seq, suspect, until).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(job = %work.id, seq, %error, "a unit could not be prepared; trying again");
                    TaskOutcome::Dropped(seq)
                }
            }
        });
    }

    /// Runs a unit that is ready.
    pub(super) fn run(
        &mut self,
        tasks: &mut JoinSet<TaskOutcome>,
        units: Arc<UnitRunner>,
        work: Arc<Assignment>,
        seq: Seq,
        attempt: u8,
    ) {
        let Some(ready) = self.ready.remove(&seq) else {
            // The unit was aborted while its start was being written, and its permit was dropped.
            return self.spawn(tasks, seq, async move { TaskOutcome::Dropped(seq) });
        };
        self.spawn(tasks, seq, async move { units.run_page(work, seq, attempt, ready).await });
    }

    /// Stops the task of a unit, if one runs.
    pub(super) fn abort(&mut self, seq: Seq) {
        self.ready.remove(&seq);
        if let Some(handle) = self.handles.remove(&seq) {
            self.seqs.remove(&handle.id());
            handle.abort();
        }
    }

    /// Returns the unit of a task that ended, unless the task was aborted.
    fn ended(&mut self, id: Id) -> Option<Seq> {
        let seq = self.seqs.remove(&id)?;
        self.handles.remove(&seq);
        Some(seq)
    }
}

impl<A: RunnerAccess> Runner<A> {
    /// Reports a task's outcome to the machine.
    pub(super) fn report_task(&mut self, joined: std::result::Result<(Id, TaskOutcome), JoinError>) {
        let (id, page) = match joined {
            Ok((id, page)) => (id, Some(page)),
            Err(error) => (error.id(), None),
        };
        let Some(seq) = self.pages.ended(id) else { return };
        let at = self.runners.context.moment();
        let event = match page {
            Some(TaskOutcome::Ready { seq, ready, paced }) => {
                self.pages.ready.insert(seq, ready);
                Event::Ready { seq, paced }
            }
            Some(TaskOutcome::Deferred { seq, until }) => Event::Deferred { seq, until },
            Some(TaskOutcome::Denied(seq)) => Event::Denied(seq),
            Some(TaskOutcome::Dropped(seq)) => Event::Dropped(seq),
            Some(TaskOutcome::Ended(visit, end)) => {
                let (skipped, when) = (visit.skipped, visit.at);
                Event::Ended { seq, attempt: self.keep_result(visit, at), end, at: when, skipped }
            }
            Some(TaskOutcome::Asked(visit)) => {
                let (skipped, when) = (visit.skipped, visit.at);
                Event::Asked { seq, attempt: self.keep_result(visit, at), at: when, skipped }
            }
            None => {
                tracing::error!(job = %self.work.id, seq, "a unit's task panicked");
                Event::Dropped(seq)
            }
        };
        self.machine.handle(event, at);
    }

    /// Keeps a page's result until it is written, and reports the units that it admitted to the machine. Returns the
    /// result's attempt.
    fn keep_result(&mut self, visit: Visit, at: Moment) -> u8 {
        if visit.admitted > 0 {
            self.machine.handle(Event::Admitted(visit.admitted), at);
        }
        let attempt = visit.result.attempt;
        self.results.insert(visit.seq, visit.result);
        attempt
    }
}
