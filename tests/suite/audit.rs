//! The check of all rows: what it reads, that the next slice resumes it, that each violation counts once even if slices
//! die, and that a change during the check is no violation.

mod closing;
mod expiry;
mod rechecks;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use domain::invariants::Violation;
use domain::{AccountId, Endpoint, Plan, Timestamp};
use engine::audit::{Audit, Slice, Start};
use runtime::clock::Clock;
use serde_json::{Value, json};
use store::audit::Progress;
use store::{Store, StoreError};

use crate::support::faults::{self, Call, Fault, Faults};
use crate::support::rows;
use crate::support::site::Site;
use crate::support::test_bed::{NOV_24, TestBed, accept, call, drain};

/// A clock that advances by a second each time it is read, so that a slice's time is up after a given number of pages.
struct TickingClock(AtomicI64);

impl Clock for TickingClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1_000, Ordering::SeqCst))
    }
}

/// A time at which the jobs have ended and are still kept.
const AFTER_JOBS: i64 = NOV_24 + 10_000;
/// The time that a slice keeps in reserve before its end, in milliseconds.
const MARGIN: i64 = 60_000;

fn audit<'a>(store: &'a Store, clock: &'a dyn Clock) -> Audit<'a> {
    Audit::new(store, clock, 60).with_pause(Duration::ZERO)
}

async fn slice(
    audit: Audit<'_>,
    start: Start,
    until: Option<Timestamp>,
    reported: &mut Vec<Violation>,
) -> Result<Slice, StoreError> {
    audit.slice(start, until, &mut |violation: &Violation| reported.push(violation.clone())).await
}

/// Two accounts and three jobs with four violations: a month, a balance, and two missing results.
async fn bed_with_violations() -> (TestBed, Vec<Violation>) {
    let (bed, site) = (TestBed::new().await, Site::start().await);
    let store = bed.store(&Faults::default()).await;
    let b = AccountId::parse("b").unwrap();
    store.accounts.create_account(&b, Plan::Pro, None, bed.clock.now()).await.unwrap();
    store.accounts.top_up(&b, "t", 5, bed.clock.now()).await.unwrap();
    let engine = bed.engine(&Faults::default()).await;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let started = accept(&engine, call(Endpoint::Batch, site.urls("/p", 2))).await.unwrap();
        jobs.push(started.job.id.clone());
        drain(engine.driver.start(*started, None)).await.unwrap();
    }
    engine.idle().await;
    bed.assert_sound("before").await;
    rows::add(bed.db(), "ACCT#a", "MONTH#2026-11", "used", 7).await;
    rows::add(bed.db(), "ACCT#b", "PREPAID", "balance", -2).await;
    for job in &jobs[1..] {
        rows::delete(bed.db(), &format!("JOB#{job}"), "RESULT#000001#001").await;
    }
    let lost = "a result that a segment names exists";
    let mut faults = vec![
        violation("month row = sum of the ledger", "a", "2026-11: the row differs from the ledger's sum by +7"),
        violation("prepaid row = sum of the ledger", "b", "the row differs from the ledger's sum by -2"),
        violation(lost, jobs[1].as_str(), "unit 1, attempt 1"),
        violation(lost, jobs[2].as_str(), "unit 1, attempt 1"),
    ];
    faults.sort();
    (bed, faults)
}

fn violation(rule: &'static str, subject: &str, detail: &str) -> Violation {
    Violation { rule: rule.into(), subject: subject.to_owned(), detail: detail.to_owned() }
}

fn sorted(mut reported: Vec<Violation>) -> Vec<Violation> {
    reported.sort();
    reported
}

#[tokio::test]
async fn slices_resume_the_check_and_each_violation_is_found_once() {
    let (bed, faults) = bed_with_violations().await;
    let store = bed.store(&Faults::default()).await;
    assert_eq!(sorted(audit(&store, &bed.clock).violations().await.unwrap().into_iter().collect()), faults);
    let clock = TickingClock(AtomicI64::new(AFTER_JOBS));
    let mut counts = Vec::new();
    for pages in 1..8 {
        let (mut reported, mut slices) = (Vec::new(), 0);
        let end = loop {
            slices += 1;
            let start = if slices == 1 { Start::Begin } else { Start::Continue };
            let until = Timestamp(clock.0.load(Ordering::SeqCst) + MARGIN + pages * 1_000);
            match slice(audit(&store, &clock), start, Some(until), &mut reported).await.unwrap() {
                Slice::Unfinished(so_far) => assert_eq!(so_far, reported.len() as u64, "reported and counted"),
                Slice::Finished(end) => break end,
                Slice::Idle => panic!("no check to resume after {slices} slices"),
            }
        };
        assert_eq!((sorted(reported), end.violations), (faults.clone(), 4), "{pages} pages a slice");
        // The result is not yet reported: the next slice returns it again. Once it is reported, later slices are idle.
        clock.0.fetch_add(1_000_000, Ordering::SeqCst);
        assert!(matches!(slice(audit(&store, &clock), Start::Continue, None, &mut vec![]).await.unwrap(),
            Slice::Finished(again) if again.violations == 4));
        clock.0.fetch_add(1_000_000, Ordering::SeqCst);
        let Slice::Finished(end) = slice(audit(&store, &clock), Start::Begin, None, &mut vec![]).await.unwrap() else {
            panic!("the check is over");
        };
        audit(&store, &clock).reported(end).await.unwrap();
        assert_eq!(slice(audit(&store, &clock), Start::Continue, None, &mut vec![]).await.unwrap(), Slice::Idle);
        counts.push(slices);
    }
    assert!(counts[0] >= 5 && counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
}

/// Injects a fault into one call of a check's second slice. A slice that runs after the second slice's time is up
/// resumes the check. Returns whether the fault was injected.
async fn check_with_fault(fault: Fault, n: usize) -> bool {
    let (bed, faults) = bed_with_violations().await;
    let context = format!("{fault:?} at {n}");
    let (healthy, injector) = (bed.store(&Faults::default()).await, Faults::default());
    let store = bed.store(&injector).await;
    let (mut reported, clock) = (Vec::new(), TickingClock(AtomicI64::new(AFTER_JOBS)));
    let until = Some(Timestamp(AFTER_JOBS + MARGIN + 3_000));
    let first = slice(audit(&healthy, &clock), Start::Begin, until, &mut reported).await.unwrap();
    assert!(matches!(first, Slice::Unfinished(_)), "{context}: {first:?}");
    injector.plan_nth(n, fault);
    let ran = slice(audit(&store, &clock), Start::Continue, None, &mut reported).await;
    assert_eq!(ran.is_err(), injector.injected(), "{context}: {ran:?}");
    if injector.injected_at() > Some(1) {
        // The lease of the dead slice has not ended.
        assert_eq!(
            slice(audit(&healthy, &clock), Start::Continue, None, &mut reported).await.unwrap(),
            Slice::Idle,
            "{context}"
        );
    }
    clock.0.fetch_add(901_000, Ordering::SeqCst);
    let Slice::Finished(end) = slice(audit(&healthy, &clock), Start::Continue, None, &mut reported).await.unwrap()
    else {
        panic!("{context}: no check to resume");
    };
    reported.sort();
    reported.dedup();
    assert_eq!((reported, end.violations), (faults, 4), "{context}");
    injector.injected()
}

#[tokio::test]
async fn a_slice_that_dies_loses_and_repeats_no_violation() {
    faults::at_every_call(&Fault::DISTINCT, 10..80, 3..20, async |n, fault| check_with_fault(fault, n).await).await;
}

/// A slice whose lease was taken over cannot write its result.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_concurrent_slices_only_one_is_recorded() {
    let (bed, faults) = bed_with_violations().await;
    let store = bed.store(&Faults::default()).await;
    let (reached, wait) = mpsc::channel();
    let (go_on, held) = mpsc::channel::<()>();
    let (held, slow, clock) = (Mutex::new(held), store.clone(), bed.clock.clone());
    let first = tokio::spawn(async move {
        let mut report = |_: &Violation| {
            let _ = reached.send(());
            // Once the sender is dropped, this returns at once.
            let _ = tokio::task::block_in_place(|| held.lock().unwrap().recv());
        };
        audit(&slow, &clock).slice(Start::Begin, None, &mut report).await
    });
    tokio::task::block_in_place(|| wait.recv()).unwrap();
    let mut reported = Vec::new();
    let second = async |reported: &mut _| slice(audit(&store, &bed.clock), Start::Begin, None, reported).await.unwrap();
    assert_eq!(second(&mut reported).await, Slice::Idle, "the first slice holds the lease");
    bed.clock.advance(901);
    assert!(matches!(second(&mut reported).await, Slice::Finished(end) if end.violations == 4));
    assert_eq!(sorted(reported), faults);
    drop(go_on);
    assert_eq!(first.await.unwrap().unwrap(), Slice::Idle);
}

/// A deployment may find the row of another version of the program.
#[tokio::test]
async fn a_check_whose_progress_cannot_be_read_begins_anew() {
    let (bed, faults) = bed_with_violations().await;
    let store = bed.store(&Faults::default()).await;
    let (version, lease_until) = (1, bed.clock.now());
    let foreign = Progress { version, lease_until, open: true, state: r#"{"stage":"another"}"#.to_owned() };
    assert!(store.audit.save_progress(&foreign).await.unwrap());
    // A write that is repeated because its reply was lost is recognised; another process's is not.
    assert!(store.audit.save_progress(&foreign).await.unwrap());
    assert!(!store.audit.save_progress(&Progress { open: false, ..foreign }).await.unwrap());
    let mut reported = Vec::new();
    let ran = slice(audit(&store, &bed.clock), Start::Continue, None, &mut reported).await.unwrap();
    assert!(matches!(ran, Slice::Finished(end) if end.violations == 4), "{ran:?}");
    assert_eq!(sorted(reported), faults);
}

/// If a long slice dies, the next one does not begin from its start.
#[tokio::test]
async fn a_slice_saves_its_progress_every_fifty_pages() {
    let (bed, seen) = (TestBed::new().await, Faults::default());
    let store = bed.store(&seen).await;
    let saves = async || {
        seen.reset();
        assert!(matches!(
            slice(audit(&store, &bed.clock), Start::Begin, None, &mut vec![]).await.unwrap(),
            Slice::Finished(_)
        ));
        bed.clock.advance(901);
        seen.calls().iter().filter(|call| call.operation == "PutItem").count()
    };
    let few = saves().await;
    for n in 0..100 {
        let account = AccountId::parse(&format!("b{n}")).unwrap();
        store.accounts.create_account(&account, Plan::Pro, None, bed.clock.now()).await.unwrap();
    }
    // Each new account adds a page to the accounts' stage: a hundred pages, so two saves.
    rows::delete(bed.db(), "CHECK", "PROGRESS").await;
    assert_eq!(saves().await, few + 2);
}

/// A ledger with `entries` entries of a past month, and `jobs` jobs that are still kept.
async fn bed_with_rows(entries: u64, jobs: u64) -> (TestBed, Faults) {
    let (bed, site) = (TestBed::new().await, Site::start().await);
    let engine = bed.engine(&Faults::default()).await;
    let started = accept(&engine, call(Endpoint::Extract, site.urls("/p", 1))).await.unwrap();
    let id = started.job.id.to_string();
    drain(engine.driver.start(*started, None)).await.unwrap();
    engine.idle().await;
    let db = bed.db();
    let meta = rows::get(db, &format!("JOB#{id}"), "META").await.unwrap().to_string();
    let reserve = rows::get(db, "ACCT#a", &format!("LEDGER#{id}#RESERVE")).await.unwrap().to_string();
    let named = |row: &str, name: &str| -> Value { serde_json::from_str(&row.replace(&id, name)).unwrap() };
    let kept = |n: u64| format!("job_kept{n:012}");
    rows::put_all(db, &(0..jobs).map(|n| named(&meta, &kept(n))).collect::<Vec<_>>()).await;
    rows::put_all(db, &(0..jobs).map(|n| named(&reserve, &kept(n))).collect::<Vec<_>>()).await;
    let gone = |n| named(&reserve.replace("2026-11", "2026-10"), &format!("job_gone{n:012}"));
    rows::put_all(db, &(0..entries).map(gone).collect::<Vec<_>>()).await;
    rows::add(db, "ACCT#a", "MONTH#2026-11", "used", jobs as i64).await;
    let month =
        json!({ "pk": { "S": "ACCT#a" }, "sk": { "S": "MONTH#2026-10" }, "used": { "N": entries.to_string() } });
    rows::put_all(db, &[month]).await;
    (bed, Faults::default())
}

/// The number of requests of a check, and of rows that it reads by key. A page of a scan or a query is a megabyte.
async fn count_reads(entries: u64, jobs: u64) -> (usize, usize) {
    let (bed, seen) = bed_with_rows(entries, jobs).await;
    let store = bed.store(&seen).await;
    assert_eq!(audit(&store, &bed.clock).violations().await.unwrap(), [].into());
    let calls = seen.calls();
    assert!(calls.iter().all(|call| call.writes == 0), "a check in a single slice writes nothing");
    // All rows that are checked are read strongly consistent. Accounts are never deleted, so the list of them may lag.
    let lists = |call: &Call| call.operation == "Scan" && call.tables == ["runo-accounts"];
    for call in calls.iter().filter(|call| call.reads > 0 && !lists(call)) {
        assert!(call.consistent, "{call:?}");
    }
    let by_key = calls.iter().filter(|call| call.operation == "BatchGetItem").map(|call| call.reads).sum();
    (calls.len(), by_key)
}

/// Each job's two entries are read by key, each ledger along its keys, each table once. Nothing is read again for every
/// job.
#[tokio::test]
async fn reads_grow_linearly_with_the_rows() {
    let (small, by_key) = count_reads(10_000, 400).await;
    assert_eq!(by_key, 2 * 401);
    let (large, by_key) = count_reads(40_000, 1_600).await;
    assert_eq!(by_key, 2 * 1_601);
    assert!(small < 40, "{small} requests for 10,000 entries and 400 jobs");
    assert!(large < 4 * small, "{large} requests for four times the rows, {small} before");
}
