//! Reads all rows for [`domain::invariants::check`]. A scan is no moment in time: on a live system, believe only what
//! a second scan finds again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::invariants::{AccountRows, JobRows, LedgerEntry, Snapshot};
use domain::segment::{Segment, UnitState};
use domain::{AccountId, JobId, Month, Seq};

use crate::Admin;
use crate::error::StoreError;
use crate::item::{Item, Row};
use crate::{hooks, keys, meta, segments};

impl Admin {
    /// Scans the accounts and jobs tables.
    ///
    /// # Errors
    /// Faults of the store, malformed rows included.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut accounts: BTreeMap<AccountId, AccountRows> = BTreeMap::new();
        self.scan(&self.tables.accounts, |item| read_account_row(item, &mut accounts)).await?;
        let mut jobs: HashMap<String, Partial> = HashMap::new();
        self.scan(&self.tables.jobs, |item| read_job_row(item, &mut jobs)).await?;
        let jobs = jobs
            .into_values()
            // Rows whose META is gone are on their way out by TTL.
            .filter_map(Partial::finish)
            .collect();
        Ok(Snapshot { accounts, jobs })
    }

    async fn scan(&self, table: &str, mut each: impl FnMut(&Item) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut start = None;
        loop {
            let page = self
                .db()
                .scan()
                .table_name(table)
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|e| StoreError::sdk("Scan", e))?;
            for item in page.items() {
                each(item)?;
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}

#[derive(Default)]
struct Partial {
    job: Option<domain::Job>,
    segments: BTreeMap<u32, Segment>,
    results: BTreeSet<(Seq, u8)>,
    delivery: bool,
}

impl Partial {
    fn finish(mut self) -> Option<JobRows> {
        let job = self.job?;
        if let Some(one) = &job.one {
            self.segments.insert(0, one.segment.clone());
            let unit = one.segment.unit(0);
            if let (UnitState::Ended { attempt, .. }, Some(_)) = (unit, &one.result) {
                self.results.insert((0, attempt));
            }
        }
        Some(JobRows { job, segments: self.segments, results: self.results, delivery: self.delivery })
    }
}

fn read_account_row(item: &Item, accounts: &mut BTreeMap<AccountId, AccountRows>) -> Result<(), StoreError> {
    let row = Row(item);
    let (pk, sk) = (row.s("pk")?, row.s("sk")?);
    let Some(id) = pk.strip_prefix("ACCT#").and_then(AccountId::parse) else { return Ok(()) };
    let rows = accounts.entry(id).or_default();
    if let Some(month) = sk.strip_prefix("MONTH#").and_then(Month::parse) {
        rows.months.insert(month, row.n("used")?);
    } else if sk == "PREPAID" {
        rows.prepaid = Some(row.n("balance")?);
    } else if sk.starts_with("LEDGER#TOPUP#") {
        rows.ledger.push(LedgerEntry::TopUp { amount: row.n("amount")? });
    } else if sk.starts_with("LEDGER#") && sk.ends_with("#RESERVE") {
        rows.ledger.push(LedgerEntry::Reserve {
            job: row.parse("job", JobId::parse)?,
            monthly: row.n("monthly")?,
            prepaid: row.n("prepaid")?,
            month: row.parse("month", Month::parse)?,
        });
    } else if sk.starts_with("LEDGER#") && sk.ends_with("#SETTLE") {
        rows.ledger.push(LedgerEntry::Settle {
            job: row.parse("job", JobId::parse)?,
            charged: row.n("charged")?,
            refund_monthly: row.n("refund_monthly")?,
            refund_prepaid: row.n("refund_prepaid")?,
            month: row.parse("month", Month::parse)?,
        });
    }
    Ok(())
}

fn read_job_row(item: &Item, jobs: &mut HashMap<String, Partial>) -> Result<(), StoreError> {
    let row = Row(item);
    let (pk, sk) = (row.s("pk")?, row.s("sk")?);
    let rows = jobs.entry(pk.to_owned()).or_default();
    if sk == "META" {
        rows.job = Some(meta::from_item(item)?);
    } else if sk.starts_with("SEG#") {
        let segment = segments::from_item(item)?;
        rows.segments.insert(segment.index, segment);
    } else if sk == hooks::DELIVERY {
        rows.delivery = true;
    } else if let Some(result) = keys::result_of(sk) {
        rows.results.insert(result);
    }
    Ok(())
}
