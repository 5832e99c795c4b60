//! Measures the throughput of one server for all pages.

use std::time::Duration;

use super::super::Bench;
use super::super::figures::Throughput;
use super::super::runo::{self, BATCH, Kind, Server, Work};
use crate::Fault;

/// Measures one kind of work.
///
/// # Errors
/// The server does not do its work.
pub(crate) async fn measure(
    bench: &Bench,
    kind: Kind,
    work: Work,
    queued: bool,
    fields: usize,
) -> Result<Throughput, Fault> {
    let server = Server::start(bench, kind).await?;
    let (pages, concurrency) = (bench.options.pages, bench.options.concurrency);
    let before = server.usage();
    // From sending to the last byte: building the request and checking the answer are not the server's work.
    let mut wall = Duration::ZERO;
    match work {
        Work::Batch => {
            for urls in bench.site.urls("/p/", 0, pages).chunks(BATCH) {
                let answer = server.api.post("/v1/batch", &runo::batch(urls, fields, queued, concurrency)).await?;
                runo::check_batch(&answer.json()?, urls.len())?;
                wall += answer.total;
            }
        }
        Work::Crawl => {
            let body = runo::crawl(&format!("{}/t/", bench.site.base), pages, fields, queued);
            let answer = server.api.post("/v1/crawl", &body).await?;
            runo::check_crawl(&answer.json()?, pages)?;
            wall += answer.total;
        }
    }
    let after = server.settled_usage().await;
    let cpu_s = after.cpu_s - before.cpu_s;
    Ok(Throughput { pages, wall_s: wall.as_secs_f64(), cpu_s, peak_mb: after.peak_mb, ..Throughput::default() })
}
