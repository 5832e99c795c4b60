//! Checks the jobs, by a scan of their table and their entries in the ledger. Suspects are checked
//! again, by their own rows.

use std::collections::BTreeMap;

use domain::JobId;
use domain::invariants::{Violation, check_job};

use super::cursor::Stage;
use super::{Check, Stop, found_again};

/// Pages after which suspects are checked again; earlier if there are too many.
const PAGES_PER_RECHECK: u32 = 32;
/// Maximum number of suspects between two pauses.
const MAX_SUSPECTS: usize = 32;
/// Number of times that a suspect is checked again after the scan.
const RECHECKS: u32 = 2;

impl Check<'_> {
    /// Checks the jobs. Returns whether the slice is over.
    pub(super) async fn jobs(&mut self) -> Result<bool, Stop> {
        if self.recheck_suspects().await? {
            return Ok(true);
        }
        let mut scan = self.audit.store.audit.jobs(self.cursor.place.as_ref());
        let mut pages = 0;
        while let Some(jobs) = scan.next().await? {
            pages += 1;
            let ids: Vec<_> = jobs.iter().map(|rows| (&rows.job.account, &rows.job.id)).collect();
            let entries = self.audit.store.audit.entries(&ids).await?;
            let now = self.audit.clock.now();
            for (rows, entries) in jobs.iter().zip(&entries) {
                if !check_job(rows, entries, now, self.audit.sweep_secs).is_empty() {
                    self.cursor.suspects.push(rows.job.id.clone());
                }
            }
            self.cursor.jobs += jobs.len() as u64;
            if self.cursor.place == scan.place() {
                // The scan is in the middle of a job, or at its end, so there is no new position to record.
                continue;
            }
            self.cursor.place = scan.place();
            let full = pages >= PAGES_PER_RECHECK || self.cursor.suspects.len() >= MAX_SUSPECTS;
            if (full && self.recheck_suspects().await?) || self.save_if_due(1).await? {
                return Ok(true);
            }
            pages %= PAGES_PER_RECHECK;
        }
        if self.recheck_suspects().await? {
            return Ok(true);
        }
        self.enter(Stage::Done).await?;
        Ok(false)
    }

    /// Checks the suspects again. Returns whether the slice is over before all of them are done.
    async fn recheck_suspects(&mut self) -> Result<bool, Stop> {
        while !self.cursor.suspects.is_empty() {
            let ids: Vec<JobId> = self.cursor.suspects.iter().take(MAX_SUSPECTS).cloned().collect();
            let mut before: BTreeMap<JobId, Vec<Violation>> = BTreeMap::new();
            for round in 0..RECHECKS {
                if round > 0 && !before.is_empty() {
                    self.pause().await;
                }
                for id in &ids {
                    let found = match before.remove(id) {
                        None if round > 0 => continue,
                        None => self.recheck(id).await?,
                        Some(before) => found_again(before, &self.recheck(id).await?),
                    };
                    if !found.is_empty() {
                        before.insert(id.clone(), found);
                    }
                }
            }
            self.unreported.extend(before.into_values().flatten());
            self.cursor.suspects.drain(..ids.len());
            if self.save_if_due(1).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn recheck(&self, id: &JobId) -> Result<Vec<Violation>, Stop> {
        let audit = &self.audit.store.audit;
        let Some(rows) = audit.job(id).await? else { return Ok(Vec::new()) };
        let entries = audit.entries(&[(&rows.job.account, &rows.job.id)]).await?.pop().unwrap_or_default();
        Ok(check_job(&rows, &entries, self.audit.clock.now(), self.audit.sweep_secs))
    }
}
