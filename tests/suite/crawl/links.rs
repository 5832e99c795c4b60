//! Which links of a page a crawl follows.

use serde_json::json;

use super::{body, both_modes, crawl, figures, pages_with_results, results, start};
use crate::support::generated::{Answer, Spec, item};

#[tokio::test]
async fn links_are_read_from_anchors_areas_and_link_elements_against_the_base() {
    let page = "<base href=\"{origin}/item/\">\
        <link rel=\"next\" href=\"1\"><link rel=\"alternate\" href=\"2\"><link rel=\"canonical\" href=\"3\">\
        <a href=\"4\">x</a><map name=\"m\"><area href=\"5\"></map>\
        <link rel=\"stylesheet\" href=\"6\"><img src=\"7\"><script src=\"8\"></script>\
        <a href=\"mailto:x@y.test\">x</a><a href=\"javascript:void(0)\">x</a><a>x</a><a href=\"http://[\">x</a>";
    let (world, site) = start(Spec::tree(12, 20).file("/hub", Answer::Page(page.into()))).await;
    let got = crawl(&world, &body(&site, "/hub", json!({})), 0).await;
    let mut expected: std::collections::BTreeSet<String> = (1..=5).map(item).collect();
    expected.insert("/hub".into());
    assert_eq!((site.fetched_once(), pages_with_results(&site, &got)), (expected.clone(), expected));
}

/// A page with one link and this `X-Robots-Tag`.
fn headed(rules: &'static str, href: &str) -> Answer {
    Answer::Headed(vec![("x-robots-tag", rules)], format!("<a href=\"{href}\">x</a>"))
}

#[tokio::test]
async fn nofollow_links_and_pages_are_not_followed() {
    let spec = Spec::tree(12, 20)
        .file(
            "/hub",
            Answer::Page(
                "<a rel=\"nofollow\" href=\"/item/1\">x</a><a href=\"/item/2\">x</a>\
            <a rel=\"nofollow\" href=\"/item/3\">x</a><a href=\"/item/3\">x</a><a href=\"/item/meta\">x</a>\
            <a href=\"/item/field\">x</a><a href=\"/item/others\">x</a>"
                    .into(),
            ),
        )
        .file("/item/field", headed("noindex, runo: nofollow", "/item/5"))
        .file("/item/others", headed("otherbot: nofollow", "/item/6"))
        .file(
            "/item/meta",
            Answer::Page("<meta name=\"robots\" content=\"noindex, nofollow\"><a href=\"/item/4\">x</a>".into()),
        );
    let (world, site) = start(spec).await;
    crawl(&world, &body(&site, "/hub", json!({})), 0).await;
    let expected = ["/hub", "/item/2", "/item/3", "/item/6", "/item/meta", "/item/field", "/item/others"];
    assert_eq!(site.fetched_once(), expected.map(str::to_owned).into(), "one plain link is enough");
}

/// If a page of the crawl is a feed, the links of its items are followed.
#[tokio::test]
async fn the_items_of_a_feed_are_followed() {
    let feed = |kind, text: &str| Answer::Headed(vec![("content-type", kind)], text.into());
    let rss = "<?xml version='1.0'?><rss version='2.0'><channel><link>/item/9</link><item><title>1</title>\
        <link>{origin}/item/1</link></item><item><link><![CDATA[/item/2?utm_source=rss]]></link></item></channel></rss>";
    let atom = "<feed xmlns='http://www.w3.org/2005/Atom'><entry><link href='/item/3'/>\
        <link rel='edit' href='/item/8'/></entry></feed>";
    let spec = Spec::tree(10, 20)
        .links("/hub", &["/item/rss", "/item/atom"])
        .file("/item/rss", feed("application/rss+xml", rss))
        .file("/item/atom", feed("text/xml", atom));
    let (world, site) = start(spec).await;
    crawl(&world, &body(&site, "/hub", json!({})), 0).await;
    let expected = ["/hub", "/item/rss", "/item/atom", "/item/1", "/item/2", "/item/3"];
    assert_eq!(site.fetched_once(), expected.map(str::to_owned).into());
}

#[tokio::test]
async fn a_redirect_off_the_pattern_is_a_result_whose_links_are_not_followed() {
    let spec = Spec::tree(100, 3)
        .links("/hub", &["/item/out"])
        .file("/item/out", Answer::Redirect("/elsewhere".into()))
        .links("/elsewhere", &["/item/90"]);
    let (world, site) = start(spec).await;
    for request in both_modes(body(&site, "/hub", json!({}))) {
        site.clear_log();
        let got = crawl(&world, &request, 0).await;
        assert_eq!(site.fetched().keys().collect::<Vec<_>>(), ["/elsewhere", "/hub", "/item/out"]);
        let out = &results(&got)[1];
        assert_eq!((&out["url"], &out["status"]), (&json!(site.url("/item/out")), &json!("success")));
        assert_eq!(out["final_url"], site.url("/elsewhere"));
        assert_eq!(figures(&got), [2, 0, 1_000, 2]);
    }
}

#[tokio::test]
async fn missing_pages_and_redirect_loops_are_failed_pages() {
    let spec = Spec::tree(8, 20)
        .links("/hub", &["/item/loop", "/item/self", "/item/soft", "/item/99", "/item/1"])
        .file("/item/loop", Answer::Redirect("/item/loop2".into()))
        .file("/item/loop2", Answer::Redirect("/item/loop".into()))
        .file("/item/self", Answer::Redirect("/item/self".into()))
        .file("/item/soft", Answer::Status(404, "<h1>Sorry</h1><a href=\"/item/2\">did you mean</a>".into()));
    let (world, site) = start(spec).await;
    for request in both_modes(body(&site, "/hub", json!({}))) {
        site.clear_log();
        let got = crawl(&world, &request, 0).await;
        assert_eq!(figures(&got), [6, 4, 1_000, 6], "failed pages are visited and charged");
        for result in results(&got).iter().filter(|result| result["status"] == "error") {
            assert_eq!(result["error"]["code"], "URL_UNREACHABLE", "{result}");
        }
        let failed = ["/item/loop", "/item/self", "/item/soft", "/item/99"].map(str::to_owned);
        let expected = failed.into_iter().chain(["/hub".to_owned(), item(1)]).collect();
        assert_eq!(pages_with_results(&site, &got), expected);
        assert!(!site.fetched().contains_key(&item(2)), "an error page's links are not followed");
    }
    // As a seed, such a page is the only result.
    let got = crawl(&world, &body(&site, "/item/loop", json!({ "max_pages": 5 })), 0).await;
    assert_eq!((figures(&got), &results(&got)[0]["error"]["code"]), ([1, 1, 5, 1], &json!("URL_UNREACHABLE")));
}
