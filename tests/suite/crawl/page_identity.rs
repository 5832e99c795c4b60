//! When two URLs are the same page.

use serde_json::json;

use super::{body, both_modes, crawl, figures, pages_with_results, results, skipped, start};
use crate::support::generated::{Answer, Spec, item};

#[tokio::test]
async fn spellings_of_one_url_are_one_page() {
    let mut spec = Spec::tree(200, 3);
    spec.respelled = true;
    let spec = spec.links(
        "/hub",
        &[
            "/item/0",
            "/item/0/",
            "/item/0/index.html",
            "/item/0/index.htm",
            "/item/0/index.php",
            "/item/0#a",
            "/item/0?",
            "/item/0?utm_source=1&utm_medium=2",
            "/item/0?fbclid=3",
            "/item/0?gclid=4&utm_x=5",
            "{origin}/item/0",
            "{origin}/../item/0",
            "/x/../item/0",
            "/item/%30",
            "/%69tem/0",
            "item/0",
            "./item/0",
            "#top",
            "/hub",
            "/hub/?utm_source=self",
        ],
    );
    let (world, site) = start(spec).await;
    let mut expected = site.spec.tree.all();
    expected.insert("/hub".into());
    for request in both_modes(body(&site, "/hub", json!({}))) {
        site.clear_log();
        let got = crawl(&world, &request, 0).await;
        assert_eq!(pages_with_results(&site, &got), expected);
        let hits: usize = site.fetched().values().sum();
        assert_eq!((hits, figures(&got)[0]), (201, 201), "each once");
        assert_eq!(figures(&got)[3], 201, "a duplicate costs nothing");
        assert!(skipped(&got) > 0, "duplicates are counted as skipped");
    }
}

#[tokio::test]
async fn a_redirect_to_a_page_with_a_unit_is_that_page() {
    let spec = Spec::tree(2, 3)
        .links("/hub", &["/item/1", "/item/r/1", "/item/chain/2"])
        .file("/item/r/1", Answer::Redirect("/item/1".into()))
        .file("/item/chain/2", Answer::Redirect("/item/chain/1".into()))
        .file("/item/chain/1", Answer::Redirect("{origin}/item/1/?utm_source=chain".into()));
    let (world, site) = start(spec).await;
    for request in both_modes(body(&site, "/hub", json!({}))) {
        site.clear_log();
        let got = crawl(&world, &request, 2).await;
        assert_eq!(site.fetched()["/item/1"], 1, "a redirect to another unit's page is not followed");
        assert_eq!(results(&got).len(), 2, "one page, one result: {got}");
        assert_eq!(figures(&got), [2, 0, 1_000, 4], "the two units that redirect there ran");
        assert!(skipped(&got) >= 2);
    }
}

#[tokio::test]
async fn two_redirects_to_one_page_are_one_page() {
    let spec = Spec::tree(6, 3)
        .links("/hub", &["/item/r/1", "/item/s/1"])
        .file("/item/r/1", Answer::Redirect("/item/1".into()))
        .file("/item/s/1", Answer::Redirect("/item/1/".into()));
    let (world, site) = start(spec).await;
    for request in both_modes(body(&site, "/hub", json!({}))) {
        site.clear_log();
        let got = crawl(&world, &request, 1).await;
        assert_eq!(site.fetched()["/item/1"], 1);
        let moved: Vec<_> = results(&got).iter().filter(|result| result["final_url"].is_string()).collect();
        assert_eq!(moved.len(), 1);
        assert_eq!(site.name_of(moved[0]["final_url"].as_str().unwrap()), "/item/1");
        assert_eq!(moved[0]["data"]["title"], "Page 1");
        // Links are resolved against the redirect's target: pages 4 and 5 are its children.
        let fetched = site.fetched();
        assert!([4, 5].iter().all(|n| fetched[&item(*n)] == 1), "{fetched:?}");
        assert_eq!(figures(&got), [4, 0, 1_000, 5]);
    }
}
