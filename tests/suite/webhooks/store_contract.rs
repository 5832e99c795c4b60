//! The store's contract for deliveries and secrets, on the embedded store; and the message of a job that expires.

use domain::job::Options;
use domain::segment::{Totals, UnitEnd, UnitState};
use domain::webhook::{Answer, Delivery, DeliveryState, JobEvent, Secret, Secrets, TryDecision, Webhook};
use domain::{AccountId, Endpoint, Job, Nonce, Timestamp};
use store::Store;
use store::settle::Settled;

use crate::support::faults::Faults;
use crate::support::receiver::{Receiver, rotate};
use crate::support::site::Site;
use crate::support::test_bed::{TestBed, accept, account, call, drain};
use crate::support::until;

fn nonce(n: u128) -> Nonce {
    Nonce::from_random(n)
}

/// A job whose one unit has ended, its settlement, and the delivery that is written with it.
async fn ended(bed: &TestBed) -> (Store, Job, domain::job::Settlement, Delivery) {
    let engine = bed.engine(&Faults::default()).await;
    let webhook = Webhook { url: "https://hooks.test/?k=v".into(), events: JobEvent::ALL.into() };
    let mut batch = call(Endpoint::Batch, vec!["https://x.test/".into()]);
    batch.webhook = Some(webhook.clone());
    let job = accept(&engine, batch).await.unwrap().job;
    let store = engine.store().clone();
    assert!(store.jobs.job(&job.id).await.unwrap().unwrap().webhook);
    assert_eq!(store.jobs.spec(&job).await.unwrap().webhook, Some(webhook.clone()));
    let mut row = domain::segment::Segment::untouched(0).next(domain::segment::WriteId { writer: nonce(1), n: 1 });
    row.put(0, UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, at: engine.now(), skipped: 0 });
    store.segments.put_segment(&job, &row).await.unwrap();
    let text = store::results::ResultText { seq: 0, attempt: 1, text: "{}".into() };
    store.segments.put_results(&job, &[text]).await.unwrap();
    let end = job.settle(&Totals::of([&row], 1), engine.now()).unwrap();
    let delivery = Delivery::of(&webhook, &job, &end, nonce(2));
    (store, job, end, delivery)
}

#[tokio::test]
async fn a_delivery_is_written_with_the_settlement_and_found_when_due() {
    let bed = TestBed::new().await;
    let (store, job, end, delivery) = ended(&bed).await;
    let due = end.ended_at.plus_secs(30);
    assert_eq!(store.webhooks.delivery(&job.id).await.unwrap(), None);
    let settle = async || store.jobs.settle(&job, &end, None, Some((&delivery, due))).await.unwrap();
    assert_eq!(settle().await, Settled::Written);
    assert_eq!(store.webhooks.delivery(&job.id).await.unwrap(), Some(delivery.clone()));
    assert_eq!(settle().await, Settled::Stale, "once");
    bed.assert_sound("ended with its message").await;
    let found = async |at: Timestamp| store.webhooks.due(at, 10).await.unwrap();
    assert_eq!((found(due.plus_ms(-1)).await, found(due).await), (vec![], vec![job.id.clone()]));
    assert_eq!(
        store.jobs.due(due.plus_secs(90_000), 10).await.unwrap(),
        [],
        "the list of due jobs does not contain it"
    );
    store.webhooks.postpone(&delivery, due.plus_secs(60)).await.unwrap();
    assert_eq!((found(due).await, found(due.plus_secs(60)).await), (vec![], vec![job.id.clone()]));
}

#[tokio::test]
async fn a_delivery_is_written_only_on_its_version() {
    let bed = TestBed::new().await;
    let (store, job, end, delivery) = ended(&bed).await;
    store.jobs.settle(&job, &end, None, Some((&delivery, end.ended_at))).await.unwrap();
    let claim = |who| match delivery.begin_try(end.ended_at, 45_000, nonce(who)) {
        TryDecision::Try(leased) => *leased,
        other => panic!("{other:?}"),
    };
    let (mine, theirs) = (claim(3), claim(4));
    assert!(store.webhooks.write_delivery(&mine, mine.next).await.unwrap());
    assert!(!store.webhooks.write_delivery(&theirs, theirs.next).await.unwrap(), "another process was first");
    assert!(
        store.webhooks.write_delivery(&mine, mine.next).await.unwrap(),
        "its own write, repeated after a lost reply"
    );
    store.webhooks.postpone(&delivery, Timestamp(0)).await.unwrap();
    assert_eq!(
        store.webhooks.due(Timestamp(1), 10).await.unwrap(),
        [],
        "a postponement on the version before the claim has no effect"
    );
    let over = mine.answered(Answer::Status(204, None), end.ended_at, 0, nonce(3));
    assert!(store.webhooks.write_delivery(&over, over.next).await.unwrap());
    let read = store.webhooks.delivery(&job.id).await.unwrap().unwrap();
    assert_eq!((&read, read.state), (&over, DeliveryState::Delivered));
    assert_eq!(
        store.webhooks.due(end.ended_at.plus_secs(1_000_000), 10).await.unwrap(),
        [],
        "a delivered message is not due"
    );
}

#[tokio::test]
async fn secrets_are_written_only_if_unchanged_since_they_were_read() {
    let bed = TestBed::new().await;
    let store = bed.store(&Faults::default()).await;
    let none = store.webhooks.secrets(&account()).await.unwrap();
    let with = |n| Secrets::default().rotated(Secret::from_random(n, n), Timestamp(5), 0);
    assert!(store.webhooks.put_secrets(&account(), &none, &with(1)).await.unwrap());
    assert!(
        !store.webhooks.put_secrets(&account(), &none, &with(2)).await.unwrap(),
        "another secret was written meanwhile"
    );
    let one = store.webhooks.secrets(&account()).await.unwrap();
    assert_eq!(one.secrets, with(1));
    assert!(store.webhooks.put_secrets(&account(), &one, &Secrets::default()).await.unwrap());
    assert!(!store.webhooks.put_secrets(&account(), &one, &with(3)).await.unwrap());
    let other = AccountId::parse("b").unwrap();
    assert_eq!(store.webhooks.secrets(&other).await.unwrap(), store::webhooks::SecretsRow::default());
}

#[tokio::test]
async fn an_expired_job_sends_its_message() {
    let (bed, site) = (TestBed::with_queue().await, Site::start().await);
    let (engine, receiver) = (bed.engine(&Faults::default()).await, Receiver::start(&[200]).await);
    rotate(engine.store(), "a", engine.now(), 0, 7).await;
    let mut batch = call(Endpoint::Batch, site.urls("/gate", 2));
    batch.options = Options { timeout_ms: 120_000, ..batch.options };
    batch.webhook = Some(Webhook { url: receiver.url(), events: vec![JobEvent::Expired] });
    let stream = engine.driver.start(*accept(&engine, batch).await.unwrap(), None);
    until("both pages are requested", async || site.hits() == 2).await;
    bed.clock.advance(86_400 + 1);
    drain(stream).await.unwrap();
    bed.deliver(&engine, &engine, 0).await;
    let received = receiver.received();
    assert_eq!(received.iter().map(|message| message.event()).collect::<Vec<_>>(), ["job.expired"]);
    assert_eq!(received[0].json()["data"]["progress"]["failed"], 2);
    bed.assert_sound("expired").await;
}
