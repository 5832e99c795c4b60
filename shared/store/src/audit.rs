//! What the check of all rows reads, page by page: accounts and their ledgers, jobs and their entries; and the row that says
//! how far it has come. A scan is no moment in time: on a live system, believe only what a look at the rows themselves
//! finds again.

mod accounts;
mod jobs;
mod progress;
mod snapshot;

pub use accounts::{AccountsPage, LedgerPage};
pub use jobs::JobScan;
pub use progress::Progress;

use domain::invariants::{LedgerEntry, Reserve, Settle};
use domain::{JobId, Month};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::item::{Item, Row, key};

/// A place in a scan: after the row of this key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pk: String,
    sk: String,
}

impl Place {
    fn of(item: &Item) -> Result<Place, StoreError> {
        let row = Row(item);
        Ok(Place { pk: row.s("pk")?.to_owned(), sk: row.s("sk")?.to_owned() })
    }

    fn key(&self) -> Item {
        key(&self.pk, &self.sk)
    }
}

/// An entry of the ledger, if the row is one.
fn ledger_entry(row: &Row<'_>) -> Result<Option<LedgerEntry>, StoreError> {
    let sk = row.s("sk")?;
    Ok(if sk.starts_with("LEDGER#TOPUP#") {
        Some(LedgerEntry::TopUp { amount: row.n("amount")? })
    } else if sk.starts_with("LEDGER#") && sk.ends_with("#RESERVE") {
        Some(LedgerEntry::Reserve(Reserve {
            job: row.parse("job", JobId::parse)?,
            monthly: row.n("monthly")?,
            prepaid: row.n("prepaid")?,
            month: row.parse("month", Month::parse)?,
        }))
    } else if sk.starts_with("LEDGER#") && sk.ends_with("#SETTLE") {
        Some(LedgerEntry::Settle(Settle {
            job: row.parse("job", JobId::parse)?,
            charged: row.n("charged")?,
            refund_monthly: row.n("refund_monthly")?,
            refund_prepaid: row.n("refund_prepaid")?,
            month: row.parse("month", Month::parse)?,
        }))
    } else {
        None
    })
}
