//! A crawl fetches exactly the pages of a site, each once, in both modes.

use serde_json::json;

use super::{as_set, asynchronous, body, both_modes, crawl, figures, pages_with_results, results, start};
use crate::support::generated::{GeneratedSite, Spec};
use crate::support::stack::World;

#[tokio::test]
async fn a_thousand_pages_are_fetched_once_each_sync_and_async() {
    let mut spec = Spec::tree(1_000, 10);
    spec.respelled = true;
    let (world, site) = start(spec).await;
    let expected = site.spec.tree.all();
    let mut sets = Vec::new();
    for request in both_modes(body(&site, "/item/0", json!({}))) {
        site.clear_log();
        let got = crawl(&world, &request, 0).await;
        assert_eq!(site.fetched_once(), expected, "by the site's own log");
        assert_eq!(pages_with_results(&site, &got), expected);
        assert_eq!(figures(&got), [1_000, 0, 1_000, 1_000]);
        assert_eq!(
            got["crawl_meta"]["stopped_by"],
            json!(null),
            "nothing is left out: the site is as large as the limit"
        );
        assert_eq!((&got["crawl_meta"]["cancelled"], &got["seed_url"]), (&json!(false), &request["seed_url"]));
        assert_eq!(results(&got)[0]["url"], request["seed_url"], "nothing can end before the seed");
        sets.push(as_set(&site, &got));
    }
    for (name, result) in expected.iter().zip(&sets[0]) {
        let n: u32 = name.trim_start_matches("/item/").parse().unwrap();
        let data = json!({ "title": format!("Page {n}"), "price": f64::from(n) + 0.5 });
        assert_eq!((&result["status"], &result["data"]), (&json!("success"), &data), "{name}");
    }
    assert!(sets[0] == sets[1], "the same results either way");
    assert_eq!(world.used().await, 2_000);
}

/// With plain links, one to each page, nothing is a duplicate, and both modes show the same URLs.
#[tokio::test]
async fn without_duplicates_no_page_is_skipped() {
    let (world, site) = start(Spec::tree(60, 4)).await;
    let mut urls = Vec::new();
    for request in both_modes(body(&site, "/item/0", json!({ "max_pages": 100 }))) {
        let got = crawl(&world, &request, 0).await;
        assert_eq!(figures(&got), [60, 0, 100, 60]);
        assert_eq!(got["crawl_meta"]["pages_skipped"], 0);
        let mut shown: Vec<String> = results(&got).iter().map(|r| r["url"].as_str().unwrap().to_owned()).collect();
        shown.sort();
        urls.push(shown);
    }
    assert_eq!(urls[0], urls[1]);
}

#[tokio::test]
async fn max_pages_is_exact_with_eight_workers() {
    let (world, site) = start(Spec::tree(1_000, 10)).await;
    for request in both_modes(body(&site, "/item/0", json!({ "max_pages": 10 }))) {
        site.clear_log();
        let got = crawl(&world, &request, 0).await;
        assert_eq!(site.fetched_once().len(), 10);
        assert_eq!(site.fetched_once(), pages_with_results(&site, &got));
        assert!(pages_with_results(&site, &got).contains("/item/0"), "the seed is one of them");
        assert_eq!(figures(&got), [10, 0, 10, 10]);
        assert_eq!(got["crawl_meta"]["stopped_by"], "CRAWL_LIMIT_REACHED");
        assert!(super::skipped(&got) >= 1, "links that are left out count as skipped");
    }
    let got = crawl(&world, &asynchronous(body(&site, "/item/0", json!({ "max_pages": 300 }))), 0).await;
    assert_eq!((figures(&got), &got["crawl_meta"]["stopped_by"]), ([300, 0, 300, 300], &json!("CRAWL_LIMIT_REACHED")));
}

#[tokio::test]
async fn without_workers_the_handler_crawls_after_the_stall_limit() {
    let vars = [("HOST_DELAY_MS", "0"), ("WORKER_CONCURRENCY", "0"), ("STALL_SECONDS", "1")];
    let (world, site) = (World::with_vars(&vars).await, GeneratedSite::start(Spec::tree(30, 3)).await);
    let got = crawl(&world, &asynchronous(body(&site, "/item/0", json!({ "max_pages": 40 }))), 0).await;
    assert_eq!(site.fetched_once(), site.spec.tree.all());
    assert_eq!(figures(&got), [30, 0, 40, 30]);
}
