//! All pages through one server, as fast as they go.

use std::time::Instant;

use super::super::Bench;
use super::super::figures::Throughput;
use super::super::runo::{self, BATCH, Kind, Server, Work};
use crate::Fault;

/// Measures it.
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
    let start = Instant::now();
    match work {
        Work::Batch => {
            for urls in bench.site.urls("/p/", 0, pages).chunks(BATCH) {
                let body = runo::batch(urls, fields, queued, concurrency);
                runo::all_of_batch(&server.api.post("/v1/batch", &body).await?.json()?, urls.len())?;
            }
        }
        Work::Crawl => {
            let body = runo::crawl(&format!("{}/t/", bench.site.base), pages, fields, queued);
            runo::all_of_crawl(&server.api.post("/v1/crawl", &body).await?.json()?, pages)?;
        }
    }
    let wall_s = start.elapsed().as_secs_f64();
    let after = server.settled().await;
    let cpu_s = after.cpu_s - before.cpu_s;
    Ok(Throughput { pages, wall_s, cpu_s, peak_mb: after.peak_mb, ..Throughput::default() })
}
