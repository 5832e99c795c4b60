//! Quota, prepaid balance, refunds to their pools, the turn of the month.

use domain::job::Options;
use domain::{Endpoint, Plan};
use engine::cancel::Cancelled;
use serde_json::json;

use crate::support::faults::Faults;
use crate::support::site::Site;
use crate::support::stack::World;
use crate::support::test_bed::{TestBed, accept, account, call, drain, quota};

#[tokio::test]
async fn a_call_over_the_remaining_quota_is_refused_and_charges_nothing() {
    let (world, site) = (World::start().await, Site::start().await);
    let free = world.account("free", Plan::Free, Some(100), None).await;
    let first = free.batch(&site.urls("/p", 450), json!({})).await;
    assert_eq!(first.json()["succeeded"], 450);
    let answer = free.batch(&site.urls("/p", 51), json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (429, "QUOTA_EXCEEDED"));
    assert_eq!(answer.json()["error"]["retryable"], false);
    assert!(answer.message().contains("51") && answer.message().contains("50"), "{}", answer.message());
    // The rate is counted by the minute, which may have turned since the first call.
    let same_minute = first.header("x-ratelimit-reset") == answer.header("x-ratelimit-reset");
    let remaining = if same_minute { 99 } else { 100 };
    assert_eq!(answer.number("x-ratelimit-remaining"), remaining, "a refused call does not count");
    assert_eq!(free.used().await, 450);
    assert_eq!(free.batch(&site.urls("/p", 50), json!({})).await.json()["succeeded"], 50);
    world.assert_sound().await;
}

/// Reserves all of the month's quota except `left`, with a job that never starts.
async fn use_up(engine: &engine::Engine, left: u64) {
    let urls = vec!["https://x.test/".to_owned(); usize::try_from(50_000 - left).unwrap()];
    accept(engine, call(Endpoint::Batch, urls)).await.unwrap();
}

#[tokio::test]
async fn monthly_credits_are_spent_first_and_prepaid_ones_refunded_first() {
    let (bed, site) = (TestBed::new().await, Site::start().await);
    let engine = bed.engine(&Faults::default()).await;
    use_up(&engine, 5).await;
    // 5 monthly and 4 prepaid; two run, seven are refunded: 4 prepaid, 3 monthly.
    let mut batch = call(Endpoint::Batch, site.urls("/gate", 9));
    batch.options = Options { concurrency: Some(2), ..batch.options };
    let started = accept(&engine, batch).await.unwrap();
    let job = started.job.clone();
    assert_eq!((job.reservation.monthly, job.reservation.prepaid), (5, 4));
    let now = quota(&engine).await.unwrap();
    assert_eq!((now.monthly_left(), now.prepaid), (0, Some(6)));
    let stream = engine.driver.start(*started, None);
    crate::support::until("two pages are requested", async || site.hits() == 2).await;
    assert_eq!(engine.canceller.cancel(&account(), &job.id).await.unwrap(), Cancelled::Terminating);
    site.open_gate();
    drain(stream).await.unwrap();
    let now = quota(&engine).await.unwrap();
    assert_eq!((now.monthly_left(), now.prepaid), (3, Some(10)));
    let ended = engine.jobs.job(&job.id).await.unwrap().unwrap().charge.unwrap();
    assert_eq!((ended.charged, ended.refund_monthly, ended.refund_prepaid), (2, 3, 4));
    bed.assert_sound("overage").await;
}

#[tokio::test]
async fn a_refund_goes_to_the_month_it_was_taken_from() {
    let (bed, site) = (TestBed::new().await, Site::start().await);
    let engine = bed.engine(&Faults::default()).await;
    let job = accept(&engine, call(Endpoint::Batch, site.urls("/p", 6))).await.unwrap().job;
    let november = quota(&engine).await.unwrap();
    assert_eq!((november.month.to_string().as_str(), november.used()), ("2026-11", 6));
    // Nobody drives the job; eight days later, in December, its owner cancels it.
    bed.clock.advance(8 * 86_400);
    let december = accept(&engine, call(Endpoint::Batch, site.urls("/p", 2))).await.unwrap().job;
    assert_eq!(engine.canceller.cancel(&account(), &job.id).await.unwrap(), Cancelled::Terminating);
    let ended = engine.jobs.job(&job.id).await.unwrap().unwrap();
    assert_eq!(ended.charge.unwrap().refund_monthly, 6);
    let now = quota(&engine).await.unwrap();
    assert_eq!((now.month.to_string().as_str(), now.used()), ("2026-12", 2), "December pays for its own job only");
    let snapshot = engine.store().audit.snapshot().await.unwrap();
    assert_eq!(snapshot.accounts[&account()].money.months[&november.month], 0);
    assert_eq!(december.reservation.month.to_string(), "2026-12");
    bed.assert_sound("month turn").await;
}

#[tokio::test]
async fn a_plan_change_applies_to_the_current_month() {
    let bed = TestBed::new().await;
    let engine = bed.engine(&Faults::default()).await;
    use_up(&engine, 49_999).await;
    engine.store().accounts.set_plan(&account(), Plan::Starter, engine.now().month()).await.unwrap();
    let now = quota(&engine).await.unwrap();
    assert_eq!((now.plan, now.limit(), now.used(), now.rate_limit), (Plan::Starter, 15_000, 1, 15));
}

#[tokio::test]
async fn a_top_up_is_booked_once() {
    let bed = TestBed::new().await;
    let store = bed.store(&Faults::default()).await;
    use store::accounts::Change;
    let now = domain::Timestamp(crate::support::test_bed::NOV_24);
    assert_eq!(store.accounts.top_up(&account(), "pay-1", 7, now).await.unwrap(), Change::Applied);
    assert_eq!(store.accounts.top_up(&account(), "pay-1", 7, now).await.unwrap(), Change::Refused);
    let engine = bed.engine(&Faults::default()).await;
    assert_eq!(quota(&engine).await.unwrap().prepaid, Some(17));
    bed.assert_sound("top-up").await;
}
