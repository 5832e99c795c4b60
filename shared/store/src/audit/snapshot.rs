//! All rows at once, for tables that fit into memory, as in tests.

use domain::invariants::{AccountRows, Snapshot};

use crate::Audit;
use crate::error::StoreError;

impl Audit {
    /// Returns all rows for [`domain::invariants::check`].
    ///
    /// # Errors
    /// Store errors, malformed rows included.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let (mut snapshot, mut place) = (Snapshot::default(), None);
        loop {
            let page = self.accounts(place.as_ref()).await?;
            for (id, _) in page.accounts {
                if snapshot.accounts.contains_key(&id) {
                    continue;
                }
                let mut rows = AccountRows { money: self.money(&id).await?, ledger: Vec::new() };
                let mut after = None;
                loop {
                    let page = self.ledger(&id, after.as_deref()).await?;
                    rows.ledger.extend(page.rows.into_iter().map(|row| row.entry));
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                snapshot.accounts.insert(id, rows);
            }
            place = page.next;
            if place.is_none() {
                break;
            }
        }
        let mut scan = self.jobs(None);
        while let Some(jobs) = scan.next().await? {
            snapshot.jobs.extend(jobs);
        }
        Ok(snapshot)
    }
}
