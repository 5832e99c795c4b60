//! Measures what a unit costs as jobs grow in size and number, and what lists and results cost as they grow.

use std::time::Instant;

use http::Method;

use super::super::Bench;
use super::super::figures::{Point, Results};
use super::super::runo::{self, Kind, Server};
use super::latency::ms;
use crate::Fault;

/// Minimum number of units per size: small jobs are repeated, because CPU time is counted in ticks of 10 ms.
const MIN_UNITS: u64 = 500;
/// Number of URLs in each of many concurrent jobs.
const SMALL_BATCH: u64 = 20;
/// Number of entries per page of a list or result.
const PAGE_SIZE: usize = 20;
/// Number of reads of a list or result.
const READS: usize = 20;

/// A series of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Series {
    /// One batch of N URLs.
    Batch,
    /// One crawl of N pages.
    Crawl,
    /// N concurrent batches of 20 URLs.
    AtOnce,
}

impl Series {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Series::Batch => "one batch of N URLs",
            Series::Crawl => "one crawl of N pages",
            Series::AtOnce => "N batches of 20 URLs at once",
        }
    }

    async fn run_once(self, bench: &Bench, server: &Server, size: u64) -> Result<(), Fault> {
        let api = &server.api;
        match self {
            Series::Batch => {
                let body = runo::batch(&bench.site.urls("/p/", 0, size), 2, false, bench.options.concurrency);
                runo::check_batch(&api.post("/v1/batch", &body).await?.json()?, usize::try_from(size)?)
            }
            Series::Crawl => {
                let body = runo::crawl(&format!("{}/t/{size}/", bench.site.base), size, 2, false);
                runo::check_crawl(&api.post("/v1/crawl", &body).await?.json()?, size)
            }
            Series::AtOnce => {
                let jobs = (0..size).map(|job| async move {
                    let body = runo::batch(&bench.site.urls("/p/", job * SMALL_BATCH, SMALL_BATCH), 2, false, 8);
                    runo::check_batch(&api.post("/v1/batch", &body).await?.json()?, usize::try_from(SMALL_BATCH)?)
                });
                futures_util::future::try_join_all(jobs).await.map(|_| ())
            }
        }
    }
}

/// Measures one series over its sizes, each on its own server.
///
/// # Errors
/// A job did not complete all of its units.
pub(crate) async fn series(bench: &Bench, series: Series, round: usize, results: &mut Results) -> Result<(), Fault> {
    let (sizes, each) = match series {
        Series::Batch => (&bench.options.batch_sizes, 1),
        Series::Crawl => (&bench.options.crawl_sizes, 1),
        Series::AtOnce => (&bench.options.jobs_at_once, SMALL_BATCH),
    };
    for &size in sizes {
        let server = Server::start(bench, Kind::Whole).await?;
        let (units, repeat) = (size * each, (MIN_UNITS / (size * each)).max(1));
        let (before, start) = (server.usage(), Instant::now());
        for _ in 0..repeat {
            series.run_once(bench, &server, size).await?;
        }
        let (wall_ms, after) = (ms(start.elapsed()), server.settled_usage().await);
        let units = (units * repeat) as f64;
        let cpu_ms = (after.cpu_s - before.cpu_s) * 1e3 / units;
        let (series, wall_ms, peak_mb) = (series.name().to_owned(), wall_ms / units, after.peak_mb);
        results.points.push(Point { series, round, size, wall_ms, cpu_ms, peak_mb });
    }
    Ok(())
}

async fn reads(server: &Server, results: &mut Results, name: &str, path: &str) -> Result<(), Fault> {
    for _ in 0..READS {
        let answer = server.api.get(path).await?;
        answer.json()?;
        results.latency(name, [ms(answer.total)]);
    }
    Ok(())
}

/// Measures reading a page of the job list and a page of a result as both grow.
///
/// # Errors
/// A job failed, or a page could not be read.
pub(crate) async fn paging(bench: &Bench, results: &mut Results) -> Result<(), Fault> {
    let server = Server::start(bench, Kind::Whole).await?;
    let url = bench.site.urls("/p/", 0, 1);
    let mut created = 1;
    for &jobs in &bench.options.listed_jobs {
        while created < jobs {
            let body = runo::batch(&url, 2, false, 1);
            runo::check_batch(&server.api.post("/v1/batch", &body).await?.json()?, 1)?;
            created += 1;
        }
        let name = format!("GET jobs, {PAGE_SIZE} of {jobs}");
        reads(&server, results, &name, &format!("/v1/jobs?limit={PAGE_SIZE}")).await?;
    }
    for &size in &bench.options.crawl_sizes {
        let body = runo::crawl(&format!("{}/t/{size}/", bench.site.base), size, 2, false);
        let open = server.api.open(Method::POST, "/v1/crawl", Some(&body)).await?;
        let job = open.job()?;
        runo::check_crawl(&open.finish().await?.json()?, size)?;
        let result = format!("/v1/jobs/{job}/result");
        let size = usize::try_from(size)?;
        let end = format!("{result}?from={}", size.saturating_sub(PAGE_SIZE));
        reads(&server, results, &format!("GET result, from {PAGE_SIZE} before the end of {size}"), &end).await?;
    }
    Ok(())
}
