//! Whether everything holds that must, over all rows, in slices. A slice reads page by page until its time is up, and
//! writes where the next one goes on; each account and each job is judged by its own rows, so that a slice needs the memory
//! of one. Others write meanwhile: a finding is believed only where further looks, at the suspect's own rows, find the same.

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

/// A job may be found running this long past its deadline, if sweeps come no more seldom.
pub(crate) const AUDIT_SECS: u64 = 120;
/// Between two looks at a suspect.
const PAUSE: Duration = Duration::from_secs(1);
/// After so many pages where the check is going to is written down.
const PAGES_A_SAVE: u32 = 50;
/// What a slice keeps back of its time: a page, and looks at some suspects.
const MARGIN_MS: i64 = 60_000;
/// How long a slice that nobody ends is taken to be at work since its last word.
const LEASE_SECS: u64 = 900;

/// What a slice is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A whole check; one that is under way is gone on with.
    Begin,
    /// To go on with the check that is under way, if there is one.
    GoOn,
}

/// What a slice came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    /// No check is under way, or another process is at it.
    Idle,
    /// Its time is up; so many violations were found so far, by all slices.
    HandedOn(u64),
    /// The check has seen every row. Whoever reports that says so by [`Audit::reported`]; until then the next slice is told the same.
    Finished(Finished),
}

/// The end of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// How many violations all its slices found.
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
        Audit { store, clock, sweep_secs: sweep_secs.max(AUDIT_SECS), pause: PAUSE }
    }

    /// Another time between two looks at a suspect, for tests.
    #[must_use]
    pub fn pausing(self, pause: Duration) -> Audit<'a> {
        Audit { pause, ..self }
    }

    /// A whole check at once; writes nothing.
    ///
    /// # Errors
    /// The rows could not be read.
    pub async fn violations(&self) -> Result<BTreeSet<Violation>, StoreError> {
        let mut found = BTreeSet::new();
        let mut tell = |violation: &Violation| found.extend([violation.clone()]);
        let mut check = Check::of(*self, Cursor::begin(self.clock.now()), None, None, &mut tell);
        match check.run().await {
            Ok(_) | Err(Stop::Overtaken) => Ok(found),
            Err(Stop::Store(error)) => Err(error),
        }
    }

    /// A slice of a check, over well before `until`. Each violation is told when it is believed; if the slice dies before it
    /// wrote how far it came, the next one tells it again, and counts it once.
    ///
    /// # Errors
    /// The rows could not be read, or where to go on not be written: a later slice goes on where this one last wrote.
    pub async fn slice(
        &self,
        wish: Wish,
        until: Option<Timestamp>,
        tell: &mut (dyn FnMut(&Violation) + Send + Sync),
    ) -> Result<Slice, StoreError> {
        let now = self.clock.now();
        let row = self.store.audit.progress().await?;
        let version = row.as_ref().map_or(0, |row| row.version);
        let cursor = match row {
            Some(row) if row.open && row.lease_until > now => return Ok(Slice::Idle),
            // What another version of this program wrote may not be legible: then from the beginning.
            Some(row) if row.open => Cursor::read(&row.state).unwrap_or_else(|| Cursor::begin(now)),
            Some(_) | None if wish == Wish::GoOn => return Ok(Slice::Idle),
            Some(_) | None => Cursor::begin(now),
        };
        let lease_until = until.unwrap_or_else(|| now.plus_secs(LEASE_SECS));
        let until = until.map(|at| at.plus_ms(-MARGIN_MS));
        let mut check = Check::of(*self, cursor, Some(Kept { version, lease_until }), until, tell);
        let ran = async {
            check.save().await?;
            check.run().await
        };
        match ran.await {
            Ok(true) => {
                let version = check.kept.map_or(0, |kept| kept.version);
                Ok(Slice::Finished(Finished { violations: check.cursor.violations, version }))
            }
            Ok(false) => Ok(Slice::HandedOn(check.cursor.violations)),
            Err(Stop::Overtaken) => Ok(Slice::Idle),
            Err(Stop::Store(error)) => Err(error),
        }
    }

    /// The end of a check was reported: the next slice begins another.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn reported(&self, end: Finished) -> Result<(), StoreError> {
        let (version, lease_until) = (end.version + 1, self.clock.now());
        let row = Progress { version, lease_until, open: false, state: String::from("{}") };
        // Refused, somebody else reported it.
        self.store.audit.save_progress(&row).await.map(drop)
    }
}

/// Why a slice ends before its time.
enum Stop {
    /// Another one goes on with the check.
    Overtaken,
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Stop {
        Stop::Store(error)
    }
}

/// How far a check has come is kept in a row.
struct Kept {
    version: u64,
    lease_until: Timestamp,
}

/// A slice at work.
struct Check<'a> {
    audit: Audit<'a>,
    cursor: Cursor,
    kept: Option<Kept>,
    until: Option<Timestamp>,
    tell: &'a mut (dyn FnMut(&Violation) + Send + Sync),
    /// Believed since the cursor was written.
    fresh: Vec<Violation>,
    /// Pages since then.
    pages: u32,
}

impl<'a> Check<'a> {
    fn of(
        audit: Audit<'a>,
        cursor: Cursor,
        kept: Option<Kept>,
        until: Option<Timestamp>,
        tell: &'a mut (dyn FnMut(&Violation) + Send + Sync),
    ) -> Check<'a> {
        Check { audit, cursor, kept, until, tell, fresh: Vec::new(), pages: 0 }
    }

    /// Goes on until everything was seen (`true`) or the time is up.
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

    /// Goes to the next stage.
    async fn enter(&mut self, stage: Stage) -> Result<(), Stop> {
        self.cursor.enter(stage);
        self.save().await
    }

    /// A place to put the check down, `pages` after the one before. Whether the slice is over; then it is put down.
    async fn rest(&mut self, pages: u32) -> Result<bool, Stop> {
        let now = self.audit.clock.now();
        let over = self.until.is_some_and(|until| now >= until);
        self.pages += pages;
        if over && let Some(kept) = &mut self.kept {
            kept.lease_until = now;
        }
        if over || self.pages >= PAGES_A_SAVE {
            self.save().await?;
        }
        Ok(over)
    }

    /// Tells what is new, and writes where to go on.
    async fn save(&mut self) -> Result<(), Stop> {
        self.pages = 0;
        for violation in self.fresh.drain(..) {
            (self.tell)(&violation);
            self.cursor.violations += 1;
        }
        let Some(kept) = &mut self.kept else { return Ok(()) };
        kept.version += 1;
        let (version, lease_until) = (kept.version, kept.lease_until);
        let row = Progress { version, lease_until, open: true, state: self.cursor.text()? };
        if self.audit.store.audit.save_progress(&row).await? { Ok(()) } else { Err(Stop::Overtaken) }
    }

    /// Between two looks.
    async fn pause(&self) {
        tokio::time::sleep(self.audit.pause).await;
    }
}

/// What was found before and is found again.
fn still(before: Vec<Violation>, found: &[Violation]) -> Vec<Violation> {
    before.into_iter().filter(|violation| found.contains(violation)).collect()
}
