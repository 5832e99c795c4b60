//! A violation is reported only if each recheck of the suspect's own rows finds the same.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::invariants::Violation;
use domain::{AccountId, Endpoint, Plan, Timestamp};
use engine::audit::{Slice, Start};
use runtime::clock::Clock;
use serde_json::Value;
use tokio::runtime::Handle;

use super::{audit, bed_with_rows, slice};
use crate::support::faults::{Call, Faults};
use crate::support::rows;
use crate::support::site::Site;
use crate::support::test_bed::{TestBed, accept, call, drain};

/// What another process writes while the check is under way.
enum Change {
    /// Adds to the used credits of a month.
    Used(i64),
    /// Puts a row.
    Put(Value),
}

/// A clock that writes a change at its first reading after a recheck has read its rows. Rechecks are recognised by their
/// queries.
struct ChangingClock<'a> {
    bed: &'a TestBed,
    seen: &'a Faults,
    is_recheck: fn(&Call) -> bool,
    change: Change,
    done: AtomicBool,
}

impl Clock for ChangingClock<'_> {
    fn now(&self) -> Timestamp {
        if self.seen.calls().iter().any(self.is_recheck) && !self.done.swap(true, Ordering::SeqCst) {
            let db = self.bed.db();
            let change = async {
                match &self.change {
                    Change::Used(more) => rows::add(db, "ACCT#a", "MONTH#2026-11", "used", *more).await,
                    Change::Put(row) => rows::put_all(db, std::slice::from_ref(row)).await,
                }
            };
            tokio::task::block_in_place(|| Handle::current().block_on(change));
        }
        self.bed.clock.now()
    }
}

/// Runs a check during which `change` is written after the first recheck.
async fn check(bed: &TestBed, is_recheck: fn(&Call) -> bool, change: Change) -> BTreeSet<Violation> {
    let seen = Faults::default();
    let store = bed.store(&seen).await;
    let clock = ChangingClock { bed, seen: &seen, is_recheck, change, done: AtomicBool::new(false) };
    let found = audit(&store, &clock).violations().await.unwrap();
    assert!(clock.done.load(Ordering::SeqCst), "nothing was written");
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_the_recheck_does_not_find_is_no_violation() {
    let is_recheck = |call: &Call| call.operation == "Query" && call.tables == ["runo-accounts"];
    // The row is repaired in between, or it differs each time, as on an account that is in use.
    for more in [-7, 3] {
        let bed = TestBed::new().await;
        let store = bed.store(&Faults::default()).await;
        rows::add(bed.db(), "ACCT#a", "MONTH#2026-11", "used", 7).await;
        assert_eq!(audit(&store, &bed.clock).violations().await.unwrap().len(), 1);
        assert_eq!(check(&bed, is_recheck, Change::Used(more)).await, [].into(), "{more:+}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_complete_at_the_recheck_is_no_violation() {
    let (bed, site) = (TestBed::new().await, Site::start().await);
    let engine = bed.engine(&Faults::default()).await;
    let started = accept(&engine, call(Endpoint::Batch, site.urls("/p", 1))).await.unwrap();
    let pk = format!("JOB#{}", started.job.id);
    drain(engine.driver.start(*started, None)).await.unwrap();
    engine.idle().await;
    let lost = rows::get(bed.db(), &pk, "RESULT#000000#001").await.unwrap();
    rows::delete(bed.db(), &pk, "RESULT#000000#001").await;
    assert_eq!(audit(engine.store(), &bed.clock).violations().await.unwrap().len(), 1);
    // Only rechecks query the jobs table: everything else scans it.
    let is_recheck = |call: &Call| call.operation == "Query" && call.tables == ["runo-jobs"];
    assert_eq!(check(&bed, is_recheck, Change::Put(lost)).await, [].into());
}

/// The rows of a large account span several pages of the table; other accounts are on later pages.
#[tokio::test]
async fn every_account_is_checked_once_across_pages() {
    let (bed, _) = bed_with_rows(10_000, 0).await;
    let store = bed.store(&Faults::default()).await;
    rows::add(bed.db(), "ACCT#a", "MONTH#2026-11", "used", 7).await;
    for other in ["0", "1", "2", "x", "y", "z"] {
        let account = AccountId::parse(other).unwrap();
        store.accounts.create_account(&account, Plan::Pro, None, bed.clock.now()).await.unwrap();
        rows::add(bed.db(), &format!("ACCT#{other}"), "PREPAID", "balance", 1).await;
    }
    let mut reported = Vec::new();
    let ran = slice(audit(&store, &bed.clock), Start::Begin, None, &mut reported).await.unwrap();
    assert!(matches!(ran, Slice::Finished(end) if end.violations == 7), "{ran:?}");
    reported.sort();
    let subjects: Vec<&str> = reported.iter().map(|violation| violation.subject.as_str()).collect();
    assert_eq!(subjects, ["a", "0", "1", "2", "x", "y", "z"]);
}
