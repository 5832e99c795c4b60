//! Sitemaps of a crawl's site: which pages they add, how `crawl_meta` counts them, and how long a crawl waits for them.

use std::collections::BTreeSet;

use domain::Endpoint;
use domain::job::CrawlOptions;
use serde_json::{Value, json};

use super::{body, both_modes, crawl, figures, pages_with_results, start};
use crate::support::faults::Faults;
use crate::support::generated::{Answer, Spec};
use crate::support::site::Site;
use crate::support::test_bed::{TestBed, accept, call, crawl_options, drain};

/// Pages that nothing links to; page 0 is the seed and has no children.
fn site_with_sitemap() -> Spec {
    let urls =
        ["{origin}/item/h1", "{origin}/item/h2#x", "{origin}/item/h2/", "{origin}/other", "http://10.0.0.1/item/9"];
    Spec::tree(1, 1)
        .links("/item/h1", &["/item/h3"])
        .links("/item/h2", &[])
        .links("/item/h3", &[])
        .file("/sitemap.xml", Answer::Sitemap(urls.map(str::to_owned).into()))
}

fn names(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|name| format!("/item/{name}")).collect()
}

#[tokio::test]
async fn pages_of_the_sitemap_are_one_hop_from_the_seed() {
    let (world, site) = start(site_with_sitemap()).await;
    for (plan, expected) in [
        (json!({}), names(&["0", "h1", "h2", "h3"])),
        (json!({ "use_sitemap": true, "max_depth": 1 }), names(&["0", "h1", "h2"])),
        (json!({ "use_sitemap": true, "max_depth": 0 }), names(&["0"])),
        (json!({ "use_sitemap": false }), names(&["0"])),
    ] {
        for request in both_modes(body(&site, "/item/0", plan.clone())) {
            site.clear_log();
            let got = crawl(&world, &request, 0).await;
            assert_eq!(
                (site.fetched_once(), pages_with_results(&site, &got)),
                (expected.clone(), expected.clone()),
                "{plan}"
            );
            if plan["use_sitemap"] == Value::Bool(false) {
                assert_eq!(site.requests_to("/sitemap.xml"), 0, "nobody requested it");
            }
        }
    }
}

#[tokio::test]
async fn sitemaps_that_robots_txt_names_are_read_too() {
    let mut spec = site_with_sitemap()
        .links("/item/h4", &[])
        .file("/maps/a.xml", Answer::Sitemap(vec!["{origin}/item/h4".into(), "{origin}/item/h1".into()]));
    spec.robots = Some("Sitemap: {origin}/maps/a.xml\nUser-agent: *\nDisallow: /item/h2\n".into());
    let (world, site) = start(spec).await;
    for request in both_modes(body(&site, "/item/0", json!({}))) {
        site.clear_log();
        let got = crawl(&world, &request, 0).await;
        let pages = pages_with_results(&site, &got);
        assert!(names(&["0", "h1", "h3", "h4"]).is_subset(&pages), "{pages:?}");
        assert!(!site.fetched().contains_key("/item/h2"), "a sitemap does not overrule robots.txt");
        assert_eq!(site.fetched_once(), pages);
    }
}

#[tokio::test]
async fn a_sitemap_never_exceeds_the_limit() {
    let urls: Vec<String> = (0..200).map(|n| format!("{{origin}}/item/{n}")).collect();
    let (world, site) = start(Spec::tree(200, 5).file("/sitemap.xml", Answer::Sitemap(urls))).await;
    for request in both_modes(body(&site, "/item/0", json!({ "max_pages": 25 }))) {
        site.clear_log();
        let got = crawl(&world, &request, 0).await;
        assert_eq!((site.fetched_once().len(), figures(&got)), (25, [25, 0, 25, 25]));
        assert_eq!(got["crawl_meta"]["stopped_by"], "CRAWL_LIMIT_REACHED");
    }
}

/// `sitemaps_read` and `sitemaps_failed`.
fn files(body: &Value) -> [u64; 2] {
    ["sitemaps_read", "sitemaps_failed"].map(|name| body["crawl_meta"][name].as_u64().unwrap())
}

fn index(files: &[&str]) -> Answer {
    let files: String = files.iter().map(|f| format!("<sitemap><loc>{{origin}}{f}</loc></sitemap>")).collect();
    Answer::Headed(vec![("content-type", "text/xml")], format!("<sitemapindex>{files}</sitemapindex>"))
}

#[tokio::test]
async fn crawl_meta_counts_sitemaps_read_and_failed() {
    let tree = || Spec::tree(9, 1);
    let named = |robots: &str, spec: Spec| Spec { robots: Some(robots.into()), ..spec };
    let map = |n: usize| Answer::Sitemap(vec![format!("{{origin}}/item/{n}")]);
    let gone = || Answer::Status(503, "<h1>down</h1>".into());
    for (what, spec, want) in [
        ("none, and robots.txt names none", tree(), [0, 0]),
        ("one at the usual address", tree().file("/sitemap.xml", map(7)), [1, 0]),
        ("one at the other usual address", tree().file("/sitemap_index.xml", map(7)), [1, 0]),
        ("a page at the usual address", tree().links("/sitemap.xml", &["/item/7"]), [0, 0]),
        ("a site that fails there", tree().file("/sitemap.xml", gone()), [0, 1]),
        ("a missing one that robots.txt names", named("Sitemap: {origin}/s.xml", tree()), [0, 1]),
        ("one that robots.txt names by its path", named("Sitemap: /s.xml", tree().file("/s.xml", map(7))), [1, 0]),
        (
            "an index with a file that fails",
            tree().file("/sitemap.xml", index(&["/a.xml", "/b.xml"])).file("/a.xml", map(7)).file("/b.xml", gone()),
            [2, 1],
        ),
    ] {
        let (world, site) = start(spec).await;
        for request in both_modes(body(&site, "/item/0", json!({ "max_depth": 1 }))) {
            let got = crawl(&world, &request, 0).await;
            assert_eq!(files(&got), want, "{what}");
            let found = pages_with_results(&site, &got).contains("/item/7");
            assert_eq!(found, want[0] > 0, "{what}: {got}");
        }
    }
}

/// All sitemaps that a robots.txt names share one deadline. With one each, a hundred of them could hold a unit for half
/// an hour.
#[tokio::test]
async fn sitemaps_that_hang_share_one_deadline() {
    let (mut bed, site) = (TestBed::new().await, Site::start().await);
    bed.settings.sitemap_ms = 2_000;
    bed.settings.host_delay_ms = 0;
    let sitemaps = (0..5).fold(String::new(), |all, i| format!("{all}Sitemap: {}?{i}\n", site.url("/hang")));
    site.set_robots(200, &sitemaps);
    let engine = bed.engine(&Faults::default()).await;
    let mut crawl = call(Endpoint::Crawl, vec![site.url("/p/1")]);
    crawl.crawl = Some(CrawlOptions { use_sitemap: true, ..crawl_options(site.url("/p/*"), 3, 1) });
    let started = accept(&engine, crawl).await.unwrap();
    assert_eq!(drain(engine.driver.start(*started, None)).await.unwrap().len(), 1);
    assert_eq!(site.counts()["/hang"], 1, "no time is left for the others");
}
