//! robots.txt across processes: fetched once, kept in its row, and for how long.

use std::sync::Arc;
use std::time::Duration;

use super::{ACCOUNT_A, url};
use crate::support::faults::{Fault, Faults};
use crate::support::site::Site;
use crate::support::test_bed::TestBed;

#[tokio::test]
async fn robots_txt_is_fetched_once_for_all_processes_until_it_expires() {
    let (bed, site) = (TestBed::new().await, Site::start().await);
    site.set_robots(200, "User-agent: *\nDisallow: /private\nCrawl-delay: 2\n");
    let (one, two) = (bed.engine(&Faults::default()).await, bed.engine(&Faults::default()).await);
    let page = url(&site.url("/p/1"));
    let both = tokio::join!(one.robots.of(&page), one.robots.of(&page));
    assert!(Arc::ptr_eq(&both.0, &both.1));
    let shared = two.robots.of(&url(&site.url("/p/2?x"))).await;
    assert_eq!(*shared, *both.0);
    assert!(shared.allows(&page) && !shared.allows(&url(&site.url("/private/x"))));
    assert_eq!(shared.crawl_delay(), Some(Duration::from_secs(2)));
    assert_eq!(site.hits(), 1);
    bed.clock.advance(24 * 3_600 - 1);
    two.robots.of(&page).await;
    assert_eq!(site.hits(), 1);
    site.set_robots(200, "User-agent: *\nDisallow: /\n");
    bed.clock.advance(1);
    assert!(!one.robots.of(&page).await.allows(&page));
    assert!(!two.robots.of(&page).await.allows(&page));
    assert_eq!(site.hits(), 2);
}

#[tokio::test]
async fn each_status_of_robots_txt_is_kept_for_its_own_time() {
    for (status, allowed, holds_secs) in [(404, true, 24 * 3_600), (429, true, 600), (500, false, 600)] {
        let (bed, site) = (TestBed::new().await, Site::start().await);
        site.set_robots(status, "");
        let (one, two) = (bed.engine(&Faults::default()).await, bed.engine(&Faults::default()).await);
        let page = url(&site.url("/p/1"));
        assert_eq!(one.robots.of(&page).await.allows(&page), allowed, "{status}");
        assert_eq!(one.pacing.closed_until(ACCOUNT_A, &page).is_some(), status == 429);
        bed.clock.advance(holds_secs - 1);
        assert_eq!(two.robots.of(&page).await.allows(&page), allowed, "{status}");
        assert_eq!(site.hits(), 1, "{status}");
        bed.clock.advance(1);
        two.robots.of(&page).await;
        assert_eq!(site.hits(), 2, "{status}");
    }
}

#[tokio::test]
async fn robots_txt_works_without_the_store_and_a_large_one_is_not_stored() {
    let (bed, site, faults) = (TestBed::new().await, Site::start().await, Faults::default());
    let rules: String = (0..12_000).map(|i| format!("Disallow: /private/{i:012}\n")).collect();
    site.set_robots(200, &format!("User-agent: *\n{rules}"));
    let engine = bed.engine(&faults).await;
    let page = url(&site.url("/private/000000000007"));
    assert!(!engine.robots.of(&page).await.allows(&page));
    let origin = format!("http://127.0.0.1:{}", page.port().unwrap());
    assert_eq!(engine.store().hosts.robots(&origin).await.unwrap(), None);
    site.set_robots(200, "User-agent: *\nDisallow: /q\n");
    let lonely = bed.engine(&faults).await;
    faults.plan(0, Fault::DeathBefore);
    assert!(lonely.robots.of(&page).await.allows(&page));
    assert!(Arc::ptr_eq(&lonely.robots.of(&page).await, &lonely.robots.of(&page).await));
    assert_eq!(site.hits(), 2);
}
