//! What a crawl costs in rows, and what its sitemaps may cost in time.

use domain::Endpoint;
use domain::job::CrawlPlan;
use engine::settings::Settings;

use crate::support::faults::Faults;
use crate::support::generated::{Generated, Spec};
use crate::support::site::Site;
use crate::support::world::{Ground, accept, call, drain};

/// Claim, finish, SEEN and the shared rest; rows of `hosts` are counted apart.
#[tokio::test]
async fn a_sync_crawl_stays_within_its_budget_of_rows() {
    const PAGES: usize = 200;
    let (mut ground, site) = (Ground::new().await, Generated::start(Spec::tree(PAGES, 10)).await);
    // The production interval: the tests' own is shorter.
    ground.settings.progress_ms = Settings::default().progress_ms;
    ground.settings.host_delay_ms = 0;
    let faults = Faults::default();
    let engine = ground.engine(&faults).await;
    faults.reset();
    let mut crawl = call(Endpoint::Crawl, vec![site.url("/item/0")]);
    crawl.crawl = Some(CrawlPlan {
        follow_pattern: site.url("/item/*"),
        max_pages: 300,
        max_depth: 20,
        use_sitemap: true,
        ignore_robots: false,
        allow_large_crawl: false,
    });
    let started = accept(&engine, crawl).await.unwrap();
    let results = drain(engine.start(*started, None)).await.unwrap();
    assert_eq!(results.len(), PAGES);
    engine.idle().await;
    assert_eq!(site.fetched_once(), site.spec.tree.all());
    let counted = |tables: &[String]| tables.iter().any(|table| table != "runo-hosts");
    let calls: Vec<_> = faults.calls().into_iter().filter(|call| counted(&call.tables)).collect();
    let writes: usize = calls.iter().map(|call| call.writes).sum();
    assert!(writes as f64 <= 3.7 * PAGES as f64, "{writes} row writes in {} calls", calls.len());
    ground.assert_sound("crawl budget").await;
}

/// All sitemaps that a robots.txt names share one deadline: were it one each, a hundred of them would hold a unit for half
/// an hour.
#[tokio::test]
async fn sitemaps_that_do_not_come_hold_a_crawl_up_once() {
    let (mut ground, site) = (Ground::new().await, Site::start().await);
    ground.settings.sitemap_ms = 200;
    ground.settings.host_delay_ms = 0;
    let sitemaps = (0..5).fold(String::new(), |all, i| format!("{all}Sitemap: {}?{i}\n", site.url("/hang")));
    site.set_robots(200, &sitemaps);
    let engine = ground.engine(&Faults::default()).await;
    let mut crawl = call(Endpoint::Crawl, vec![site.url("/p/1")]);
    crawl.crawl = Some(CrawlPlan {
        follow_pattern: site.url("/p/*"),
        max_pages: 3,
        max_depth: 1,
        use_sitemap: true,
        ignore_robots: false,
        allow_large_crawl: false,
    });
    let started = accept(&engine, crawl).await.unwrap();
    assert_eq!(drain(engine.start(*started, None)).await.unwrap().len(), 1);
    assert_eq!(site.counts()["/hang"], 1, "no time is left for the others");
}
