//! Checks the accounts one after the other, each by a walk along its ledger, and closes their finished months. If a
//! slice ends within a ledger, the next one continues the walk.

use domain::AccountId;
use domain::invariants::{AccountWalk, Violation, Walked};

use super::cursor::{Look, Stage};
use super::{Check, Stop, still};

/// How many looks must find the same before it is reported. A transaction between the reads of an account's rows and of
/// its ledger looks like a fault, but only in one look.
const LOOKS: u32 = 3;
/// After how many entries that get an expiry the slice checks its time.
const EXPIRE_AT_ONCE: u32 = 64;

impl Check<'_> {
    /// Checks the accounts. Returns whether the slice is over.
    pub(super) async fn accounts(&mut self) -> Result<bool, Stop> {
        if self.continue_look().await? {
            return Ok(true);
        }
        loop {
            let page = self.audit.store.audit.accounts(self.cursor.place.as_ref()).await?;
            for (account, place) in page.accounts {
                if self.cursor.last.as_ref() != Some(&account) {
                    self.cursor.look = Some(self.look_at(account, None, 0).await?);
                    if self.continue_look().await? {
                        return Ok(true);
                    }
                }
                self.cursor.place = Some(place);
            }
            let Some(next) = page.next else {
                self.enter(Stage::Jobs).await?;
                return Ok(false);
            };
            self.cursor.place = Some(next);
            if self.rest(1).await? {
                return Ok(true);
            }
        }
    }

    /// Begins a look at an account. Reads its rows before the ledger, which then has every entry that they count.
    async fn look_at(&self, account: AccountId, before: Option<Vec<Violation>>, looks: u32) -> Result<Look, Stop> {
        let now = self.audit.clock.now();
        let rows = self.audit.store.audit.money(&account).await?;
        let walk = AccountWalk::begin(&account, rows, now);
        Ok(Look { account, before, looks, walk, after: None })
    }

    /// Continues the look that has begun, if there is one. Returns whether the slice is over.
    async fn continue_look(&mut self) -> Result<bool, Stop> {
        while let Some(look) = &mut self.cursor.look {
            let store = &self.audit.store.audit;
            let page = store.ledger(&look.account, look.after.as_deref()).await?;
            let (mut expired, mut cut) = (0, None);
            for row in page.rows {
                let keep_until = look.walk.take(&row.entry);
                // Only a check that keeps its progress writes; `admin check` reads.
                let Some(keep_until) = keep_until.filter(|_| !row.expires && self.kept.is_some()) else { continue };
                store.expire(&look.account, &row.key, keep_until).await?;
                expired += 1;
                if expired % EXPIRE_AT_ONCE == 0 && self.until.is_some_and(|until| self.audit.clock.now() >= until) {
                    cut = Some(row.key);
                    break;
                }
            }
            look.after = cut.or(page.next);
            if look.after.is_none()
                && let Some(look) = self.cursor.look.take()
            {
                self.cursor.look = self.judge(look).await?;
            }
            if self.rest(1).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ends a look. Returns the account's next look, if it needs one.
    async fn judge(&mut self, look: Look) -> Result<Option<Look>, Stop> {
        let Look { account, before, looks, walk, .. } = look;
        let walked = walk.end();
        let found = match before {
            None => walked.violations.clone(),
            Some(before) => still(before, &walked.violations),
        };
        if !found.is_empty() && looks + 1 < LOOKS {
            self.pause().await;
            return Ok(Some(self.look_at(account, Some(found), looks + 1).await?));
        }
        // The entries of an account at fault are evidence, so none of its months is closed.
        if found.is_empty() && self.kept.is_some() {
            self.close_months(&account, walked).await?;
        }
        self.fresh.extend(found);
        self.cursor.last = Some(account);
        self.cursor.accounts += 1;
        Ok(None)
    }

    /// Closes finished months, and sets when the entries expire of closed months that this walk confirmed.
    async fn close_months(&self, account: &AccountId, walked: Walked) -> Result<(), Stop> {
        let store = &self.audit.store.audit;
        for month in walked.confirmed {
            store.confirm(account, month, self.audit.clock.now()).await?;
        }
        for (month, checkpoint) in walked.closable {
            if store.runs_since_before(account, month.end()).await? {
                continue;
            }
            if store.close(account, month, &checkpoint, self.audit.clock.now()).await? {
                tracing::info!(%account, %month, entries = checkpoint.sums.entries, "closed a month of the ledger");
            }
        }
        Ok(())
    }
}
