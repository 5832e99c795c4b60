//! The writes of closing, one by one: each on its condition, once, and within a slice's time.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::invariants::{AccountWalk, Checkpoint};
use domain::{Month, Timestamp};
use engine::audit::{Slice, Start};
use runtime::clock::Clock;
use serde_json::json;
use store::Store;

use super::closing::{bed_with_past_month, close, expiring, next_day};
use super::{MARGIN, TickingClock, audit, bed_with_rows, slice};
use crate::support::faults::Faults;
use crate::support::rows;
use crate::support::test_bed::{TestBed, account};

const DAY: i64 = 86_400;

/// Closes October with the sums of a walk.
async fn close_october(bed: &TestBed, store: &Store, walked: &Checkpoint) -> bool {
    store.audit.close_month(&account(), october(), walked, bed.clock.now()).await.unwrap()
}

fn october() -> Month {
    Month::parse("2026-10").unwrap()
}

/// Walks over the ledger. Returns the sums of October.
async fn walk(bed: &TestBed, store: &Store) -> Checkpoint {
    let money = store.audit.money(&account()).await.unwrap();
    let mut walk = AccountWalk::begin(&account(), money, bed.clock.now());
    for row in store.audit.ledger(&account(), None).await.unwrap().rows {
        walk.take(&row.entry);
    }
    walk.end().closable.remove(&october()).unwrap()
}

#[tokio::test]
async fn a_month_is_closed_once_and_only_if_its_row_still_equals_the_sum() {
    let bed = bed_with_past_month().await;
    let store = bed.store(&Faults::default()).await;
    let walked = walk(&bed, &store).await;
    // A refund came after the walk.
    rows::add(bed.db(), "ACCT#a", "MONTH#2026-10", "used", -1).await;
    assert!(!close_october(&bed, &store, &walked).await);
    rows::add(bed.db(), "ACCT#a", "MONTH#2026-10", "used", 1).await;
    // There is a checkpoint already.
    rows::put_all(bed.db(), &[json!({ "pk": { "S": "ACCT#a" }, "sk": { "S": "CLOSED#2026-10" } })]).await;
    assert!(!close_october(&bed, &store, &walked).await);
    rows::delete(bed.db(), "ACCT#a", "CLOSED#2026-10").await;
    assert!(close_october(&bed, &store, &walked).await);
    assert!(!close_october(&bed, &store, &walked).await);
    // The month is marked, although its checkpoint is lost.
    rows::delete(bed.db(), "ACCT#a", "CLOSED#2026-10").await;
    assert!(!close_october(&bed, &store, &walked).await);
}

#[tokio::test]
async fn a_second_confirmation_of_a_month_changes_nothing() {
    let bed = bed_with_past_month().await;
    let store = bed.store(&Faults::default()).await;
    let until = async || store.audit.money(&account()).await.unwrap().checkpoints.get(&october()).cloned();
    // A month that is not closed is not confirmed.
    store.audit.confirm_month(&account(), october(), bed.clock.now()).await.unwrap();
    assert_eq!(until().await, None);
    let walked = walk(&bed, &store).await;
    assert!(close_october(&bed, &store, &walked).await);
    store.audit.confirm_month(&account(), october(), bed.clock.now()).await.unwrap();
    let first = until().await.unwrap().keep_until.unwrap();
    store.audit.confirm_month(&account(), october(), bed.clock.now().plus_secs(60)).await.unwrap();
    assert_eq!(until().await.unwrap().keep_until, Some(first));
}

#[tokio::test]
async fn an_entry_gets_its_expiry_once() {
    let (bed, seen) = (bed_with_past_month().await, Faults::default());
    let store = bed.store(&seen).await;
    // `admin check` sets no expiry, not even in a confirmed month.
    for _ in 0..2 {
        assert_eq!(next_day(&bed, &store).await, Some(0));
    }
    assert_eq!(audit(&store, &bed.clock).violations().await.unwrap(), [].into());
    assert_eq!(expiring(&bed).await, [""; 0]);
    seen.reset();
    assert_eq!(next_day(&bed, &store).await, Some(0));
    let updates = || seen.calls().iter().filter(|call| call.operation == "UpdateItem").count();
    assert_eq!((expiring(&bed).await.len(), updates()), (3, 3));
    assert_eq!(next_day(&bed, &store).await, Some(0));
    assert_eq!(updates(), 3, "it is written once");
}

/// The table's TTL may remove an entry between the check's read and its write.
#[tokio::test]
async fn expiring_a_deleted_entry_does_not_recreate_it() {
    let bed = bed_with_past_month().await;
    let store = bed.store(&Faults::default()).await;
    close(&bed, &store).await;
    let entry = "LEDGER#job_extract0000000#RESERVE";
    rows::delete(bed.db(), "ACCT#a", entry).await;
    store.audit.expire_entry(&account(), entry, bed.clock.now()).await.unwrap();
    assert!(rows::get(bed.db(), "ACCT#a", entry).await.is_none());
}

#[tokio::test]
async fn a_slice_that_is_over_stops_and_the_next_one_continues() {
    let (bed, _) = bed_with_rows(200, 0).await;
    let store = bed.store(&Faults::default()).await;
    bed.clock.advance(2 * DAY);
    for _ in 0..2 {
        assert_eq!(next_day(&bed, &store).await, Some(0));
    }
    let first_ms = bed.clock.now().plus_ms(DAY * 1_000).0;
    let clock = TickingClock(AtomicI64::new(first_ms));
    let (mut sizes, mut start) = (Vec::new(), Start::Begin);
    let end = loop {
        // The slice's time is over at its first reading of the clock.
        let until = Timestamp(clock.0.load(Ordering::SeqCst) + MARGIN);
        let ran = slice(audit(&store, &clock as &dyn Clock), start, Some(until), &mut vec![]).await.unwrap();
        sizes.push(expiring(&bed).await.len());
        start = Start::Continue;
        match ran {
            Slice::Unfinished(found) => assert_eq!(found, 0),
            Slice::Finished(end) => break end,
            Slice::Idle => panic!("nothing to resume after {sizes:?}"),
        }
    };
    assert_eq!(end.violations, 0, "{sizes:?}");
    sizes.dedup();
    // The entry of November has no expiry.
    assert_eq!(sizes, [64, 128, 192, 200]);
}
