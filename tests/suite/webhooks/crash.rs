//! A fault at every call: a job ends and its message is sent to a receiver that fails once, with each kind of fault at
//! each call to tables and queues. The receiver always gets the message, under one `webhook-id`; if the process lives
//! on, exactly once more than it failed.

use std::time::Duration;

use domain::Endpoint;
use domain::webhook::{DeliveryState, JobEvent, Webhook};
use engine::Engine;
use store::StoreError;

use crate::support::faults::{Fault, Faults};
use crate::support::receiver::{Receiver, rotate};
use crate::support::site::Site;
use crate::support::world::{Ground, accept, call, drain};

async fn scenario(ground: &Ground, engine: &Engine, site: &Site, receiver: &Receiver) -> Result<(), StoreError> {
    let mut batch = call(Endpoint::Batch, site.urls("/p", 1));
    batch.webhook = Some(Webhook { url: receiver.url(), events: JobEvent::ALL.into() });
    let started = accept(engine, batch).await?;
    drain(engine.driver.start(*started, None)).await?;
    for _ in 0..2 {
        ground.deliver(engine, engine, 0).await;
        ground.clock.advance(6);
    }
    Ok(())
}

/// Runs once and returns whether the fault was injected.
async fn run(fault: Option<(usize, Fault)>, site: &Site) -> bool {
    let ground = Ground::with_queue().await;
    let healthy = ground.engine(&Faults::default()).await;
    let secret = rotate(healthy.store(), "a", healthy.now(), 0, 7).await;
    let receiver = Receiver::start(&[500, 200]).await;
    let faults = Faults::default();
    let engine = ground.engine(&faults).await;
    let context = format!("{fault:?}");
    match fault {
        Some((at, fault)) => faults.plan(at, fault),
        None => faults.reset(),
    }
    let ran = tokio::time::timeout(Duration::from_secs(20), scenario(&ground, &engine, site, &receiver)).await;
    let ran = ran.unwrap_or_else(|_| panic!("{context}: hangs"));
    tokio::time::timeout(Duration::from_secs(20), engine.idle()).await.unwrap_or_else(|_| panic!("{context}: hangs"));
    let struck = faults.struck();
    let lone = matches!(fault, None | Some((_, Fault::Before | Fault::ReplyLost)));
    assert!(!lone || ran.is_ok(), "{context}: a single fault must not reach the caller: {ran:?}");
    ground.settle_all().await;
    let jobs = healthy.store().audit.snapshot().await.unwrap().jobs;
    let Some(job) = jobs.first().map(|rows| rows.job.id.clone()) else { return struck };
    let state = async || healthy.notifier.delivery(&job).await.unwrap().unwrap().state;
    for _ in 0..12 {
        if state().await != DeliveryState::Pending {
            break;
        }
        ground.clock.advance(1_000);
        healthy.notifier.sweep().await.unwrap();
        ground.deliver(&healthy, &healthy, 0).await;
    }
    assert_eq!(state().await, DeliveryState::Delivered, "{context}");
    let heard = receiver.heard();
    let most = if lone { 2 } else { 3 };
    assert!((2..=most).contains(&heard.len()), "{context}: heard {} times", heard.len());
    for message in &heard {
        assert_eq!((&message.id, &message.body), (&heard[0].id, &heard[0].body), "{context}");
        assert_eq!(message.signed_by(&secret), 1, "{context}");
    }
    ground.assert_sound(&context).await;
    struck
}

#[tokio::test]
async fn a_message_survives_a_fault_at_every_call() {
    let site = Site::start().await;
    run(None, &site).await;
    for fault in Fault::ALL {
        let mut at = 0;
        while run(Some((at, fault)), &site).await {
            at += 1;
        }
        assert!((10..200).contains(&at), "{fault:?}: struck at {at} calls");
    }
}
