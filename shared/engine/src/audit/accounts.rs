//! The accounts, one after the other, each by a walk along its ledger. A ledger that is longer than a slice is walked on by
//! the next one.

use domain::AccountId;
use domain::invariants::{AccountWalk, Violation};

use super::cursor::{Look, Stage};
use super::{Check, Stop, still};

/// How often an account is looked at before what every look found is believed. A transaction that comes between the rows
/// and the ledger looks like a fault; it does not again.
const LOOKS: u32 = 3;

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
        let rows = self.audit.store.audit.money(&account).await?;
        let walk = AccountWalk::begin(account.clone(), rows);
        Ok(Look { account, before, looks, walk, after: None })
    }

    /// Goes on with the account that is being looked at. Whether the slice is over before that is done.
    async fn look_on(&mut self) -> Result<bool, Stop> {
        while let Some(look) = &mut self.cursor.look {
            let page = self.audit.store.audit.ledger(&look.account, look.after.as_deref()).await?;
            page.entries.iter().for_each(|entry| look.walk.take(entry));
            look.after = page.next;
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
        let found = walk.end();
        let found = match before {
            None => found,
            Some(before) => still(before, &found),
        };
        if !found.is_empty() && looks + 1 < LOOKS {
            self.pause().await;
            return Ok(Some(self.look_at(account, Some(found), looks + 1).await?));
        }
        self.fresh.extend(found);
        self.cursor.last = Some(account);
        self.cursor.accounts += 1;
        Ok(None)
    }
}
