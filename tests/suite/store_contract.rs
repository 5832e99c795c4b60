//! The store's contract, on the embedded store: when each conditional write takes effect and when it is refused.

use domain::job::DriverLease;
use domain::segment::{Segment, Totals, UnitEnd, UnitState, WriteId};
use domain::{Endpoint, Job, JobState, Nonce, Outcome};
use runtime::clock::Clock;
use store::Store;
use store::accept::{Accepted, NewJob};
use store::lists::JobFilter;
use store::results::ResultText;
use store::segments::SegmentWrite;
use store::settle::{ExtractEnd, Settled};

use crate::support::faults::Faults;
use crate::support::test_bed::{TestBed, accept, account, call, quota};

async fn job_of(bed: &TestBed, n: usize) -> (Store, Job) {
    let engine = bed.engine(&Faults::default()).await;
    let urls = (0..n).map(|i| format!("https://x.test/{i}")).collect();
    let job = accept(&engine, call(Endpoint::Batch, urls)).await.unwrap().job;
    (engine.store().clone(), job)
}

fn id(who: u128, n: u32) -> WriteId {
    WriteId { writer: Nonce::from_random(who), n }
}

#[tokio::test]
async fn a_segment_is_written_only_on_its_version() {
    let bed = TestBed::new().await;
    let (store, job) = job_of(&bed, 70).await;
    let lease_until = domain::Timestamp(bed.clock.now().0 + 45_000);
    let started = |who| UnitState::Started { attempt: 1, holder: Nonce::from_random(who), lease_until };
    let row = |before: &Segment, who, n, seq, unit| {
        let mut next = before.next(id(who, n));
        next.put(seq, unit);
        next
    };
    assert_eq!(store.segments.all_segments(&job).await.unwrap(), [], "nothing has happened");
    let fresh = Segment::untouched(1);
    let mine = row(&fresh, 1, 1, 69, started(1));
    assert_eq!(store.segments.put_segment(&job, &mine).await.unwrap(), SegmentWrite::Written);
    let late = row(&fresh, 2, 1, 64, started(2));
    assert_eq!(store.segments.put_segment(&job, &late).await.unwrap(), SegmentWrite::Refused(Some(mine.clone())));
    assert_eq!(
        store.segments.put_segment(&job, &mine).await.unwrap(),
        SegmentWrite::Refused(Some(mine.clone())),
        "its own write, repeated"
    );
    let ended = UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, at: domain::Timestamp(7), skipped: 3 };
    let next = row(&mine, 1, 2, 69, ended);
    assert_eq!(store.segments.put_segment(&job, &next).await.unwrap(), SegmentWrite::Written);
    assert_eq!(
        store.segments.put_segment(&job, &row(&mine, 2, 2, 64, UnitState::Skipped)).await.unwrap(),
        SegmentWrite::Refused(Some(next.clone()))
    );
    let other = row(&Segment::untouched(0), 3, 1, 5, UnitState::Skipped);
    assert_eq!(store.segments.put_segment(&job, &other).await.unwrap(), SegmentWrite::Written);
    assert_eq!(store.segments.all_segments(&job).await.unwrap(), [other, next.clone()]);
    assert_eq!(store.segments.segments(&job, 1, 1).await.unwrap(), [next]);
}

#[tokio::test]
async fn an_extract_is_one_row_from_its_start_to_its_end() {
    let bed = TestBed::new().await;
    let engine = bed.engine(&Faults::default()).await;
    let job = accept(&engine, call(Endpoint::Extract, vec!["https://x.test/".into()])).await.unwrap().job;
    let store = engine.store();
    let first = store.segments.all_segments(&job).await.unwrap().remove(0);
    assert!(matches!(first.unit(0), UnitState::Started { attempt: 1, .. }));
    assert_eq!(store.jobs.spec(&job).await.unwrap().schema, call(Endpoint::Extract, vec![]).schema);
    let mut last = first.next(id(1, 1));
    last.put(0, UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, at: engine.now(), skipped: 0 });
    let end = job.settle(&Totals::of([&last], 1), engine.now()).unwrap();
    let stale = ExtractEnd { segment: &last.next(id(1, 2)), result: Some("{}") };
    assert_eq!(
        store.jobs.settle(&job, &end, Some(stale), None).await.unwrap(),
        Settled::Stale,
        "another version than the row's"
    );
    let right = ExtractEnd { segment: &last, result: Some("{\"a\":1}") };
    assert_eq!(store.jobs.settle(&job, &end, Some(right), None).await.unwrap(), Settled::Written);
    assert_eq!(store.jobs.settle(&job, &end, Some(right), None).await.unwrap(), Settled::Stale, "once");
    assert!(matches!(
        store.segments.put_segment(&job, &last.next(id(2, 1))).await.unwrap(),
        SegmentWrite::Refused(Some(_))
    ));
    let ended = store.jobs.job(&job.id).await.unwrap().unwrap();
    assert_eq!(ended.extract_unit.unwrap().result.as_deref(), Some("{\"a\":1}"));
    assert_eq!(ended.state, JobState::Ended(Outcome::Completed));
    bed.assert_sound("extract").await;
}

#[tokio::test]
async fn results_are_those_of_the_requested_attempts() {
    let bed = TestBed::new().await;
    let (store, job) = job_of(&bed, 60).await;
    let text = |seq, attempt| format!("{{\"r\":{seq}.{attempt}}}");
    let result = |seq, attempt| ResultText { seq, attempt, text: text(seq, attempt) };
    let all: Vec<ResultText> = (0..60).flat_map(|seq| [result(seq, 1), result(seq, 2)]).collect();
    for _ in 0..2 {
        store.segments.put_results(&job, &all).await.unwrap();
    }
    let wanted: Vec<(u32, u8)> = (10..50).map(|seq| (seq, 1 + (seq % 2) as u8)).collect();
    for wanted in [&wanted[..], &[(3, 2), (59, 1)], &[]] {
        let found = store.segments.results(&job.id, wanted).await.unwrap();
        assert_eq!(found.len(), wanted.len());
        assert!(wanted.iter().all(|(seq, attempt)| found[seq] == text(*seq, *attempt)));
    }
    assert!(store.segments.results(&job.id, &[(3, 3)]).await.unwrap().is_empty());
}

#[tokio::test]
async fn accept_is_all_or_nothing_and_idempotent() {
    let bed = TestBed::new().await;
    let engine = bed.engine(&Faults::default()).await;
    let (store, job) = job_of(&bed, 3).await;
    let before = quota(&engine).await.unwrap();
    let urls = vec!["https://x.test/".to_owned()];
    let spec = store.jobs.spec(&job).await.unwrap();
    let again = NewJob {
        job: &job,
        urls: &urls,
        quota: &before,
        spec: &spec,
        seed: None,
        idempotency: None,
        now: engine.now(),
    };
    assert_eq!(
        store.jobs.accept(again).await.unwrap(),
        Accepted::Written,
        "a META row that the call itself wrote is a success"
    );
    assert_eq!(quota(&engine).await.unwrap(), before, "nothing is reserved twice");
    // A quota snapshot that is out of date.
    let (_, other) = job_of(&bed, 4).await;
    let fresh = Job { id: domain::JobId::from_random(99), ..other };
    let stale = store::quota::QuotaSnapshot { month_row: None, ..before.clone() };
    let new = NewJob { job: &fresh, quota: &stale, ..again };
    assert_eq!(store.jobs.accept(new).await.unwrap(), Accepted::Stale);
    let full = store::quota::QuotaSnapshot { rate_limit: 2, ..quota(&engine).await.unwrap() };
    let new = NewJob { job: &fresh, quota: &full, ..again };
    assert_eq!(store.jobs.accept(new).await.unwrap(), Accepted::Stale, "the rate is counted in the same transaction");
    assert_eq!(store.jobs.job(&fresh.id).await.unwrap(), None);
    assert!(store.jobs.inputs(&fresh.id, 0).await.unwrap().is_empty());
    bed.assert_sound("accept").await;
}

#[tokio::test]
async fn states_and_leases_change_by_conditional_writes() {
    let bed = TestBed::new().await;
    let (store, job) = job_of(&bed, 1).await;
    let now = bed.clock.now();
    let mine = DriverLease { holder: Nonce::from_random(1), until: now.plus_secs(60), queued: false, idle_checks: 0 };
    assert!(store.jobs.replace_lease(&job, &job.driver, &mine).await.unwrap());
    assert!(store.jobs.replace_lease(&job, &job.driver, &mine).await.unwrap(), "it recognises its own write");
    let other = DriverLease { holder: Nonce::from_random(2), until: now.plus_secs(60), queued: false, idle_checks: 0 };
    assert!(!store.jobs.replace_lease(&job, &job.driver, &other).await.unwrap());
    assert!(store.jobs.due(now.plus_secs(59), 10).await.unwrap().is_empty());
    assert_eq!(store.jobs.due(now.plus_secs(60), 10).await.unwrap(), std::slice::from_ref(&job.id));

    assert!(store.jobs.terminate(&job, JobState::Cancelling, now).await.unwrap());
    assert!(store.jobs.terminate(&job, JobState::Cancelling, now).await.unwrap(), "it recognises its own write");
    assert!(!store.jobs.terminate(&job, JobState::Expiring, now).await.unwrap());
    let read = store.jobs.job(&job.id).await.unwrap().unwrap();
    assert_eq!((read.state, read.cancelled_at), (JobState::Cancelling, Some(now)));

    let mut row = Segment::untouched(0).next(id(1, 1));
    row.put(0, UnitState::Skipped);
    let end = read.settle(&Totals::of([&row], 1), now).unwrap();
    assert_eq!(
        store.jobs.settle(&job, &end, None, None).await.unwrap(),
        Settled::Stale,
        "the state differs from META's"
    );
    store.segments.put_segment(&job, &row).await.unwrap();
    assert_eq!(store.jobs.settle(&read, &end, None, None).await.unwrap(), Settled::Written);
    assert_eq!(store.jobs.settle(&read, &end, None, None).await.unwrap(), Settled::Stale, "once");
    let ended = store.jobs.job(&job.id).await.unwrap().unwrap();
    assert_eq!(ended.state, JobState::Ended(Outcome::Cancelled));
    assert_eq!(ended.expires_at, Some(now.plus_secs(86_400)));
    assert!(!ended.retained(now.plus_secs(86_400)));
    assert!(!store.jobs.replace_lease(&ended, &mine, &other).await.unwrap(), "an ended job has no driver");
    assert!(store.jobs.due(now.plus_secs(1_000_000), 10).await.unwrap().is_empty());
    bed.assert_sound("settled").await;
}

#[tokio::test]
async fn lists_are_paged_to_the_end() {
    let bed = TestBed::new().await;
    let engine = bed.engine(&Faults::default()).await;
    engine.store().accounts.set_rate_limit(&account(), 1_000).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(accept(&engine, call(Endpoint::Batch, vec!["https://x.test/".into()])).await.unwrap().job.id);
        bed.clock.advance(1);
    }
    ids.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page =
            engine.store().jobs.list(&account(), JobFilter::Running, 3, after.as_ref(), engine.now()).await.unwrap();
        seen.extend(page.jobs.into_iter().map(|j| j.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    let finished = engine.store().jobs.list(&account(), JobFilter::Finished, 3, None, engine.now()).await.unwrap();
    assert!(finished.jobs.is_empty());
}

#[tokio::test]
async fn long_lists_of_urls_are_read_back_whole() {
    let bed = TestBed::new().await;
    let engine = bed.engine(&Faults::default()).await;
    let urls: Vec<String> = (0..1_000).map(|i| format!("https://x.test/{i}/{}", "a".repeat(900))).collect();
    let job = accept(&engine, call(Endpoint::Batch, urls.clone())).await.unwrap().job;
    let inputs = engine.store().jobs.inputs(&job.id, 0).await.unwrap();
    assert_eq!(inputs.into_iter().map(|input| input.url).collect::<Vec<_>>(), urls);
}
