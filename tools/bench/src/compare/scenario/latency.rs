//! Measures how long a client waits: for extracts, for the head of large batches, for a cancel, for one URL through the
//! queue.

use std::time::{Duration, Instant};

use http::Method;

use super::super::Bench;
use super::super::figures::Results;
use super::super::runo::{self, BATCH, Kind, Server};
use crate::Fault;

/// Numbers of concurrent clients.
const CLIENTS: [usize; 3] = [1, 8, 32];
/// Sizes of cancelled batches in URLs, nearly all of which are open at that time.
const CANCELLED_BATCHES: [usize; 2] = [1_000, 10_000];
/// Of a cancelled batch: concurrent fetches, milliseconds per page, and requests after which it is cancelled.
const SLOW_BATCH: (usize, u64, u64) = (32, 300, 64);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Measures extracts, to the head and to the end, at each number of concurrent clients.
///
/// # Errors
/// An extract did not succeed.
pub(crate) async fn extracts(bench: &Bench, results: &mut Results) -> Result<(), Fault> {
    for clients in CLIENTS {
        let server = Server::start(bench, Kind::Whole).await?;
        let each = bench.options.share(bench.options.extracts).div_ceil(clients);
        let calls: Vec<_> = (0..clients)
            .map(|client| {
                let urls = bench.site.urls("/p/", (client * each) as u64, each as u64);
                let api = server.api.clone();
                tokio::spawn(async move {
                    let mut times = Vec::with_capacity(urls.len());
                    for url in urls {
                        let answer = api.post("/v1/extract", &runo::extract(&url, 2)).await?;
                        if answer.json()?["status"] != "success" {
                            return Err(format!("{url}: {}", answer.json()?).into());
                        }
                        times.push((ms(answer.head), ms(answer.total)));
                    }
                    Ok::<_, Fault>(times)
                })
            })
            .collect();
        let mut times = Vec::new();
        for call in calls {
            times.extend(call.await??);
        }
        results.latency(&format!("extract, head, {clients} clients"), times.iter().map(|t| t.0));
        results.latency(&format!("extract, whole, {clients} clients"), times.iter().map(|t| t.1));
    }
    Ok(())
}

/// Measures the head of batches of the maximum size, by one client. Cancels each once its head has arrived.
///
/// # Errors
/// A batch was not accepted.
pub(crate) async fn heads(bench: &Bench, results: &mut Results) -> Result<(), Fault> {
    let server = Server::start(bench, Kind::Whole).await?;
    let body = runo::batch(&bench.site.urls("/p/", 0, BATCH as u64), 2, false, 8);
    for _ in 0..bench.options.share(bench.options.heads) {
        let open = server.api.open(Method::POST, "/v1/batch", Some(&body)).await?;
        let (job, head) = (open.job()?, open.head);
        server.api.cancel(&job).await?;
        open.finish().await?.json()?;
        results.latency("batch of 1,000, head, 1 client", [ms(head)]);
    }
    Ok(())
}

/// Measures the time from the answer to a DELETE to the last request that the target receives, in the middle of a batch
/// of slow pages.
///
/// # Errors
/// The batch or the cancel was not accepted.
pub(crate) async fn cancels(bench: &Bench, results: &mut Results) -> Result<(), Fault> {
    let server = Server::start(bench, Kind::Whole).await?;
    for urls in CANCELLED_BATCHES {
        cancels_of_size(bench, &server, urls, results).await?;
    }
    Ok(())
}

async fn cancels_of_size(bench: &Bench, server: &Server, urls: usize, results: &mut Results) -> Result<(), Fault> {
    let (concurrency, slow, after) = SLOW_BATCH;
    let body = runo::batch(&bench.site.urls(&format!("/slow/{slow}/"), 0, urls as u64), 2, false, concurrency);
    for _ in 0..bench.options.share(bench.options.cancels) {
        bench.site.reset().await?;
        let open = server.api.open(Method::POST, "/v1/batch", Some(&body)).await?;
        let job = open.job()?;
        let rest = tokio::spawn(open.finish());
        while bench.site.stats().await?.slow < after && !rest.is_finished() {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        let took = server.api.cancel(&job).await?;
        let answered = Instant::now();
        let answer = rest.await??.json()?;
        if answer["cancelled"] != true {
            return Err("a batch ended before it was cancelled".into());
        }
        // Waits as long as a slow page takes, so that a request after the end of the batch would be counted.
        tokio::time::sleep(Duration::from_millis(slow)).await;
        let since = ms(answered.elapsed());
        let ago = bench.site.stats().await?.slow_ago_us as f64 / 1e3;
        results.latency(&format!("DELETE of {urls} URLs, answered"), [ms(took)]);
        results.latency("DELETE answered → last request", [(since - ago).max(0.0)]);
    }
    Ok(())
}

/// Measures one URL through an idle queue, end to end.
///
/// # Errors
/// The URL did not succeed.
pub(crate) async fn asyncs(bench: &Bench, results: &mut Results) -> Result<(), Fault> {
    let server = Server::start(bench, Kind::Whole).await?;
    for url in bench.site.urls("/p/", 0, bench.options.share(bench.options.asyncs) as u64) {
        let body = runo::batch(std::slice::from_ref(&url), 2, true, 8);
        let answer = server.api.post("/v1/batch", &body).await?;
        runo::check_batch(&answer.json()?, 1)?;
        results.latency("one async URL, end to end", [ms(answer.total)]);
    }
    Ok(())
}
