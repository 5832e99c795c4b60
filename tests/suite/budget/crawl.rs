//! What a crawl costs in rows.

#![allow(clippy::print_stdout)] // the counts are in the table of docs/SCALING.md

use domain::Endpoint;
use domain::job::CrawlOptions;

use crate::support::faults::Faults;
use crate::support::generated::{GeneratedSite, Spec};
use crate::support::test_bed::{TestBed, accept, call, crawl_options, drain};

/// The result, the SEEN row (counted twice, as part of a transaction) and a share of the rest, for pages that link to
/// 40 others. Rows of `hosts` are counted separately.
#[tokio::test]
async fn a_sync_crawl_stays_within_its_budget_of_rows() {
    const PAGES: usize = 400;
    let (mut bed, site) = (TestBed::new().await, GeneratedSite::start(Spec::tree(PAGES, 40)).await);
    // Much longer than in production, so that a slow machine neither makes the groups smaller nor renews leases.
    bed.settings.linger_ms = 10_000;
    bed.settings.lease_secs = 600;
    bed.settings.host_delay_ms = 0;
    let faults = Faults::default();
    let engine = bed.engine(&faults).await;
    faults.reset();
    let mut crawl = call(Endpoint::Crawl, vec![site.url("/item/0")]);
    crawl.crawl = Some(CrawlOptions { use_sitemap: true, ..crawl_options(site.url("/item/*"), 450, 20) });
    let started = accept(&engine, crawl).await.unwrap();
    let results = drain(engine.driver.start(*started, None)).await.unwrap();
    assert_eq!(results.len(), PAGES);
    engine.idle().await;
    assert_eq!(site.fetched_once(), site.spec.tree.all());
    let counted = |tables: &[String]| tables.iter().any(|table| table != "runo-hosts");
    let calls: Vec<_> = faults.calls().into_iter().filter(|call| counted(&call.tables)).collect();
    let cost = calls.iter().map(|call| call.units).sum::<usize>() as f64 / PAGES as f64;
    println!("a crawl: {cost:.2} write units a page");
    assert!(cost <= 3.6, "{cost} write units a page in {} calls", calls.len());
    bed.assert_sound("crawl budget").await;
}

/// Once a crawl cannot admit more pages, it looks up no more links. It still counts them as skipped.
#[tokio::test]
async fn a_crawl_at_max_pages_looks_up_no_more_links() {
    const PAGES: usize = 60;
    let (mut bed, site) = (TestBed::new().await, GeneratedSite::start(Spec::tree(1_000, 8)).await);
    bed.settings.host_delay_ms = 0;
    let faults = Faults::default();
    let engine = bed.engine(&faults).await;
    faults.reset();
    let mut crawl = call(Endpoint::Crawl, vec![site.url("/item/0")]);
    crawl.crawl = Some(CrawlOptions { allow_large_crawl: true, ..crawl_options(site.url("/item/*"), 60, 20) });
    let started = accept(&engine, crawl).await.unwrap();
    let id = started.job.id.clone();
    assert_eq!(drain(engine.driver.start(*started, None)).await.unwrap().len(), PAGES);
    engine.idle().await;
    // Eight pages make the crawl grow. Without the rule, each of the sixty pages would look up its links.
    let lookups = faults.calls().iter().filter(|call| call.operation == "BatchGetItem" && call.units == 0).count();
    assert!(lookups <= 12, "{lookups} look-ups");
    let job = engine.jobs.job(&id).await.unwrap().unwrap();
    let skipped = engine.jobs.totals(&job).await.unwrap().skipped;
    assert_eq!(skipped, 8 * 60 - 59, "links that are left out are counted, each URL once");
    bed.assert_sound("a full crawl").await;
}
