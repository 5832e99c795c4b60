//! The accounts, one after the other, each by a walk along its ledger; and the closing of their finished months. A ledger
//! that is longer than a slice is walked on by the next one.

use domain::AccountId;
use domain::invariants::{AccountWalk, Violation, Walked};

use super::cursor::{Look, Stage};
use super::{Check, Stop, still};

/// How often an account is looked at before what every look found is believed. A transaction that comes between the rows
/// and the ledger looks like a fault; it does not again.
const LOOKS: u32 = 3;
/// How many entries get their expiry before the slice looks at its time.
const EXPIRE_AT_ONCE: u32 = 64;

impl Check<'_> {
    /// Whether the slice is over.
    pub(super) async fn accounts(&mut self) -> Result<bool, Stop> {
        if self.look_on().await? {
            return Ok(true);
        }
        loop {
            let page = self.audit.store.audit.accounts(self.cursor.place.as_ref()).await?;
            for (account, place) in page.accounts {
                if self.cursor.last.as_ref() != Some(&account) {
                    self.cursor.look = Some(self.look_at(account, None, 0).await?);
                    if self.look_on().await? {
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

    /// The rows are read before the ledger, so that what the rows tell of is in it.
    async fn look_at(&self, account: AccountId, before: Option<Vec<Violation>>, looks: u32) -> Result<Look, Stop> {
        let now = self.audit.clock.now();
        let rows = self.audit.store.audit.money(&account).await?;
        let walk = AccountWalk::begin(&account, rows, now);
        Ok(Look { account, before, looks, walk, after: None })
    }

    /// Goes on with the account that is being looked at. Whether the slice is over before that is done.
    async fn look_on(&mut self) -> Result<bool, Stop> {
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

    /// The end of a look: the next one, where there has to be one.
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
        // Of an account at fault every entry is evidence.
        if found.is_empty() && self.kept.is_some() {
            self.close_months(&account, walked).await?;
        }
        self.fresh.extend(found);
        self.cursor.last = Some(account);
        self.cursor.accounts += 1;
        Ok(None)
    }

    /// Closes finished months, and sets the expiry of those that another walk confirmed.
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
