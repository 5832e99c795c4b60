//! A fault at every call: a job ends and its message is sent to a receiver that fails once, with each kind of fault at
//! each call to tables and queues where it makes a difference. The receiver always gets the message, under one
//! `webhook-id`. If the process survives the fault, the receiver gets it exactly twice.

use domain::Endpoint;
use domain::webhook::{DeliveryState, JobEvent, Webhook};
use engine::Engine;
use store::StoreError;

use crate::support::faults::{self, Fault, Faults};
use crate::support::receiver::{Receiver, rotate};
use crate::support::site::Site;
use crate::support::test_bed::{TestBed, accept, call, drain, run_process};

async fn scenario(bed: &TestBed, engine: &Engine, site: &Site, receiver: &Receiver) -> Result<(), StoreError> {
    let mut batch = call(Endpoint::Batch, site.urls("/p", 1));
    batch.webhook = Some(Webhook { url: receiver.url(), events: JobEvent::ALL.into() });
    let started = accept(engine, batch).await?;
    drain(engine.driver.start(*started, None)).await?;
    for _ in 0..2 {
        bed.deliver(engine, engine, 0).await;
        bed.clock.advance(6);
    }
    Ok(())
}

/// Runs once. Returns whether the fault was injected, and how often the receiver got the message.
async fn run(fault: Option<(usize, Fault)>, site: &Site) -> (bool, usize) {
    let bed = TestBed::with_queue().await;
    let healthy = bed.engine(&Faults::default()).await;
    let secret = rotate(healthy.store(), "a", healthy.now(), 0, 7).await;
    let receiver = Receiver::start(&[500, 200]).await;
    let faults = Faults::default();
    let engine = bed.engine(&faults).await;
    let context = format!("{fault:?}");
    let _ = run_process(&engine, &faults, fault, &context, scenario(&bed, &engine, site, &receiver)).await;
    let injected = faults.injected();
    bed.settle_all().await;
    let jobs = healthy.store().audit.snapshot().await.unwrap().jobs;
    let Some(job) = jobs.first().map(|rows| rows.job.id.clone()) else { return (injected, 0) };
    let state = async || healthy.notifier.delivery(&job).await.unwrap().unwrap().state;
    for _ in 0..12 {
        if state().await != DeliveryState::Pending {
            break;
        }
        bed.clock.advance(1_000);
        healthy.notifier.sweep().await.unwrap();
        bed.deliver(&healthy, &healthy, 0).await;
    }
    assert_eq!(state().await, DeliveryState::Delivered, "{context}");
    let received = receiver.received();
    let max = if fault.is_none_or(|(_, fault)| fault.process_survives()) { 2 } else { 3 };
    assert!((2..=max).contains(&received.len()), "{context}: received {} times", received.len());
    for message in &received {
        assert_eq!((&message.id, &message.body), (&received[0].id, &received[0].body), "{context}");
        assert_eq!(message.signed_by(&secret), 1, "{context}");
    }
    bed.assert_sound(&context).await;
    (injected, received.len())
}

#[tokio::test]
async fn a_message_survives_a_fault_at_every_call() {
    let site = Site::start().await;
    assert_eq!(run(None, &site).await, (false, 2));
    let mut max = 0;
    let each = async |n, fault| {
        let (injected, received) = run(Some((n, fault)), &site).await;
        max = max.max(received);
        injected
    };
    faults::at_every_call(&Fault::ALL, 10..200, 8..60, each).await;
    assert_eq!(max, 3, "a process that dies after it sent a message, before it records that, sends it again");
}
