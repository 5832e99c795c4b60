//! Closing months of the ledger: a finished month is closed once, with the sums of its entries, and its entries expire,
//! also if a process dies or two run at the same time. What callers and payments see stays the same.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::{AccountId, Endpoint, Month, Timestamp};
use engine::audit::{Slice, Start};
use runtime::clock::Clock;
use serde_json::{Value, json};
use store::Store;
use store::accounts::Change;
use tokio::runtime::Handle;

use super::{audit, slice};
use crate::support::faults::{self, Fault, Faults};
use crate::support::rows;
use crate::support::site::Site;
use crate::support::stack::World;
use crate::support::test_bed::{ManualClock, NOV_24, TestBed, accept, account, call, quota};

const DAY: i64 = 86_400;
const CHECKPOINT: &str = "CLOSED#2026-10";

fn entry(job: &str, kind: &str, numbers: &[(&str, u64)], month: &str, at: Timestamp) -> Value {
    let mut row = json!({
        "pk": { "S": "ACCT#a" }, "sk": { "S": format!("LEDGER#{job}#{kind}") },
        "job": { "S": job }, "month": { "S": month }, "at": { "N": at.0.to_string() },
    });
    for (name, number) in numbers {
        row[name] = json!({ "N": number.to_string() });
    }
    row
}

/// An account that used two credits in October (a crawl that refunded some to both pools, and an extract) and one in
/// November, and has eight of ten prepaid credits left. It is the 24th of November.
pub(super) async fn bed_with_past_month() -> TestBed {
    let bed = TestBed::new().await;
    let written = bed.clock.now().plus_ms(-40 * DAY * 1_000);
    let (crawl, extract, new) = ("job_crawl0000000000", "job_extract0000000", "job_new00000000000");
    let settled =
        entry(crawl, "SETTLE", &[("charged", 3), ("refund_monthly", 5), ("refund_prepaid", 2)], "2026-10", written);
    let entries = [
        entry(crawl, "RESERVE", &[("monthly", 6), ("prepaid", 4)], "2026-10", written),
        settled,
        entry(extract, "RESERVE", &[("monthly", 1), ("prepaid", 0)], "2026-10", written),
        entry(new, "RESERVE", &[("monthly", 1), ("prepaid", 0)], "2026-11", bed.clock.now()),
    ];
    rows::put_all(bed.db(), &entries).await;
    for (month, used) in [("2026-10", 2), ("2026-11", 1)] {
        rows::add(bed.db(), "ACCT#a", &format!("MONTH#{month}"), "used", used).await;
        rows::add(bed.db(), "ACCT#a", &format!("MONTH#{month}"), "limit", 1_000).await;
    }
    rows::add(bed.db(), "ACCT#a", "PREPAID", "balance", -2).await;
    bed.assert_sound("before").await;
    bed
}

/// Runs a whole check. Returns the number of violations if the check finished.
async fn check_at(store: &Store, clock: &dyn Clock) -> Option<u64> {
    match slice(audit(store, clock), Start::Begin, None, &mut vec![]).await {
        Ok(Slice::Finished(end)) => audit(store, clock).reported(end).await.ok().map(|()| end.violations),
        Ok(Slice::Idle | Slice::Unfinished(_)) | Err(_) => None,
    }
}

/// Runs the check of the next day.
pub(super) async fn next_day(bed: &TestBed, store: &Store) -> Option<u64> {
    bed.clock.advance(DAY);
    check_at(store, &bed.clock).await
}

/// Runs three checks: October is closed, then confirmed, then its entries get their expiry.
pub(super) async fn close(bed: &TestBed, store: &Store) {
    for _ in 0..3 {
        assert_eq!(next_day(bed, store).await, Some(0));
    }
    assert_closed(bed, "closed").await;
}

fn number(row: &Value, name: &str) -> Option<i64> {
    row[name]["N"].as_str().map(|text| text.parse().unwrap())
}

/// The ledger's keys, each with its expiry.
async fn ledger(bed: &TestBed) -> Vec<(String, Option<i64>)> {
    let mut found = Vec::new();
    for row in rows::partition(bed.db(), "ACCT#a").await {
        let sk = row["sk"]["S"].as_str().unwrap();
        if sk.starts_with("LEDGER#") {
            found.push((sk.to_owned(), number(&row, "ttl")));
        }
    }
    found
}

pub(super) async fn expiring(bed: &TestBed) -> Vec<String> {
    ledger(bed).await.into_iter().filter(|(_, ttl)| ttl.is_some()).map(|(key, _)| key).collect()
}

async fn checkpoint(bed: &TestBed) -> Option<Value> {
    rows::get(bed.db(), "ACCT#a", CHECKPOINT).await
}

/// Asserts that October is closed with its sums, that exactly its entries expire, and that the balances are unchanged.
async fn assert_closed(bed: &TestBed, context: &str) {
    let row = checkpoint(bed).await.unwrap();
    let values = ["entries", "reserved_monthly", "reserved_prepaid", "charged", "refunded_monthly", "refunded_prepaid"];
    let values = values.map(|name| number(&row, name).unwrap());
    assert_eq!(values, [3, 7, 4, 3, 5, 2], "{context}");
    assert_eq!(row["last_job"]["S"], "job_extract0000000", "{context}");
    let keep_until = number(&row, "keep_until").unwrap();
    let kept_days = (keep_until - number(&row, "closed_at").unwrap()) / DAY / 1_000;
    assert!((91..=100).contains(&kept_days), "{context}: {kept_days} days");
    for (key, expiry) in ledger(bed).await {
        let closed = !key.contains("TOPUP") && !key.contains("job_new");
        assert_eq!(expiry, closed.then_some(keep_until / 1_000), "{context}: {key}");
    }
    let used = rows::get(bed.db(), "ACCT#a", "MONTH#2026-10").await.unwrap();
    let balance = rows::get(bed.db(), "ACCT#a", "PREPAID").await.unwrap();
    assert_eq!((number(&used, "used"), number(&balance, "balance")), (Some(2), Some(8)), "{context}");
    assert!(rows::get(bed.db(), "ACCT#a", "CLOSED#2026-11").await.is_none(), "{context}");
}

#[tokio::test]
async fn a_finished_month_is_closed_and_its_entries_expire() {
    let bed = bed_with_past_month().await;
    let store = bed.store(&Faults::default()).await;
    // A check that keeps no progress (`admin check`) writes nothing.
    assert_eq!(audit(&store, &bed.clock).violations().await.unwrap(), [].into());
    assert!(checkpoint(&bed).await.is_none());
    for (expire, confirmed) in [(0, false), (0, true), (3, true)] {
        assert_eq!(next_day(&bed, &store).await, Some(0));
        let row = checkpoint(&bed).await.unwrap();
        assert_eq!((expiring(&bed).await.len(), row.get("keep_until").is_some()), (expire, confirmed));
    }
    assert_closed(&bed, "closed").await;
    // The table's TTL removes them one by one, in no particular order.
    bed.clock.advance(200 * DAY);
    for key in expiring(&bed).await {
        rows::delete(bed.db(), "ACCT#a", &key).await;
        bed.assert_sound(&key).await;
        assert_eq!(next_day(&bed, &store).await, Some(0), "{key}");
    }
    let left: Vec<String> = ledger(&bed).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(left, ["LEDGER#TOPUP#t", "LEDGER#job_new00000000000#RESERVE"]);
    // The balances are still compared with the checkpoint.
    for (row, name) in [("PREPAID", "balance"), ("MONTH#2026-10", "used"), (CHECKPOINT, "reserved_monthly")] {
        rows::add(bed.db(), "ACCT#a", row, name, 1).await;
        assert_eq!(next_day(&bed, &store).await, Some(1), "{row}");
        rows::add(bed.db(), "ACCT#a", row, name, -1).await;
    }
    assert_eq!(next_day(&bed, &store).await, Some(0));
}

#[tokio::test]
async fn after_closing_a_lost_entry_and_a_falsified_checkpoint_are_found() {
    let bed = bed_with_past_month().await;
    let store = bed.store(&Faults::default()).await;
    close(&bed, &store).await;
    // An entry of the open month, and an entry of the closed month before its expiry.
    for key in ["LEDGER#job_new00000000000#RESERVE", "LEDGER#job_extract0000000#RESERVE"] {
        let row = rows::get(bed.db(), "ACCT#a", key).await.unwrap();
        rows::delete(bed.db(), "ACCT#a", key).await;
        assert_eq!(next_day(&bed, &store).await, Some(1), "{key}");
        rows::put_all(bed.db(), &[row]).await;
        assert_eq!(next_day(&bed, &store).await, Some(0), "{key}");
    }
    // `charged` and `entries` change no balance: only the entries contradict them.
    for name in ["entries", "charged"] {
        rows::add(bed.db(), "ACCT#a", CHECKPOINT, name, 1).await;
        assert_eq!(next_day(&bed, &store).await, Some(1), "{name}");
        rows::add(bed.db(), "ACCT#a", CHECKPOINT, name, -1).await;
    }
    let row = checkpoint(&bed).await.unwrap();
    rows::delete(bed.db(), "ACCT#a", CHECKPOINT).await;
    assert_eq!(next_day(&bed, &store).await, Some(1), "the month's row says that it is closed");
    rows::put_all(bed.db(), &[row]).await;
    assert_eq!(next_day(&bed, &store).await, Some(0));
}

#[tokio::test]
async fn an_account_with_a_violation_keeps_its_entries() {
    let bed = bed_with_past_month().await;
    let store = bed.store(&Faults::default()).await;
    rows::add(bed.db(), "ACCT#a", "PREPAID", "balance", 1).await;
    assert_eq!(next_day(&bed, &store).await, Some(1));
    assert!(checkpoint(&bed).await.is_none());
    rows::add(bed.db(), "ACCT#a", "PREPAID", "balance", -1).await;
    close(&bed, &store).await;
}

#[tokio::test]
async fn a_payment_that_is_repeated_after_closing_is_booked_once() {
    let bed = bed_with_past_month().await;
    let store = bed.store(&Faults::default()).await;
    close(&bed, &store).await;
    bed.clock.advance(3 * 365 * DAY);
    for key in expiring(&bed).await {
        rows::delete(bed.db(), "ACCT#a", &key).await;
    }
    let booked = store.accounts.top_up(&account(), "t", 10, bed.clock.now()).await.unwrap();
    assert!(matches!(booked, Change::Refused), "{booked:?}");
    let balance = rows::get(bed.db(), "ACCT#a", "PREPAID").await.unwrap();
    assert_eq!(number(&balance, "balance"), Some(8));
    bed.assert_sound("repeated").await;
}

/// Here a process's clock is still in October, which is closed.
#[tokio::test]
async fn nothing_is_reserved_in_a_closed_month() {
    let (bed, site) = (bed_with_past_month().await, Site::start().await);
    let store = bed.store(&Faults::default()).await;
    assert_eq!(next_day(&bed, &store).await, Some(0));
    let before = ledger(&bed).await;
    bed.clock.advance(-30 * DAY);
    let engine = bed.engine(&Faults::default()).await;
    let late = engine.acceptor.accept(call(Endpoint::Extract, site.urls("/p", 1)), quota(&engine).await.unwrap()).await;
    assert!(late.is_err(), "accepted in {}", engine.now().rfc3339());
    assert_eq!(ledger(&bed).await, before);
}

/// The reservation of a running job may still be refunded.
#[tokio::test]
async fn a_month_whose_job_still_runs_stays_open() {
    let (bed, site) = (bed_with_past_month().await, Site::start().await);
    let store = bed.store(&Faults::default()).await;
    bed.clock.advance(-40 * DAY);
    let engine = bed.engine(&Faults::default()).await;
    drop(accept(&engine, call(Endpoint::Batch, site.urls("/p", 3))).await.unwrap());
    bed.clock.advance(40 * DAY);
    assert_eq!(next_day(&bed, &store).await, Some(1), "it runs past its deadline");
    assert!(checkpoint(&bed).await.is_none());
    bed.settle_all().await;
    // On the next day the job's refund is less than a day old; on the day after it is old enough.
    assert_eq!(next_day(&bed, &store).await, Some(0));
    assert_eq!(next_day(&bed, &store).await, Some(0));
    let row = checkpoint(&bed).await.unwrap();
    assert_eq!((number(&row, "entries"), number(&row, "reserved_monthly")), (Some(5), Some(10)));
    let october = Month::parse("2026-10").unwrap();
    assert_eq!(store.audit.money(&account()).await.unwrap().months[&october], 2);
}

/// Injects a fault into one call of the checks of four days. Healthy checks follow. Returns whether the fault was
/// injected.
async fn checks_with_fault(fault: Fault, n: usize) -> bool {
    let bed = bed_with_past_month().await;
    let (healthy, injector) = (bed.store(&Faults::default()).await, Faults::default());
    let store = bed.store(&injector).await;
    let context = format!("{fault:?} at {n}");
    injector.plan_nth(n, fault);
    for _ in 0..4 {
        let found = next_day(&bed, &store).await;
        assert!(found.is_none_or(|violations| violations == 0), "{context}");
        if injector.injected() {
            break;
        }
    }
    let injected = injector.injected();
    for _ in 0..4 {
        assert_eq!(next_day(&bed, &healthy).await, Some(0), "{context}");
    }
    bed.assert_sound(&context).await;
    assert_closed(&bed, &context).await;
    injected
}

#[tokio::test]
async fn closing_survives_a_fault_at_every_call() {
    faults::at_every_call(&Fault::DISTINCT, 40..120, 15..60, async |n, fault| checks_with_fault(fault, n).await).await;
}

/// A clock that runs another whole check at its n-th reading, after the lease of the check that reads it has expired.
struct TakeoverClock<'a> {
    clock: &'a ManualClock,
    other: &'a Store,
    countdown: AtomicI64,
}

impl Clock for TakeoverClock<'_> {
    fn now(&self) -> Timestamp {
        if self.countdown.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.clock.advance(901);
            let check = check_at(self.other, self.clock);
            assert_eq!(tokio::task::block_in_place(|| Handle::current().block_on(check)), Some(0));
        }
        self.clock.now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_checks_close_the_same_month() {
    let mut at = 0;
    loop {
        let bed = bed_with_past_month().await;
        let (one, other) = (bed.store(&Faults::default()).await, bed.store(&Faults::default()).await);
        let clock = TakeoverClock { clock: &bed.clock, other: &other, countdown: AtomicI64::new(at) };
        for _ in 0..3 {
            bed.clock.advance(DAY);
            let found = check_at(&one, &clock).await;
            assert!(found.is_none_or(|violations| violations == 0), "taken over at {at}");
        }
        for _ in 0..3 {
            assert_eq!(next_day(&bed, &other).await, Some(0), "taken over at {at}");
        }
        assert_closed(&bed, &format!("taken over at {at}")).await;
        if clock.countdown.load(Ordering::SeqCst) >= 0 {
            break;
        }
        at += 1;
    }
    assert!((8..60).contains(&at), "taken over at {at} readings of the clock");
}

/// `GET /v1/usage` shows the running month from its row. Here a check closes that month.
#[tokio::test]
async fn closing_changes_nothing_that_usage_shows() {
    let (world, site) = (World::start().await, Site::start().await);
    let urls = [site.urls("/p", 2), vec![site.url("/404")]].concat();
    assert_eq!(world.dev.batch(&urls, json!({})).await.json()["succeeded"], 2);
    let usage = async || {
        let mut usage = world.dev.get("/v1/usage").await.json();
        usage.as_object_mut().unwrap().remove("rate"); // of the minute
        usage
    };
    let before = usage().await;
    assert_eq!((&before["month"], &before["monthly"]["used"]), (&json!("2026-11"), &json!(3)));
    let (store, clock) = (world.stack.engine().store(), ManualClock::at(NOV_24 + 20 * DAY * 1_000));
    for _ in 0..3 {
        clock.advance(DAY);
        assert_eq!(check_at(store, &clock).await, Some(0));
    }
    let account = AccountId::parse("dev").unwrap();
    let months: Vec<Month> = store.audit.money(&account).await.unwrap().closed.into_iter().collect();
    assert_eq!(months, [Month::parse("2026-11").unwrap()]);
    assert_eq!(usage().await, before);
}
