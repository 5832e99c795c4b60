//! Checks the jobs, by a scan of their table and their entries in the ledger. Suspects are looked at
//! again, by their own rows.

use std::collections::BTreeMap;

use domain::JobId;
use domain::invariants::{Violation, check_job};

use super::cursor::Stage;
use super::{Check, Stop, still};

/// Pages after which suspects are looked at; earlier if there are too many.
const PAGES_A_LEG: u32 = 32;
/// Most suspects between two pauses.
const SUSPECTS: usize = 32;
/// How often a suspect is looked at after the scan.
const LOOKS: u32 = 2;

impl Check<'_> {
    /// Checks the jobs. Returns whether the slice is over.
    pub(super) async fn jobs(&mut self) -> Result<bool, Stop> {
        if self.suspects().await? {
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
                // In the middle of a job, or at the end: there is no position to record.
                continue;
            }
            self.cursor.place = scan.place();
            let full = pages >= PAGES_A_LEG || self.cursor.suspects.len() >= SUSPECTS;
            if (full && self.suspects().await?) || self.rest(1).await? {
                return Ok(true);
            }
            pages %= PAGES_A_LEG;
        }
        if self.suspects().await? {
            return Ok(true);
        }
        self.enter(Stage::Done).await?;
        Ok(false)
    }

    /// Looks at the suspects again. Returns whether the slice is over before all of them are done.
    async fn suspects(&mut self) -> Result<bool, Stop> {
        while !self.cursor.suspects.is_empty() {
            let some: Vec<JobId> = self.cursor.suspects.iter().take(SUSPECTS).cloned().collect();
            let mut before: BTreeMap<JobId, Vec<Violation>> = BTreeMap::new();
            for look in 0..LOOKS {
                if look > 0 && !before.is_empty() {
                    self.pause().await;
                }
                for id in &some {
                    let found = match before.remove(id) {
                        None if look > 0 => continue,
                        None => self.look_at_job(id).await?,
                        Some(before) => still(before, &self.look_at_job(id).await?),
                    };
                    if !found.is_empty() {
                        before.insert(id.clone(), found);
                    }
                }
            }
            self.fresh.extend(before.into_values().flatten());
            self.cursor.suspects.drain(..some.len());
            if self.rest(1).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn look_at_job(&self, id: &JobId) -> Result<Vec<Violation>, Stop> {
        let audit = &self.audit.store.audit;
        let Some(rows) = audit.job(id).await? else { return Ok(Vec::new()) };
        let entries = audit.entries(&[(&rows.job.account, &rows.job.id)]).await?.pop().unwrap_or_default();
        Ok(check_job(&rows, &entries, self.audit.clock.now(), self.audit.sweep_secs))
    }
}
