//! How far a crawl goes: depth, pattern, host, and sites without end.

use serde_json::json;

use super::{body, both_modes, crawl, figures, pages_with_results, results, skipped, start};
use crate::support::generated::{GeneratedSite, Spec, item};

#[tokio::test]
async fn depth_is_counted_in_hops_from_the_seed() {
    let (world, site) = start(Spec::tree(40, 3)).await;
    for (depth, pages) in [(json!(0), 1), (json!(1), 4), (json!(null), 13), (json!(3), 40), (json!(20), 40)] {
        for request in both_modes(body(&site, "/item/0", json!({ "max_depth": depth, "max_pages": 50 }))) {
            site.clear_log();
            let got = crawl(&world, &request, 0).await;
            // The default is two hops.
            let expected = site.spec.tree.reached(depth.as_u64().unwrap_or(2).try_into().unwrap(), |_| true);
            assert_eq!(expected.len(), pages);
            assert_eq!(
                (site.fetched_once(), pages_with_results(&site, &got)),
                (expected.clone(), expected),
                "depth {depth}"
            );
            assert_eq!(got["crawl_meta"]["stopped_by"], json!(null), "depth {depth}: depth is no page limit");
        }
    }
}

/// Whether a page matches, by its number.
type PagePredicate = Box<dyn Fn(usize) -> bool>;

#[tokio::test]
async fn only_links_that_match_the_pattern_are_followed() {
    let (world, site) = start(Spec::tree(400, 3)).await;
    let cases: [(String, PagePredicate); 7] = [
        (site.url("/item/?"), Box::new(|n| n < 10)),
        (site.url("/item/[1-3]*"), Box::new(|n| n.to_string().starts_with(['1', '2', '3']))),
        (site.url("/item/[!2]*"), Box::new(|n| !n.to_string().starts_with('2'))),
        ("*/item/*".to_owned(), Box::new(|_| true)),
        (site.url("/nothing/*"), Box::new(|_| false)),
        // A pattern without a host means the seed's host.
        ("/item/*".to_owned(), Box::new(|_| true)),
        ("/nothing/*".to_owned(), Box::new(|_| false)),
    ];
    for (pattern, may) in cases {
        site.clear_log();
        let got = crawl(&world, &body(&site, "/item/0", json!({ "follow_pattern": pattern })), 0).await;
        let expected = site.spec.tree.reached(20, may);
        assert_eq!(site.fetched_once(), expected, "{pattern}");
        assert_eq!(
            (pages_with_results(&site, &got), skipped(&got)),
            (expected, 0),
            "{pattern}: what does not match is not skipped"
        );
    }
}

#[tokio::test]
async fn a_seed_off_the_pattern_is_fetched_and_counted() {
    let (world, site) = start(Spec::tree(6, 3).links("/start", &["/item/1", "/item/2", "/other"])).await;
    for request in both_modes(body(&site, "/start", json!({ "max_pages": 2 }))) {
        site.clear_log();
        let got = crawl(&world, &request, 0).await;
        assert_eq!(site.fetched_once().len(), 2);
        assert_eq!(results(&got)[0]["url"], site.url("/start"));
        assert_eq!(figures(&got), [2, 0, 2, 2]);
        assert_eq!(got["crawl_meta"]["stopped_by"], "CRAWL_LIMIT_REACHED");
    }
    // With a limit of one page, the seed is the only page.
    let got = crawl(&world, &body(&site, "/start", json!({ "max_pages": 1 })), 0).await;
    assert_eq!((figures(&got), results(&got).len()), ([1, 0, 1, 1], 1));
}

#[tokio::test]
async fn a_pattern_without_a_fixed_host_stays_on_the_seeds_host() {
    let other = GeneratedSite::start(Spec::tree(20, 3)).await;
    let port = other.origin().rsplit_once(':').unwrap().1.to_owned();
    let away = format!("http://localhost:{port}/item/2");
    let (world, site) = start(Spec::tree(10, 3).links("/hub", &["/item/4", &other.url("/item/1"), &away])).await;
    for pattern in ["*", "*/item/*", "http://*/item/*", "http://127.*/item/*"] {
        site.clear_log();
        other.clear_log();
        crawl(&world, &body(&site, "/hub", json!({ "follow_pattern": pattern })), 0).await;
        assert_eq!(site.fetched_once(), ["/hub".to_owned(), item(4)].into(), "{pattern}");
        assert_eq!(other.log().len(), 0, "{pattern}: another port is another host, and so is another name");
    }
    // The pattern names this host, so its pages are crawled.
    site.clear_log();
    other.clear_log();
    let got = crawl(&world, &body(&site, "/hub", json!({ "follow_pattern": other.url("/item/*") })), 0).await;
    let expected: std::collections::BTreeSet<String> =
        (0..20).filter(|n| [1, 4, 5, 6].contains(n) || (13..20).contains(n)).map(item).collect();
    assert_eq!((site.fetched_once(), other.fetched_once()), (["/hub".to_owned()].into(), expected));
    assert_eq!(figures(&got)[0], 12);
}

/// A calendar, session ids and an endless path never end by themselves. Each is bounded by `max_pages` or `max_depth`.
#[tokio::test]
async fn crawler_traps_are_bounded_by_max_pages_and_max_depth() {
    let traps = ["/calendar?month=1", "/session/1?sid=a", "/deep/1"];
    let (world, site) = start(Spec::tree(5, 4).links("/hub", &traps)).await;
    for request in both_modes(body(&site, "/hub", json!({ "follow_pattern": "*", "max_pages": 30 }))) {
        site.clear_log();
        let got = crawl(&world, &request, 0).await;
        assert_eq!((site.fetched_once().len(), figures(&got)), (30, [30, 0, 30, 30]));
        assert_eq!(got["crawl_meta"]["stopped_by"], "CRAWL_LIMIT_REACHED");
    }
    for (seed, depth, expected) in
        [("/calendar?month=1", 6, 7), ("/deep/1", 6, 7), ("/session/1?sid=a", 3, 1 + 2 + 4 + 8)]
    {
        site.clear_log();
        let crawl_plan = json!({ "follow_pattern": "*", "max_pages": 100, "max_depth": depth });
        let got = crawl(&world, &body(&site, seed, crawl_plan), 0).await;
        assert_eq!(site.fetched_once().len(), expected, "{seed}: {:?}", site.fetched());
        assert_eq!(got["crawl_meta"]["stopped_by"], json!(null), "{seed}");
    }
    // The order of query parameters is kept: these are two pages.
    let (world, site) =
        start(Spec::tree(1, 1).links("/two", &["/calendar?month=1&x=2", "/calendar?x=2&month=1"])).await;
    let got = crawl(&world, &body(&site, "/two", json!({ "follow_pattern": "*", "max_depth": 1 })), 0).await;
    assert_eq!(figures(&got)[..2], [3, 2], "both are requested, and both are 404");
}
