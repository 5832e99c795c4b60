//! What a crawl costs in rows.

#![allow(clippy::print_stdout)] // what was counted is the table in docs/SCALING.md

use domain::Endpoint;
use domain::job::CrawlPlan;

use crate::support::faults::Faults;
use crate::support::generated::{Generated, Spec};
use crate::support::world::{Ground, accept, call, drain};

/// Result, SEEN (twice, for it is part of a transaction) and the shared rest, of pages that link to 40 others; rows of `hosts` are counted apart.
#[tokio::test]
async fn a_sync_crawl_stays_within_its_budget_of_rows() {
    const PAGES: usize = 400;
    let (mut ground, site) = (Ground::new().await, Generated::start(Spec::tree(PAGES, 40)).await);
    // Longer than in production, so that a machine that is slow for the moment makes no smaller groups.
    ground.settings.linger_ms = 100;
    ground.settings.host_delay_ms = 0;
    let faults = Faults::default();
    let engine = ground.engine(&faults).await;
    faults.reset();
    let mut crawl = call(Endpoint::Crawl, vec![site.url("/item/0")]);
    crawl.crawl = Some(CrawlPlan {
        follow_pattern: site.url("/item/*"),
        max_pages: 450,
        max_depth: 20,
        use_sitemap: true,
        ignore_robots: false,
        allow_large_crawl: false,
    });
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
    ground.assert_sound("crawl budget").await;
}

/// Once a crawl may have no more pages, nothing is asked about the links of the ones that it has; they are counted.
#[tokio::test]
async fn a_crawl_that_is_full_looks_no_link_up() {
    const PAGES: usize = 60;
    let (mut ground, site) = (Ground::new().await, Generated::start(Spec::tree(1_000, 8)).await);
    ground.settings.host_delay_ms = 0;
    let faults = Faults::default();
    let engine = ground.engine(&faults).await;
    faults.reset();
    let mut crawl = call(Endpoint::Crawl, vec![site.url("/item/0")]);
    crawl.crawl = Some(CrawlPlan {
        follow_pattern: site.url("/item/*"),
        max_pages: 60,
        max_depth: 20,
        use_sitemap: false,
        ignore_robots: false,
        allow_large_crawl: true,
    });
    let started = accept(&engine, crawl).await.unwrap();
    let id = started.job.id.clone();
    assert_eq!(drain(engine.driver.start(*started, None)).await.unwrap().len(), PAGES);
    engine.idle().await;
    // Eight pages grow it; without the rule each of sixty would look its links up.
    let looks = faults.calls().iter().filter(|call| call.operation == "BatchGetItem" && call.units == 0).count();
    assert!(looks <= 12, "{looks} look-ups");
    let job = engine.jobs.job(&id).await.unwrap().unwrap();
    let skipped = engine.jobs.totals(&job).await.unwrap().skipped;
    assert_eq!(skipped, 8 * 60 - 59, "what was left out is counted, each URL once");
    ground.assert_sound("a full crawl").await;
}
