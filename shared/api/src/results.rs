//! Writes a job's results as one streamed JSON document: each as soon as its place in the order allows, white space
//! while there is nothing to say, and a well-formed end in every case.

use std::time::Duration;

use bytes::Bytes;
use domain::{Endpoint, Job, Outcome};
use engine::Engine;
use engine::feed::{Feed, Item};
use engine::marker;
use tokio::time::{Instant, sleep_until};

use crate::body::Sender;

/// A client that pipes (curl) shows nothing until it has this much.
const PAD_BYTES: usize = 4_096;
/// When it is sent, if no more than that has been by then.
const PAD_AFTER: Duration = Duration::from_millis(250);
/// Longest silence on the wire.
const SILENCE: Duration = Duration::from_secs(15);
/// Wait before the rows are asked again after a fault of the store.
const FAULT_PAUSE: Duration = Duration::from_secs(1);

/// The wire, with what the rules about white space need to know.
struct Out {
    engine: Engine,
    sender: Sender,
    sent: usize,
    pad_at: Option<Instant>,
    speak_by: Instant,
}

impl Out {
    /// Sends bytes. Where the client has gone there is nobody to tell; the job goes on all the same.
    async fn send(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.sent += bytes.len();
        self.speak_by = Instant::now() + SILENCE;
        let _ = self.sender.send(bytes).await;
    }

    /// Waits for `work` while keeping the connection awake; `None` once `until` has come or the process is to end.
    async fn while_waiting<T>(&mut self, until: Instant, work: impl Future<Output = T>) -> Option<T> {
        let engine = self.engine.clone();
        let stopped = engine.stopped();
        tokio::pin!(work, stopped);
        loop {
            let wake = self.pad_at.unwrap_or(self.speak_by).min(self.speak_by);
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = sleep_until(until) => return None,
                () = &mut stopped => return None,
                () = sleep_until(wake) => {
                    let pad = self.pad_at.take().is_some() && self.sent < PAD_BYTES;
                    self.send(if pad { vec![b' '; PAD_BYTES] } else { vec![b' '] }).await;
                }
            }
        }
    }
}

/// Writes the body of a job that a feed follows, for `hold` at most.
pub(crate) async fn write(engine: Engine, mut feed: Feed, sender: Sender, hold: Duration) {
    let now = Instant::now();
    let mut out = Out { engine, sender, sent: 0, pad_at: Some(now + PAD_AFTER), speak_by: now + SILENCE };
    let until = now + hold;
    match feed.job().endpoint {
        Endpoint::Extract => write_one(&mut feed, &mut out, until).await,
        Endpoint::Batch | Endpoint::Crawl => write_many(&mut feed, &mut out, until).await,
    }
}

/// The next item; faults of the store are waited out. `None` when the time is up.
async fn next(feed: &mut Feed, out: &mut Out, until: Instant) -> Option<Item> {
    let work = async {
        loop {
            match feed.next().await {
                Ok(item) => return item,
                Err(error) => {
                    tracing::warn!(job = %feed.job().id, %error, "could not read results; asking again");
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
            }
        }
    };
    out.while_waiting(until, work).await
}

async fn write_one(feed: &mut Feed, out: &mut Out, until: Instant) {
    match next(feed, out, until).await {
        Some(Item::Result(text)) => out.send(text + "\n").await,
        // GET result?from=1 of an extract: there is nothing after its one result.
        Some(Item::End(_)) => out.send("{}\n").await,
        None => {
            let job = feed.job().id.clone();
            let url = feed.url(0).await.unwrap_or_default();
            let body = serde_json::json!({
                "url": url, "status": "pending", "job_id": job, "next": format!("/v1/jobs/{job}/result"),
            });
            out.send(format!("{body}\n")).await;
        }
    }
}

async fn write_many(feed: &mut Feed, out: &mut Out, until: Instant) {
    let mut lead = "{\"results\":[";
    loop {
        match next(feed, out, until).await {
            Some(Item::Result(text)) => {
                out.send(format!("{lead}{text}")).await;
                lead = ",\n";
            }
            Some(Item::End(job)) => {
                let open = if lead == ",\n" { "" } else { lead };
                out.send(format!("{open}],{}", summary(&job))).await;
                return;
            }
            None => return hand_over(feed, out, lead).await,
        }
    }
}

/// Ends a body whose job still runs: what is open reads `pending`, and `next` says where to go on.
async fn hand_over(feed: &mut Feed, out: &mut Out, mut lead: &'static str) {
    for seq in feed.position()..feed.job().admitted {
        let Ok(url) = feed.url(seq).await else { break };
        out.send(format!("{lead}{}", marker::pending_json(&url))).await;
        lead = ",\n";
    }
    let open = if lead == ",\n" { "" } else { lead };
    let job = feed.job();
    let tail = serde_json::json!({
        "status": "running",
        "job_id": job.id,
        "next": format!("/v1/jobs/{}/result", job.id),
        "total": job.admitted,
    });
    out.send(format!("{open}],{}\n", &tail.to_string()[1..])).await;
}

/// The members after `results`, with the closing brace.
fn summary(job: &Job) -> String {
    let tally = job.tally.unwrap_or_default();
    let charge = job.charge;
    let members = serde_json::json!({
        "total": tally.total,
        "succeeded": tally.done,
        "failed": tally.failed,
        "not_run": tally.cancelled,
        "cancelled": job.state.heads_for() == Outcome::Cancelled,
        "credits_reserved": job.reservation.total(),
        "credits_charged": charge.map(|c| c.charged),
        "credits_refunded": charge.map(|c| c.refunded()),
    });
    // A JSON object of known members: everything after its opening brace.
    format!("{}\n", &members.to_string()[1..])
}
