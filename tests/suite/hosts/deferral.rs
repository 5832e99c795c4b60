//! Messages whose units cannot run now: they are delivered again when one of the units can run, and no unit is lost.

use domain::Endpoint;
use engine::Handled;

use super::{ACCOUNT_A, ACCOUNT_B, retry_after, url};
use crate::support::faults::Faults;
use crate::support::site::Site;
use crate::support::test_bed::{TestBed, accept, call};
use crate::support::until;

/// Another worker holds one of a message's two units, and the other unit's host is closed. One new message names both
/// and is delivered when the first of them may run.
#[tokio::test]
async fn held_and_deferred_units_are_delivered_again_in_one_message() {
    let (mut bed, site, closed) = (TestBed::with_queue().await, Site::start().await, Site::start().await);
    bed.settings.units_per_message = 2;
    let (one, other) = (bed.engine(&Faults::default()).await, bed.engine(&Faults::default()).await);
    let target = url(&closed.url("/p/1"));
    // Two accounts report that the host is closed, so it is closed for all accounts.
    for (engine, by) in [(&one, ACCOUNT_A), (&other, ACCOUNT_B), (&one, ACCOUNT_B), (&other, ACCOUNT_A)] {
        engine.pacing.record_response(by, &target, retry_after(600)).await;
    }
    let mut queued = call(Endpoint::Batch, vec![site.url("/gate/0"), target.to_string()]);
    (queued.async_mode, queued.options.concurrency) = (true, Some(1));
    let job = accept(&one, queued).await.unwrap().job;
    let worker = one.clone();
    let id = job.id.clone();
    let working = tokio::spawn(async move { worker.worker.work(&id, 0, &[0, 1], 1, None).await });
    until("one unit runs", async || site.hits() == 1).await;

    assert_eq!(other.worker.work(&job.id, 0, &[0, 1], 2, None).await.unwrap(), Handled::Acknowledge);
    let queue = bed.queue.clone().unwrap();
    assert!(queue.receive("units", 0).is_none(), "the message is delayed");
    // The unit's timeout and its lease end before the other unit's host opens.
    bed.clock.advance(60);
    let message = queue.receive("units", 0).expect("a delayed message").message();
    assert_eq!(message, store::queue::Message::Units { job: job.id.clone(), lane: 0, seqs: vec![0, 1] });

    site.open_gate();
    working.await.unwrap().unwrap();
    assert_eq!(closed.hits(), 0);
    bed.clock.advance(900);
    bed.settle_all().await;
    assert_eq!((site.hits(), closed.hits()), (1, 1));
    bed.assert_sound("held and deferred").await;
}
