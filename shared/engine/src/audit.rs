//! Checks the invariants over all rows, in slices. A slice reads page by page until its time is up, and writes where
//! the next one continues. Each account and each job is checked by its own rows, so a slice needs memory for one of
//! them only. Other processes write in the meantime: a finding is confirmed only if further checks of the suspect's
//! own rows find the same.

mod accounts;
mod cursor;
mod jobs;

use std::collections::BTreeSet;
use std::time::Duration;

use domain::Timestamp;
use domain::invariants::Violation;
use store::audit::Progress;
use store::{Store, StoreError};

use cursor::{Cursor, Stage};
use runtime::clock::Clock;

/// How long past its deadline a job may be found running, unless sweeps are further apart.
const MAX_OVERDUE_SECS: u64 = 120;
/// Time between two checks of a suspect.
const PAUSE: Duration = Duration::from_secs(1);
/// Pages after which the cursor is written.
const PAGES_PER_SAVE: u32 = 50;
/// Time that a slice keeps in reserve, in milliseconds: for a page, and for repeated checks of some suspects.
const MARGIN_MS: i64 = 60_000;
/// Lease of a slice without a time limit, from its start.
const LEASE_SECS: u64 = 900;

/// How a slice starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Run a whole check; continue one that is in progress.
    Begin,
    /// Continue the check that is in progress, if there is one.
    Continue,
}

/// Result of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    /// No check is in progress, or another process runs it.
    Idle,
    /// The slice's time is up; all slices so far have found this many violations.
    Unfinished(u64),
    /// The check has read every row. The caller reports that and then calls [`Audit::reported`]; until then, the next
    /// slice returns the same.
    Finished(Finished),
}

/// The end of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// How many violations all slices found.
    pub violations: u64,
    version: u64,
}

/// Checks the invariants.
#[derive(Clone, Copy)]
pub struct Audit<'a> {
    store: &'a Store,
    clock: &'a dyn Clock,
    sweep_secs: u64,
    pause: Duration,
}

impl<'a> Audit<'a> {
    /// `sweep_secs` is how far past its deadline a job may be found running.
    pub fn new(store: &'a Store, clock: &'a dyn Clock, sweep_secs: u64) -> Audit<'a> {
        Audit { store, clock, sweep_secs: sweep_secs.max(MAX_OVERDUE_SECS), pause: PAUSE }
    }

    /// Sets the time between two checks of a suspect, for tests.
    #[must_use]
    pub fn with_pause(self, pause: Duration) -> Audit<'a> {
        Audit { pause, ..self }
    }

    /// Runs a whole check at once. Writes nothing.
    ///
    /// # Errors
    /// The rows could not be read.
    pub async fn violations(&self) -> Result<BTreeSet<Violation>, StoreError> {
        let mut found = BTreeSet::new();
        let mut report = |violation: &Violation| found.extend([violation.clone()]);
        let mut check = Check::of(*self, Cursor::begin(self.clock.now()), None, None, &mut report);
        match check.run().await {
            Ok(_) | Err(Stop::Overtaken) => Ok(found),
            Err(Stop::Store(error)) => Err(error),
        }
    }

    /// Runs a slice of a check, which ends well before `until`. Passes each violation to `report` once it is confirmed.
    /// If the slice dies before it wrote its cursor, the next one passes the violation again but counts it once.
    ///
    /// # Errors
    /// The rows could not be read, or the cursor could not be written: a later slice continues
    /// where this one last wrote it.
    pub async fn slice(
        &self,
        start: Start,
        until: Option<Timestamp>,
        report: &mut (dyn FnMut(&Violation) + Send + Sync),
    ) -> Result<Slice, StoreError> {
        let now = self.clock.now();
        let row = self.store.audit.progress().await?;
        let version = row.as_ref().map_or(0, |row| row.version);
        let cursor = match row {
            Some(row) if row.open && row.lease_until > now => return Ok(Slice::Idle),
            // Another version of this program may have written an unreadable cursor: then the check
            // starts from the beginning.
            Some(row) if row.open => Cursor::read(&row.state).unwrap_or_else(|| Cursor::begin(now)),
            Some(_) | None if start == Start::Continue => return Ok(Slice::Idle),
            Some(_) | None => Cursor::begin(now),
        };
        let lease_until = until.unwrap_or_else(|| now.plus_secs(LEASE_SECS));
        let until = until.map(|at| at.plus_ms(-MARGIN_MS));
        let mut check = Check::of(*self, cursor, Some(CursorRow { version, lease_until }), until, report);
        let ran = async {
            check.save().await?;
            check.run().await
        };
        match ran.await {
            Ok(true) => {
                let version = check.cursor_row.map_or(0, |cursor_row| cursor_row.version);
                Ok(Slice::Finished(Finished { violations: check.cursor.violations, version }))
            }
            Ok(false) => Ok(Slice::Unfinished(check.cursor.violations)),
            Err(Stop::Overtaken) => Ok(Slice::Idle),
            Err(Stop::Store(error)) => Err(error),
        }
    }

    /// Records that the end of a check was reported: the next slice starts another check.
    ///
    /// # Errors
    /// Store errors.
    pub async fn reported(&self, end: Finished) -> Result<(), StoreError> {
        let (version, lease_until) = (end.version + 1, self.clock.now());
        let row = Progress { version, lease_until, open: false, state: String::from("{}") };
        // If this is refused, another process has reported it.
        self.store.audit.save_progress(&row).await.map(drop)
    }
}

/// Why a slice ends early.
enum Stop {
    /// Another slice continues the check.
    Overtaken,
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Stop {
        Stop::Store(error)
    }
}

/// The cursor's row, as this slice last wrote it.
struct CursorRow {
    version: u64,
    lease_until: Timestamp,
}

/// A slice while it runs.
struct Check<'a> {
    audit: Audit<'a>,
    cursor: Cursor,
    cursor_row: Option<CursorRow>,
    until: Option<Timestamp>,
    report: &'a mut (dyn FnMut(&Violation) + Send + Sync),
    /// Violations that were confirmed since the cursor was written; the next write reports them.
    unreported: Vec<Violation>,
    /// Pages read since then.
    pages: u32,
}

impl<'a> Check<'a> {
    fn of(
        audit: Audit<'a>,
        cursor: Cursor,
        cursor_row: Option<CursorRow>,
        until: Option<Timestamp>,
        report: &'a mut (dyn FnMut(&Violation) + Send + Sync),
    ) -> Check<'a> {
        Check { audit, cursor, cursor_row, until, report, unreported: Vec::new(), pages: 0 }
    }

    /// Continues until every row has been read (`true`) or the time is up.
    async fn run(&mut self) -> Result<bool, Stop> {
        loop {
            let over = match self.cursor.stage {
                Stage::Accounts => self.accounts().await?,
                Stage::Jobs => self.jobs().await?,
                Stage::Done => return Ok(true),
            };
            if over {
                return Ok(false);
            }
        }
    }

    /// Enters the next stage.
    async fn enter(&mut self, stage: Stage) -> Result<(), Stop> {
        self.cursor.enter(stage);
        self.save().await
    }

    /// Counts `pages` more pages, and writes the cursor if that is due. Returns whether the slice is over; if so, the
    /// cursor has been written.
    async fn save_if_due(&mut self, pages: u32) -> Result<bool, Stop> {
        let now = self.audit.clock.now();
        let over = self.until.is_some_and(|until| now >= until);
        self.pages += pages;
        if over && let Some(cursor_row) = &mut self.cursor_row {
            cursor_row.lease_until = now;
        }
        if over || self.pages >= PAGES_PER_SAVE {
            self.save().await?;
        }
        Ok(over)
    }

    /// Reports new violations, and writes the cursor.
    async fn save(&mut self) -> Result<(), Stop> {
        self.pages = 0;
        for violation in self.unreported.drain(..) {
            (self.report)(&violation);
            self.cursor.violations += 1;
        }
        let Some(cursor_row) = &mut self.cursor_row else { return Ok(()) };
        cursor_row.version += 1;
        let (version, lease_until) = (cursor_row.version, cursor_row.lease_until);
        let row = Progress { version, lease_until, open: true, state: self.cursor.text()? };
        if self.audit.store.audit.save_progress(&row).await? { Ok(()) } else { Err(Stop::Overtaken) }
    }

    /// Waits between two checks of a suspect.
    async fn pause(&self) {
        tokio::time::sleep(self.audit.pause).await;
    }
}

/// Returns the violations of `before` that were found again.
fn found_again(before: Vec<Violation>, found: &[Violation]) -> Vec<Violation> {
    before.into_iter().filter(|violation| found.contains(violation)).collect()
}
