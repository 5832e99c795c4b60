//! Checks the accounts one after the other, each by a walk along its ledger, and closes their finished months. If a
//! slice ends within a ledger, the next one continues the walk.

use domain::AccountId;
use domain::invariants::{AccountWalk, Violation, Walked};

use super::cursor::{AccountPass, Stage};
use super::{Check, Stop, found_again};

/// Number of passes that must find a violation before it is reported. A transaction between the read of an account's
/// rows and the read of its ledger looks like a fault, but only in one pass.
const PASSES: u32 = 3;
/// Entries that get an expiry between two checks of the slice's time.
const EXPIRIES_PER_TIME_CHECK: u32 = 64;

impl Check<'_> {
    /// Checks the accounts. Returns whether the slice is over.
    pub(super) async fn accounts(&mut self) -> Result<bool, Stop> {
        if self.continue_pass().await? {
            return Ok(true);
        }
        loop {
            let page = self.audit.store.audit.accounts(self.cursor.place.as_ref()).await?;
            for (account, place) in page.accounts {
                if self.cursor.last_account.as_ref() != Some(&account) {
                    self.cursor.pass = Some(self.begin_pass(account, None, 0).await?);
                    if self.continue_pass().await? {
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
            if self.save_if_due(1).await? {
                return Ok(true);
            }
        }
    }

    /// Begins a pass over an account. Reads its rows before the ledger, which then has every entry that they count.
    async fn begin_pass(
        &self,
        account: AccountId,
        before: Option<Vec<Violation>>,
        earlier: u32,
    ) -> Result<AccountPass, Stop> {
        let now = self.audit.clock.now();
        let rows = self.audit.store.audit.money(&account).await?;
        let walk = AccountWalk::begin(&account, rows, now);
        Ok(AccountPass { account, before, earlier, walk, after: None })
    }

    /// Continues the pass that has begun, if there is one. Returns whether the slice is over.
    async fn continue_pass(&mut self) -> Result<bool, Stop> {
        while let Some(pass) = &mut self.cursor.pass {
            let store = &self.audit.store.audit;
            let page = store.ledger(&pass.account, pass.after.as_deref()).await?;
            let (mut expired, mut cut) = (0, None);
            for row in page.rows {
                let keep_until = pass.walk.take(&row.entry);
                // Only a check that keeps its progress writes; `admin check` reads.
                let Some(keep_until) = keep_until.filter(|_| !row.expires && self.cursor_row.is_some()) else {
                    continue;
                };
                store.expire_entry(&pass.account, &row.key, keep_until).await?;
                expired += 1;
                let check_time = expired % EXPIRIES_PER_TIME_CHECK == 0;
                if check_time && self.until.is_some_and(|until| self.audit.clock.now() >= until) {
                    cut = Some(row.key);
                    break;
                }
            }
            pass.after = cut.or(page.next);
            if pass.after.is_none()
                && let Some(pass) = self.cursor.pass.take()
            {
                self.cursor.pass = self.end_pass(pass).await?;
            }
            if self.save_if_due(1).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ends a pass. Returns the account's next pass, if it needs one.
    async fn end_pass(&mut self, pass: AccountPass) -> Result<Option<AccountPass>, Stop> {
        let AccountPass { account, before, earlier, walk, .. } = pass;
        let walked = walk.end();
        let found = match before {
            None => walked.violations.clone(),
            Some(before) => found_again(before, &walked.violations),
        };
        if !found.is_empty() && earlier + 1 < PASSES {
            self.pause().await;
            return Ok(Some(self.begin_pass(account, Some(found), earlier + 1).await?));
        }
        // The entries of an account at fault are evidence, so none of its months is closed.
        if found.is_empty() && self.cursor_row.is_some() {
            self.close_months(&account, walked).await?;
        }
        self.unreported.extend(found);
        self.cursor.last_account = Some(account);
        self.cursor.accounts += 1;
        Ok(None)
    }

    /// Closes finished months, and sets when the entries expire of closed months that this walk confirmed.
    async fn close_months(&self, account: &AccountId, walked: Walked) -> Result<(), Stop> {
        let store = &self.audit.store.audit;
        for month in walked.confirmed {
            store.confirm_month(account, month, self.audit.clock.now()).await?;
        }
        for (month, checkpoint) in walked.closable {
            if store.has_running_job_before(account, month.end()).await? {
                continue;
            }
            if store.close_month(account, month, &checkpoint, self.audit.clock.now()).await? {
                tracing::info!(%account, %month, entries = checkpoint.sums.entries, "closed a month of the ledger");
            }
        }
        Ok(())
    }
}
