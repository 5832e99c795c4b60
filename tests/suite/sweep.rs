//! When the sweep sends a job's units to the queue again: not while its message waits in a backlog, and soon if the
//! message cannot be waiting or may be lost.

use domain::segment::{Segment, UnitState};
use domain::{Endpoint, JobId};
use engine::Engine;

use crate::support::faults::{Fault, Faults};
use crate::support::site::Site;
use crate::support::test_bed::{TestBed, accept, call};
use crate::support::test_queue::TestQueue;

/// A queue in which another job's message waits, because all workers are busy.
struct Backlog {
    bed: TestBed,
    site: Site,
    engine: Engine,
    other: JobId,
}

impl Backlog {
    async fn new() -> Backlog {
        let (bed, site) = (TestBed::with_queue().await, Site::start().await);
        let engine = bed.engine(&Faults::default()).await;
        let other = send(&engine, &site).await;
        Backlog { bed, site, engine, other }
    }

    fn queue(&self) -> &TestQueue {
        self.bed.queue.as_ref().unwrap()
    }

    /// Advances the clock, writes a worker's heartbeat, and sweeps.
    async fn sweep_after(&self, secs: i64) {
        self.bed.clock.advance(secs);
        self.engine.store().jobs.record_heartbeat(self.engine.now()).await.unwrap();
        self.engine.sweeper.sweep(None).await.unwrap();
    }
}

/// A detached job of one message, sent to the queue.
async fn send(engine: &Engine, site: &Site) -> JobId {
    let mut batch = call(Endpoint::Batch, site.urls("/p", 2));
    batch.async_mode = true;
    let started = accept(engine, batch).await.unwrap();
    let job = started.job.id.clone();
    engine.driver.detach(*started, None).await;
    job
}

#[tokio::test]
async fn in_a_backlog_nothing_is_sent_again() {
    let backlog = Backlog::new().await;
    let job = send(&backlog.engine, &backlog.site).await;
    for _ in 0..20 {
        backlog.sweep_after(60).await;
    }
    assert_eq!((backlog.queue().messages_of(&job), backlog.queue().messages_of(&backlog.other)), (1, 1));
    // The waiting messages are handled as usual.
    backlog.bed.deliver(&backlog.engine, &backlog.engine, 0).await;
    backlog.bed.settle_all().await;
    backlog.bed.assert_sound("after the backlog").await;
}

#[tokio::test]
async fn when_the_workers_stall_everything_is_sent_again() {
    let backlog = Backlog::new().await;
    backlog.sweep_after(31).await;
    assert_eq!(backlog.queue().messages_of(&backlog.other), 1);
    backlog.bed.clock.advance(31);
    backlog.engine.sweeper.sweep(None).await.unwrap();
    assert_eq!(backlog.queue().messages_of(&backlog.other), 2);
}

#[tokio::test]
async fn without_a_backlog_a_lost_message_is_sent_again() {
    let backlog = Backlog::new().await;
    backlog.queue().lose_all();
    backlog.sweep_after(31).await;
    assert_eq!(backlog.queue().messages_of(&backlog.other), 1);
}

#[tokio::test]
async fn in_a_backlog_a_lost_message_is_sent_again_after_about_an_hour() {
    let backlog = Backlog::new().await;
    let job = send(&backlog.engine, &backlog.site).await;
    backlog.queue().lose(&job);
    let mut minutes = 0;
    while backlog.queue().messages_of(&job) == 0 {
        backlog.sweep_after(60).await;
        minutes += 1;
        assert!(minutes < 90, "the job is never sent again");
    }
    // 128 leases, and a sweep for each check of the job.
    assert!((64..=75).contains(&minutes), "{minutes} minutes");
}

#[tokio::test]
async fn in_a_backlog_a_job_whose_handler_died_before_sending_is_sent_at_the_next_sweep() {
    let backlog = Backlog::new().await;
    let mut batch = call(Endpoint::Batch, backlog.site.urls("/p", 2));
    batch.async_mode = true;
    let job = accept(&backlog.engine, batch).await.unwrap().job.id;
    backlog.sweep_after(31).await;
    assert_eq!((backlog.queue().messages_of(&job), backlog.queue().messages_of(&backlog.other)), (1, 1));
}

/// Sends a job, and lets its worker die after the n-th call. Returns the job if one of its units is started then.
async fn job_of_dead_worker(backlog: &Backlog, calls: usize) -> Option<JobId> {
    let job = send(&backlog.engine, &backlog.site).await;
    let faults = Faults::default();
    let worker = backlog.bed.engine(&faults).await;
    let sent = loop {
        let sent = backlog.queue().receive("units", 0).unwrap();
        if matches!(sent.message(), store::queue::Message::Units { job: of, .. } if of == job) {
            break sent;
        }
    };
    faults.plan(calls, Fault::DeathAfter);
    backlog.bed.handle(backlog.queue(), &sent, &worker, &backlog.engine).await;
    let row = backlog.engine.jobs.job(&job).await.unwrap().unwrap();
    let rows = backlog.engine.store().segments.all_segments(&row).await.unwrap();
    let started = |(_, unit)| matches!(unit, UnitState::Started { .. });
    rows.iter().flat_map(Segment::non_pending).any(started).then_some(job)
}

#[tokio::test]
async fn in_a_backlog_a_job_whose_worker_died_is_sent_again_after_its_lease() {
    for calls in 0..20 {
        let backlog = Backlog::new().await;
        let Some(job) = job_of_dead_worker(&backlog, calls).await else { continue };
        // Its message is hidden for the visibility timeout; another one waits.
        let waiting = send(&backlog.engine, &backlog.site).await;
        let before = backlog.queue().messages_of(&job);
        // The lease lasts for the page's timeout and 30 s.
        backlog.sweep_after(55).await;
        assert_eq!((backlog.queue().messages_of(&job), backlog.queue().messages_of(&waiting)), (before + 1, 1));
        return;
    }
    panic!("the worker starts nothing");
}
