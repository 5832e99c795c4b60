//! The store's contract, on the embedded store: each conditional write, when it takes effect and when it is refused.

use domain::job::DriverLease;
use domain::progress::Fate;
use domain::unit::Unit;
use domain::{Endpoint, Job, JobState, Nonce, Outcome};
use store::Store;
use store::accept::{Accepted, NewJob};
use store::lists::Which;
use store::settle::Settled;
use store::units::{Claim, Finish, UnitWrite};

use crate::support::faults::Faults;
use crate::support::world::{Ground, accept, account, call, standing};

async fn job_of(ground: &Ground, n: usize) -> (Store, Job) {
    let engine = ground.engine(&Faults::default()).await;
    let urls = (0..n).map(|i| format!("https://x.test/{i}")).collect();
    let job = accept(&engine, call(Endpoint::Batch, urls)).await.unwrap().job;
    (engine.store().clone(), job)
}

fn claim(seq: u32, attempt: u32, who: &str, ground: &Ground) -> Claim {
    use engine::clock::Clock;
    Claim { seq, attempt, nonce: Nonce(who.into()), lease_until: ground.clock.now().plus_secs(45) }
}

fn result(text: &str, succeeded: bool) -> Finish {
    Finish {
        result: format!("{{\"t\":\"{text}\"}}"),
        succeeded,
        at: domain::Timestamp(7),
        skipped: 0,
        sitemaps: domain::job::Sitemaps::default(),
        duplicate: false,
    }
}

#[tokio::test]
async fn a_unit_is_claimed_once_fenced_and_finished_once() {
    let ground = Ground::new().await;
    let (store, job) = job_of(&ground, 2).await;
    let (a, b) = (claim(0, 1, "a", &ground), claim(0, 1, "b", &ground));
    assert_eq!(store.claim(&job, &a).await.unwrap(), UnitWrite::Written);
    let UnitWrite::Refused(Some(Unit::Started { nonce, attempt: 1, .. })) = store.claim(&job, &b).await.unwrap() else {
        panic!("claimed twice");
    };
    assert_eq!(nonce.0, "a");
    assert!(matches!(
        store.close(&job, 0, domain::Timestamp(7)).await.unwrap(),
        UnitWrite::Refused(Some(Unit::Started { .. }))
    ));
    let b2 = claim(0, 2, "b", &ground);
    assert_eq!(store.take_over(&job, &a, &b2).await.unwrap(), UnitWrite::Written);
    assert!(matches!(store.take_over(&job, &a, &b2).await.unwrap(), UnitWrite::Refused(_)));
    assert!(matches!(store.finish(&job, &a, &result("a", true)).await.unwrap(), UnitWrite::Refused(_)), "fenced off");
    assert_eq!(store.finish(&job, &b2, &result("b", true)).await.unwrap(), UnitWrite::Written);
    assert!(matches!(
        store.finish(&job, &b2, &result("c", true)).await.unwrap(),
        UnitWrite::Refused(Some(Unit::Done { attempt: 2, succeeded: true, .. }))
    ));
    let row = store.unit(&job.id, 0).await.unwrap().unwrap();
    assert_eq!(row.result.as_deref(), Some("{\"t\":\"b\"}"));
    assert_eq!(store.close(&job, 1, domain::Timestamp(7)).await.unwrap(), UnitWrite::Written);
    assert_eq!(store.claim(&job, &claim(1, 1, "a", &ground)).await.unwrap(), UnitWrite::Refused(Some(Unit::Closed)));
    assert_eq!(store.unit(&job.id, 5).await.unwrap(), None);
}

#[tokio::test]
async fn progress_is_sets() {
    let ground = Ground::new().await;
    let (store, job) = job_of(&ground, 300).await;
    for _ in 0..2 {
        store
            .add_progress(
                &job,
                &[(0, Fate::Done), (127, Fate::Failed), (128, Fate::Closed), (299, Fate::Done)],
                domain::Timestamp(7),
            )
            .await
            .unwrap();
    }
    store.add_progress(&job, &[], domain::Timestamp(7)).await.unwrap();
    let progress = store.progress(&job.id).await.unwrap();
    let tally = progress.tally(300);
    assert_eq!((tally.done, tally.failed, tally.cancelled, tally.pending), (2, 1, 1, 296));
    assert_eq!(progress.fate(128), Some(Fate::Closed));
}

#[tokio::test]
async fn accept_is_all_or_nothing_and_knows_itself_again() {
    let ground = Ground::new().await;
    let engine = ground.engine(&Faults::default()).await;
    let (store, job) = job_of(&ground, 3).await;
    let before = standing(&engine).await.unwrap();
    let urls = vec!["https://x.test/".to_owned()];
    let again = NewJob {
        job: &job,
        urls: &urls,
        standing: &before,
        claim: None,
        seed: None,
        idempotency: None,
        now: engine.now(),
    };
    assert_eq!(store.accept(again).await.unwrap(), Accepted::Written, "its own META is success");
    assert_eq!(standing(&engine).await.unwrap(), before, "and nothing is taken twice");
    // A standing that is not true any more.
    let (_, other) = job_of(&ground, 4).await;
    let fresh = Job { id: domain::JobId::from_random(99), ..other };
    let stale = store::standing::Standing { month_row: None, ..before.clone() };
    let new = NewJob { job: &fresh, standing: &stale, ..again };
    assert_eq!(store.accept(new).await.unwrap(), Accepted::Stale);
    let full = store::standing::Standing { rate_limit: 2, ..standing(&engine).await.unwrap() };
    let new = NewJob { job: &fresh, standing: &full, ..again };
    assert_eq!(store.accept(new).await.unwrap(), Accepted::Stale, "the rate is counted in the same transaction");
    assert_eq!(store.job(&fresh.id).await.unwrap(), None);
    assert!(store.inputs(&fresh.id, 0).await.unwrap().is_empty());
    ground.assert_sound("accept").await;
}

#[tokio::test]
async fn states_and_leases_move_on_condition() {
    let ground = Ground::new().await;
    let (store, job) = job_of(&ground, 1).await;
    use engine::clock::Clock;
    let now = ground.clock.now();
    let mine = DriverLease { holder: Nonce("me".into()), until: now.plus_secs(60), queued: false, quiet: 0 };
    assert!(store.drive(&job, &job.driver, &mine).await.unwrap());
    assert!(store.drive(&job, &job.driver, &mine).await.unwrap(), "its own write is known again");
    let other = DriverLease { holder: Nonce("other".into()), until: now.plus_secs(60), queued: false, quiet: 0 };
    assert!(!store.drive(&job, &job.driver, &other).await.unwrap());
    assert!(store.due(now.plus_secs(59), 10).await.unwrap().is_empty());
    assert_eq!(store.due(now.plus_secs(60), 10).await.unwrap(), std::slice::from_ref(&job.id));

    assert!(store.wind_down(&job, JobState::Cancelling, now).await.unwrap());
    assert!(store.wind_down(&job, JobState::Cancelling, now).await.unwrap(), "its own write is known again");
    assert!(!store.wind_down(&job, JobState::Expiring, now).await.unwrap());
    let read = store.job(&job.id).await.unwrap().unwrap();
    assert_eq!((read.state, read.cancelled_at), (JobState::Cancelling, Some(now)));

    let mut progress = domain::progress::Progress::default();
    progress.add(0, Fate::Closed);
    let end = read.settle(progress.tally(1), domain::job::CrawlFigures::default(), now).unwrap();
    assert_eq!(store.settle(&job, &end, None, &[]).await.unwrap(), Settled::Stale, "another state than META has");
    store.close(&job, 0, domain::Timestamp(7)).await.unwrap();
    assert_eq!(store.settle(&read, &end, None, &[(0, Fate::Closed)]).await.unwrap(), Settled::Written);
    assert_eq!(store.settle(&read, &end, None, &[]).await.unwrap(), Settled::Stale, "once");
    let ended = store.job(&job.id).await.unwrap().unwrap();
    assert_eq!(ended.state, JobState::Ended(Outcome::Cancelled));
    assert_eq!(ended.expires_at, Some(now.plus_secs(86_400)));
    assert!(!ended.retained(now.plus_secs(86_400)));
    assert!(!store.drive(&ended, &mine, &other).await.unwrap(), "an ended job has no driver");
    assert!(store.due(now.plus_secs(1_000_000), 10).await.unwrap().is_empty());
    ground.assert_sound("settled").await;
}

#[tokio::test]
async fn lists_page_to_the_end() {
    let ground = Ground::new().await;
    let engine = ground.engine(&Faults::default()).await;
    engine.store().set_rate_limit(&account(), 1_000).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(accept(&engine, call(Endpoint::Batch, vec!["https://x.test/".into()])).await.unwrap().job.id);
        ground.clock.advance(1);
    }
    ids.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = engine.store().list(&account(), Which::Running, 3, after.as_ref(), engine.now()).await.unwrap();
        seen.extend(page.jobs.into_iter().map(|j| j.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    let finished = engine.store().list(&account(), Which::Finished, 3, None, engine.now()).await.unwrap();
    assert!(finished.jobs.is_empty());
}

#[tokio::test]
async fn long_lists_of_urls_come_back_whole() {
    let ground = Ground::new().await;
    let engine = ground.engine(&Faults::default()).await;
    let urls: Vec<String> = (0..1_000).map(|i| format!("https://x.test/{i}/{}", "a".repeat(900))).collect();
    let job = accept(&engine, call(Endpoint::Batch, urls.clone())).await.unwrap().job;
    let inputs = engine.store().inputs(&job.id, 0).await.unwrap();
    assert_eq!(inputs.into_iter().map(|input| input.url).collect::<Vec<_>>(), urls);
}
