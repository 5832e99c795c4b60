//! Measures overload: which calls the server refuses, how fast, and whether it serves the accepted calls and recovers
//! afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;

use super::super::Bench;
use super::super::client::{Answer, Api};
use super::super::figures::{Load, Results};
use super::super::runo::{self, Kind, Server};
use super::latency::ms;
use crate::Fault;

/// Number of clients in the closed loop that measures the capacity.
const CLIENTS: usize = 32;
/// Number of URLs in each of the many batches.
const BATCH: u64 = 100;
/// Number of sequential calls after the load.
const CALLS_AFTER: u64 = 20;

impl Load {
    fn count(&mut self, answer: Result<Answer, Fault>, is_complete: impl Fn(&Value) -> bool) {
        self.sent += 1;
        let Ok(answer) = answer else {
            self.other += 1;
            return;
        };
        match answer.status {
            200 => {
                self.ok += 1;
                self.answered_ms.push(ms(answer.total));
                self.incomplete += usize::from(!answer.json().is_ok_and(|body| is_complete(&body)));
                return;
            }
            429 => self.status_429 += 1,
            503 => self.status_503 += 1,
            _ => self.other += 1,
        }
        self.refused_ms.push(ms(answer.total));
        self.refused_without_retry_after += usize::from(!answer.retry_after);
    }
}

/// Returns the extracts per second that clients get if each waits for an answer before it asks again.
async fn closed_loop(bench: &Bench, api: &Api) -> Result<f64, Fault> {
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    let start = Instant::now();
    for client in 0..CLIENTS {
        let (api, stop, done) = (api.clone(), stop.clone(), done.clone());
        let body = runo::extract(&bench.site.urls("/p/", client as u64, 1)[0], 2);
        clients.spawn(async move {
            while !stop.load(Relaxed) {
                api.post("/v1/extract", &body).await?.json()?;
                done.fetch_add(1, Relaxed);
            }
            Ok::<(), Fault>(())
        });
    }
    tokio::time::sleep(Duration::from_secs(bench.options.seconds)).await;
    stop.store(true, Relaxed);
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Ok(done.load(Relaxed) as f64 / start.elapsed().as_secs_f64())
}

async fn calls_after(bench: &Bench, server: &Server, load: &mut Load) -> Result<(), Fault> {
    for url in bench.site.urls("/p/", 0, CALLS_AFTER) {
        let answer = server.api.post("/v1/extract", &runo::extract(&url, 2)).await?;
        if answer.json()?["status"] != "success" {
            return Err(format!("after the load an extract gave {}", answer.json()?).into());
        }
        load.after_ms.push(ms(answer.total));
    }
    load.peak_mb = server.usage().peak_mb;
    Ok(())
}

/// Sends twice as many extracts per second as can be served, in an open loop.
///
/// # Errors
/// The server does not serve before or after the load.
pub(crate) async fn extracts(bench: &Bench, round: usize, results: &mut Results) -> Result<(), Fault> {
    let server = Server::start(bench, Kind::Whole).await?;
    let rate = closed_loop(bench, &server.api).await?;
    results.number("extracts served to 32 clients that wait", "extracts/s", rate);
    let mut load = Load { name: "extracts, open loop".into(), round, offered_per_s: 2.0 * rate, ..Load::default() };
    let mut calls = JoinSet::new();
    let start = Instant::now();
    let total = (load.offered_per_s * bench.options.seconds as f64) as u64;
    for call in 0..total {
        let due = start + Duration::from_secs_f64(call as f64 / load.offered_per_s);
        tokio::time::sleep_until(due.into()).await;
        let (api, body) = (server.api.clone(), runo::extract(&bench.site.urls("/p/", call, 1)[0], 2));
        calls.spawn(async move { api.post("/v1/extract", &body).await });
    }
    while let Some(call) = calls.join_next().await {
        load.count(call?, |body| body["status"] == "success");
    }
    load.seconds = start.elapsed().as_secs_f64();
    calls_after(bench, &server, &mut load).await?;
    results.loads.push(load);
    Ok(())
}

/// Sends many large batches at once.
///
/// # Errors
/// The server does not serve after the load.
pub(crate) async fn batches(bench: &Bench, round: usize, results: &mut Results) -> Result<(), Fault> {
    let server = Server::start(bench, Kind::Whole).await?;
    let mut load =
        Load { name: format!("{} batches of {BATCH} at once", bench.options.storm), round, ..Load::default() };
    let (mut calls, start) = (JoinSet::new(), Instant::now());
    for call in 0..bench.options.storm as u64 {
        let body = runo::batch(&bench.site.urls("/p/", call * BATCH, BATCH), 2, false, 8);
        let api = server.api.clone();
        calls.spawn(async move { api.post("/v1/batch", &body).await });
    }
    while let Some(call) = calls.join_next().await {
        let call = call?;
        if let Ok(answer) = &call
            && answer.status == 200
        {
            results.latency("many batches at once, head of what was accepted", [ms(answer.head)]);
        }
        load.count(call, |body| body["succeeded"] == BATCH);
    }
    load.seconds = start.elapsed().as_secs_f64();
    calls_after(bench, &server, &mut load).await?;
    results.loads.push(load);
    Ok(())
}
