//! The reads of the check of all rows, page by page: accounts and their ledgers, jobs and their entries; and the row
//! with the check's progress. A scan is not a consistent snapshot: on a live system, a finding counts only if a second
//! read of the rows confirms it.

mod accounts;
mod closing;
mod jobs;
mod progress;
mod snapshot;

pub use accounts::{AccountsPage, LedgerPage, LedgerRow};
pub use jobs::JobScan;
pub use progress::Progress;

use domain::invariants::{LedgerEntry, Reserve, Settle};
use domain::{JobId, Month, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::item::{Item, Row, key};
use crate::keys::{self, EntryKind};

/// A position in a scan: after the row with this key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanPosition {
    pk: String,
    sk: String,
}

impl ScanPosition {
    fn of(item: &Item) -> Result<ScanPosition, StoreError> {
        let row = Row(item);
        Ok(ScanPosition { pk: row.s("pk")?.to_owned(), sk: row.s("sk")?.to_owned() })
    }

    fn key(&self) -> Item {
        key(&self.pk, &self.sk)
    }
}

/// Reads a ledger entry. Returns `None` for any other row.
fn ledger_entry(row: &Row<'_>) -> Result<Option<LedgerEntry>, StoreError> {
    let Some(kind) = keys::entry_of(row.s("sk")?) else { return Ok(None) };
    let at = Timestamp(row.opt_n("at")?.unwrap_or_default());
    Ok(Some(match kind {
        EntryKind::TopUp => LedgerEntry::TopUp { amount: row.n("amount")? },
        EntryKind::Reserve => LedgerEntry::Reserve(Reserve {
            job: row.parse("job", JobId::parse)?,
            monthly: row.n("monthly")?,
            prepaid: row.n("prepaid")?,
            month: row.parse("month", Month::parse)?,
            at,
        }),
        EntryKind::Settle => LedgerEntry::Settle(Settle {
            job: row.parse("job", JobId::parse)?,
            charged: row.n("charged")?,
            refund_monthly: row.n("refund_monthly")?,
            refund_prepaid: row.n("refund_prepaid")?,
            month: row.parse("month", Month::parse)?,
            at,
        }),
    }))
}
