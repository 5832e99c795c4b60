//! Politeness across processes: slots never overlap, all processes respect a back-off, and one robots.txt serves them
//! all.

mod deferral;
mod robots;

use std::time::Duration;

use domain::Timestamp;
use domain::pace::{AccountTag, Pace, SINGLE_ACCOUNT_CLOSED_MS};
use engine::Engine;
use fetch::{FetchRequest, Fetcher, Throttled};
use runtime::clock::Clock;
use store::hosts::PaceWrite;
use url::Url;
use visits::hosts::Slot;

use crate::support::faults::{Fault, Faults};
use crate::support::site::Site;
use crate::support::test_bed::{TestBed, fetcher};

const ACCOUNT_A: AccountTag = AccountTag(1);
const ACCOUNT_B: AccountTag = AccountTag(2);
/// How long a throttled response to one account closes a host for all accounts.
const SINGLE_ACCOUNT_CLOSED_SECS: u64 = SINGLE_ACCOUNT_CLOSED_MS / 1_000;
const THROTTLED: Option<Throttled> = Some(Throttled { retry_after: None });

fn retry_after(secs: u64) -> Option<Throttled> {
    Some(Throttled { retry_after: Some(Duration::from_secs(secs)) })
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// Acquires a slot for a page, however late it is. Returns when the page may start.
async fn slot(engine: &Engine, target: &Url, spaced: bool, crawl_delay: Option<Duration>) -> Timestamp {
    match engine.pacing.acquire_slot(target, spaced, crawl_delay, Timestamp(i64::MAX)).await.unwrap() {
        Slot::At(start) => start,
        later @ Slot::Later(_) => panic!("{later:?}"),
    }
}

/// Acquires a slot for a page of a crawl.
async fn crawl_slot(engine: &Engine, target: &Url) -> Timestamp {
    slot(engine, target, true, None).await
}

/// Acquires a slot for a page of a batch.
async fn batch_slot(engine: &Engine, target: &Url) -> Timestamp {
    slot(engine, target, false, None).await
}

/// The intervals between the starts, which are in any order.
fn gaps(mut starts: Vec<Timestamp>) -> Vec<u64> {
    starts.sort();
    starts.windows(2).map(|pair| pair[1].ms_since(pair[0])).collect()
}

async fn get(fetcher: &Fetcher, target: &Url) -> Option<Throttled> {
    let request = FetchRequest {
        url: target,
        accept_language: "",
        timeout: Duration::from_secs(20),
        headers: None,
        redirect_policy: None,
        body_resources: None,
    };
    fetcher.fetch(request).await.err().and_then(|error| error.throttled())
}

#[tokio::test]
async fn processes_share_the_slots_of_a_host_and_other_hosts_do_not_wait() {
    let (bed, faults) = (TestBed::new().await, Faults::default());
    let (one, two) = (bed.engine(&faults).await, bed.engine(&Faults::default()).await);
    let page = url("https://e.test/a");
    faults.reset();
    // Both processes at once, and several pages of one process at once. Whole blocks, so that no slot is left over
    // between them.
    let turns = (0..48).map(|i| {
        let (engine, page) = (if i % 2 == 0 { one.clone() } else { two.clone() }, page.clone());
        tokio::spawn(async move { crawl_slot(&engine, &page).await })
    });
    let mut starts = Vec::new();
    for turn in turns.collect::<Vec<_>>() {
        starts.push(turn.await.unwrap());
    }
    assert!(starts.iter().all(|start| *start >= bed.clock.now()));
    let gaps = gaps(starts);
    assert!(gaps.iter().all(|gap| (250..=312).contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap > 250), "no jitter: {gaps:?}");
    // Three blocks of eight; each write of the other process refuses at most one of them. Nothing is read.
    let calls = faults.calls();
    assert!(calls.len() <= 6 && calls.iter().all(|call| call.operation == "PutItem"), "{calls:?}");
    assert_eq!(crawl_slot(&one, &url("https://f.test/")).await, bed.clock.now());
    assert_eq!(crawl_slot(&two, &url("https://e.test:8443/")).await, bed.clock.now());
}

#[tokio::test]
async fn slots_that_were_not_used_in_time_are_dropped() {
    let bed = TestBed::new().await;
    let engine = bed.engine(&Faults::default()).await;
    let page = url("https://e.test/");
    assert_eq!(crawl_slot(&engine, &page).await, bed.clock.now());
    bed.clock.advance(1);
    let start = crawl_slot(&engine, &page).await;
    assert!(start >= bed.clock.now() && start.ms_since(bed.clock.now()) <= 312);
    bed.clock.advance(60);
    assert_eq!(crawl_slot(&engine, &page).await, bed.clock.now());
}

#[tokio::test]
async fn the_longer_of_host_delay_and_crawl_delay_applies() {
    let bed = TestBed::new().await;
    let (one, two) = (bed.engine(&Faults::default()).await, bed.engine(&Faults::default()).await);
    let page = url("https://e.test/");
    let mut starts = vec![crawl_slot(&one, &page).await];
    let last_of_block = starts[0].plus_ms(8 * 250);
    for engine in [&one, &two, &one] {
        starts.push(slot(engine, &page, true, Some(Duration::from_secs(10))).await);
    }
    assert!(starts[1] >= last_of_block);
    let gaps = gaps(starts[1..].to_vec());
    assert!(gaps.iter().all(|gap| (10_000..=12_500).contains(gap)), "{gaps:?}");
    let short = slot(&two, &url("https://f.test/"), true, Some(Duration::from_millis(1))).await;
    let next = slot(&two, &url("https://f.test/"), true, None).await;
    assert!(next.ms_since(short) >= 250);
}

#[tokio::test]
async fn without_a_delay_the_store_is_not_called() {
    let mut bed = TestBed::new().await;
    bed.settings.host_delay_ms = 0;
    let faults = Faults::default();
    let engine = bed.engine(&faults).await;
    let page = url("https://e.test/");
    faults.reset();
    for _ in 0..20 {
        assert_eq!(crawl_slot(&engine, &page).await, bed.clock.now());
        engine.pacing.record_response(ACCOUNT_A, &page, None).await;
    }
    assert_eq!(faults.calls().len(), 0);
    // The site's own Crawl-delay and Retry-After still apply.
    let first = slot(&engine, &page, true, Some(Duration::from_secs(3))).await;
    let second = slot(&engine, &page, true, Some(Duration::from_secs(3))).await;
    assert!(second.ms_since(first) >= 3_000);
    engine.pacing.record_response(ACCOUNT_A, &page, retry_after(60)).await;
    assert!(crawl_slot(&engine, &page).await >= bed.clock.now().plus_secs(SINGLE_ACCOUNT_CLOSED_SECS));
}

#[tokio::test]
async fn batches_wait_only_for_hosts_that_asked_for_it() {
    let bed = TestBed::new().await;
    let (faults, others) = (Faults::default(), Faults::default());
    let (one, two) = (bed.engine(&faults).await, bed.engine(&others).await);
    let page = url("https://e.test/");
    faults.reset();
    assert_eq!(batch_slot(&one, &page).await, bed.clock.now());
    assert_eq!(faults.calls().len(), 0);
    // A host with many requests is looked up from time to time.
    for _ in 0..10 {
        assert_eq!(batch_slot(&one, &page).await, bed.clock.now());
    }
    assert_eq!(faults.calls().len(), 1);
    // The host tells another process to wait. This process learns of it once its own view is out of date.
    two.pacing.record_response(ACCOUNT_A, &page, retry_after(8)).await;
    let opens = bed.clock.now().plus_secs(8);
    assert_eq!(
        (two.pacing.closed_until(ACCOUNT_A, &page), one.pacing.closed_until(ACCOUNT_A, &page)),
        (Some(opens), None)
    );
    for secs in [4, 1] {
        bed.clock.advance(secs);
        batch_slot(&one, &page).await;
    }
    assert_eq!(one.pacing.closed_until(ACCOUNT_A, &page), Some(opens));
    let starts = vec![batch_slot(&one, &page).await, batch_slot(&two, &page).await, batch_slot(&one, &page).await];
    assert!(starts.iter().all(|start| *start >= opens), "{starts:?}");
    assert!(gaps(starts.clone()).iter().all(|gap| *gap >= 500), "{starts:?}");
    assert_eq!(batch_slot(&one, &url("https://f.test/")).await, bed.clock.now());
}

#[tokio::test]
async fn a_429_widens_the_spacing_for_all_processes_and_successes_narrow_it() {
    let bed = TestBed::new().await;
    let (faults, page) = (Faults::default(), url("https://e.test/"));
    let (one, two) = (bed.engine(&faults).await, bed.engine(&Faults::default()).await);
    crawl_slot(&one, &page).await;
    for _ in 0..2 {
        one.pacing.record_response(ACCOUNT_A, &page, THROTTLED).await;
        // The response of another page that was under way at the same time.
        one.pacing.record_response(ACCOUNT_A, &page, THROTTLED).await;
        bed.clock.advance(2);
    }
    let factor = async || one.store().hosts.pace("e.test:443").await.unwrap().unwrap().factor;
    assert_eq!(factor().await, 4);
    // The other process reads the row and takes over its factor.
    let starts = vec![crawl_slot(&two, &page).await, crawl_slot(&two, &page).await, crawl_slot(&one, &page).await];
    assert!(gaps(starts.clone()).iter().all(|gap| (1_000..=1_250 * 2).contains(gap)), "{starts:?}");
    for want in [2, 1] {
        bed.clock.advance(5);
        two.pacing.record_response(ACCOUNT_A, &page, None).await;
        assert_eq!(factor().await, want);
    }
    faults.reset();
    two.pacing.record_response(ACCOUNT_A, &page, None).await;
    assert_eq!(faults.calls().len(), 0, "a success that changes no pace is not written");
    bed.clock.advance(60);
    let starts = vec![crawl_slot(&two, &page).await, crawl_slot(&two, &page).await];
    assert!(gaps(starts.clone())[0] <= 312, "{starts:?}");
}

#[tokio::test]
async fn retry_after_applies_despite_slots_taken_before() {
    let (bed, site) = (TestBed::new().await, Site::start().await);
    let engine = bed.engine(&Faults::default()).await;
    let page = url(&site.url("/busy/429/120"));
    for _ in 0..3 {
        crawl_slot(&engine, &page).await;
    }
    let throttled = get(&fetcher(), &page).await;
    assert_eq!(throttled, retry_after(120));
    engine.pacing.record_response(ACCOUNT_A, &page, throttled).await;
    let opens = bed.clock.now().plus_secs(120);
    assert_eq!(engine.pacing.closed_until(ACCOUNT_A, &page), Some(opens));
    assert!(crawl_slot(&engine, &page).await >= bed.clock.now().plus_secs(SINGLE_ACCOUNT_CLOSED_SECS));
    assert_eq!(get(&fetcher(), &url(&site.url("/busy/503/7"))).await, retry_after(7));
    assert_eq!(get(&fetcher(), &url(&site.url("/404"))).await, None);
}

#[tokio::test]
async fn a_lost_reply_wastes_a_slot_and_grants_none_twice() {
    for fault in [Fault::NoEffect, Fault::ReplyLost] {
        let (bed, faults) = (TestBed::new().await, Faults::default());
        let (one, two) = (bed.engine(&faults).await, bed.engine(&Faults::default()).await);
        let page = url("https://e.test/");
        faults.plan(0, fault);
        let mut starts = vec![crawl_slot(&one, &page).await];
        assert!(faults.injected());
        starts.extend([crawl_slot(&two, &page).await, crawl_slot(&one, &page).await]);
        assert!(gaps(starts.clone()).iter().all(|gap| *gap >= 250), "{fault:?} {starts:?}");
        faults.plan(0, fault);
        one.pacing.record_response(ACCOUNT_A, &page, THROTTLED).await;
        assert!(faults.injected());
        assert_eq!(one.store().hosts.pace("e.test:443").await.unwrap().unwrap().factor, 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_process_backs_off_even_if_the_store_is_unavailable() {
    let (bed, faults) = (TestBed::new().await, Faults::default());
    let engine = bed.engine(&faults).await;
    let page = url("https://e.test/");
    faults.plan(0, Fault::DeathBefore);
    assert!(engine.pacing.acquire_slot(&page, true, None, Timestamp(i64::MAX)).await.is_err());
    assert_eq!(batch_slot(&engine, &page).await, bed.clock.now());
    assert_eq!(batch_slot(&engine, &page).await, bed.clock.now());
    engine.pacing.record_response(ACCOUNT_A, &page, retry_after(60)).await;
    assert_eq!(engine.pacing.closed_until(ACCOUNT_A, &page), Some(bed.clock.now().plus_secs(60)));
    faults.reset();
    assert!(batch_slot(&engine, &page).await >= bed.clock.now().plus_secs(SINGLE_ACCOUNT_CLOSED_SECS));
}

/// A throttled response to one account's page closes the host for that account, in every process. Other accounts wait
/// for a moment, unless one of their own pages is throttled.
#[tokio::test]
async fn a_429_to_one_account_closes_the_host_for_others_only_briefly() {
    let (bed, page) = (TestBed::new().await, url("https://e.test/"));
    let (one, two) = (bed.engine(&Faults::default()).await, bed.engine(&Faults::default()).await);
    let start = bed.clock.now();
    one.pacing.record_response(ACCOUNT_A, &page, retry_after(3_600)).await;
    assert!(batch_slot(&two, &page).await == start, "a host that this process does not know is not looked up");
    crawl_slot(&two, &page).await;
    for engine in [&one, &two] {
        assert_eq!(engine.pacing.closed_until(ACCOUNT_A, &page), Some(start.plus_secs(3_600)));
        assert_eq!(engine.pacing.closed_until(ACCOUNT_B, &page), Some(start.plus_secs(SINGLE_ACCOUNT_CLOSED_SECS)));
    }
    bed.clock.advance(SINGLE_ACCOUNT_CLOSED_SECS.cast_signed());
    for _ in 0..3 {
        one.pacing.record_response(ACCOUNT_A, &page, retry_after(3_600)).await;
        assert_eq!(one.pacing.closed_until(ACCOUNT_B, &page), None, "repeated responses to one account change nothing");
        bed.clock.advance(3);
    }
    two.pacing.record_response(ACCOUNT_B, &page, retry_after(3_600)).await;
    let third = AccountTag(3);
    assert!(two.pacing.closed_until(third, &page) > Some(start.plus_secs(3_600)));
}

#[tokio::test]
async fn a_pace_is_written_only_if_unchanged_since_it_was_read() {
    let bed = TestBed::new().await;
    let (store, now) = (bed.store(&Faults::default()).await, bed.clock.now());
    let first = Pace { next: now.plus_ms(7), ..Pace::default() };
    let second = first.throttled(now, Some(5_000), ACCOUNT_A);
    assert_eq!(store.hosts.pace("h:80").await.unwrap(), None);
    assert_eq!(store.hosts.put_pace("h:80", Some(first), second, now).await.unwrap(), PaceWrite::Refused(None));
    assert_eq!(store.hosts.put_pace("h:80", None, first, now).await.unwrap(), PaceWrite::Written);
    assert_eq!(store.hosts.put_pace("h:80", None, second, now).await.unwrap(), PaceWrite::Refused(Some(first)));
    for other in [
        Pace { next: now, ..first },
        Pace { closed_until: now, ..first },
        Pace { factor: 2, ..first },
        Pace { changed_at: now, ..first },
    ] {
        let write = store.hosts.put_pace("h:80", Some(other), second, now).await.unwrap();
        assert_eq!(write, PaceWrite::Refused(Some(first)), "{other:?}");
    }
    assert_eq!(store.hosts.put_pace("h:80", Some(first), second, now).await.unwrap(), PaceWrite::Written);
    assert_eq!(store.hosts.pace("h:80").await.unwrap(), Some(second));
    assert_eq!(store.hosts.pace("h:81").await.unwrap(), None);
}

/// A caller that cannot wait for the next slot does not book it, so that it is free for a later caller.
#[tokio::test]
async fn a_slot_that_is_too_late_is_not_booked() {
    let bed = TestBed::new().await;
    let engine = bed.engine(&Faults::default()).await;
    let (page, apart) = (url("https://late.test/"), Some(Duration::from_secs(30)));
    let first = slot(&engine, &page, true, apart).await;
    let latest = engine.now().plus_secs(5);
    for _ in 0..2 {
        let Slot::Later(next) = engine.pacing.acquire_slot(&page, true, apart, latest).await.unwrap() else {
            panic!("booked")
        };
        assert!((30_000..=37_500).contains(&next.ms_since(first)), "{next:?}");
    }
    bed.clock.advance(38);
    assert_eq!(slot(&engine, &page, true, apart).await, engine.now(), "it is not booked");
}
