//! robots.txt and sitemaps, by what the site's log says.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{body, both, crawl, figures, results, shown, skipped, start};
use crate::support::generated::{Answer, Generated, Spec, item};
use crate::support::stack::World;

/// A tree whose page 2 and pages 10 to 19 are denied.
fn guarded() -> Spec {
    let robots = "User-agent: *\nDisallow: /item/2$\nDisallow: /item/1\nAllow: /item/1$\n";
    Spec { robots: Some(robots.into()), ..Spec::tree(60, 3) }
}

fn allowed(n: usize) -> bool {
    n != 2 && (n == 1 || !n.to_string().starts_with('1'))
}

#[tokio::test]
async fn denied_pages_are_never_fetched_and_count_as_skipped() {
    let (world, site) = start(guarded()).await;
    let tree = site.spec.tree;
    let expected = tree.reached(20, allowed);
    // Each page is linked to once, so those that were met are the denied children of what was fetched.
    let denied = (1..60).filter(|n| !allowed(*n) && expected.contains(&item(tree.parent(*n).unwrap()))).count();
    assert!(denied > 3);
    for request in both(body(&site, "/item/0", json!({}))) {
        site.forget();
        let got = crawl(&world, &request, 0).await;
        assert_eq!((site.fetched_once(), shown(&site, &got)), (expected.clone(), expected.clone()));
        assert_eq!(results(&got).len(), expected.len(), "denied links have no results");
        assert_eq!(skipped(&got), denied as u64);
        assert_eq!(got["crawl_meta"]["stopped_by"], json!(null));
        assert!(site.asked("/robots.txt") <= 1, "fetched once: the second crawl knows it");
    }
}

#[tokio::test]
async fn robots_txt_is_fetched_once_for_a_host_and_before_its_pages() {
    let (world, site) = start(guarded()).await;
    for request in both(body(&site, "/item/0", json!({}))) {
        crawl(&world, &request, 0).await;
    }
    assert_eq!((site.asked("/robots.txt"), site.log()[0].target.as_str()), (1, "/robots.txt"));
    let agents: BTreeSet<String> = site.log().into_iter().map(|hit| hit.agent).collect();
    assert_eq!(agents.len(), 1, "who asks for robots.txt is who asks for pages: {agents:?}");
    let agent = agents.first().unwrap();
    assert!(agent.starts_with("Runo/") && !agent.contains("://"), "only who operates it knows an address: {agent}");
}

#[tokio::test]
async fn whoever_operates_it_gives_it_a_name_and_robots_txt_is_asked_about_that() {
    let robots = "User-agent: runo\nDisallow: /\n\nUser-agent: acme\nDisallow: /item/3$\n";
    let site = Generated::start(Spec { robots: Some(robots.into()), ..Spec::tree(20, 3) }).await;
    let world = World::with(&[("HOST_DELAY_MS", "0"), ("USER_AGENT", "Acme/2.0 (+https://bot.acme.test/)")]).await;
    crawl(&world, &body(&site, "/item/0", json!({})), 0).await;
    assert_eq!(site.fetched_once(), site.spec.tree.reached(20, |n| n != 3));
    assert!(site.log().iter().all(|hit| hit.agent == "Acme/2.0 (+https://bot.acme.test/)"));
}

#[tokio::test]
async fn a_group_for_this_crawler_is_what_counts() {
    let robots = "User-agent: *\nDisallow: /\n\nUser-agent: runo\nDisallow: /item/3$\n";
    let (world, site) = start(Spec { robots: Some(robots.into()), ..Spec::tree(20, 3) }).await;
    crawl(&world, &body(&site, "/item/0", json!({})), 0).await;
    assert_eq!(site.fetched_once(), site.spec.tree.reached(20, |n| n != 3));
}

#[tokio::test]
async fn a_denied_seed_is_one_result_and_costs_nothing() {
    let spec = Spec { robots: Some("User-agent: *\nDisallow: /item\n".into()), ..Spec::tree(20, 3) };
    // Nor does a sitemap bring in what is denied.
    let (world, site) = start(spec.file("/sitemap.xml", Answer::Sitemap(vec!["{origin}/item/1".into()]))).await;
    for request in both(body(&site, "/item/0", json!({ "max_pages": 7 }))) {
        let got = crawl(&world, &request, 0).await;
        let [result] = &results(&got)[..] else { panic!("one result: {got}") };
        assert_eq!((&result["url"], &result["status"]), (&request["seed_url"], &json!("error")));
        assert_eq!((&result["error"]["code"], &result["error"]["retryable"]), (&json!("ROBOTS_DENIED"), &json!(false)));
        assert_eq!(figures(&got), [0, 0, 7, 0]);
        assert!(skipped(&got) >= 1);
    }
    assert_eq!((site.page_hits().len(), world.used().await), (0, 0));
}

#[tokio::test]
async fn ignore_robots_fetches_what_is_denied() {
    let (world, site) = start(guarded()).await;
    for request in both(body(&site, "/item/0", json!({ "ignore_robots": true }))) {
        site.forget();
        let got = crawl(&world, &request, 0).await;
        assert_eq!((site.fetched_once(), skipped(&got)), (site.spec.tree.all(), 0));
    }
}

#[tokio::test]
async fn a_site_whose_robots_txt_fails_is_left_alone() {
    let broken = Spec::tree(10, 3).file("/robots.txt", Answer::Status(503, "<h1>down</h1>".into()));
    let (world, site) = start(broken).await;
    let got = crawl(&world, &body(&site, "/item/0", json!({})), 0).await;
    assert_eq!((&results(&got)[0]["error"]["code"], site.page_hits().len()), (&json!("ROBOTS_DENIED"), 0));
}

/// Pages that nothing links to: 0 is the seed and has no children.
fn mapped() -> Spec {
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
    let (world, site) = start(mapped()).await;
    for (plan, expected) in [
        (json!({}), names(&["0", "h1", "h2", "h3"])),
        (json!({ "use_sitemap": true, "max_depth": 1 }), names(&["0", "h1", "h2"])),
        (json!({ "use_sitemap": true, "max_depth": 0 }), names(&["0"])),
        (json!({ "use_sitemap": false }), names(&["0"])),
    ] {
        for request in both(body(&site, "/item/0", plan.clone())) {
            site.forget();
            let got = crawl(&world, &request, 0).await;
            assert_eq!((site.fetched_once(), shown(&site, &got)), (expected.clone(), expected.clone()), "{plan}");
            if plan["use_sitemap"] == Value::Bool(false) {
                assert_eq!(site.asked("/sitemap.xml"), 0, "nobody asked for it");
            }
        }
    }
}

#[tokio::test]
async fn sitemaps_that_robots_txt_names_are_read_too() {
    let mut spec = mapped()
        .links("/item/h4", &[])
        .file("/maps/a.xml", Answer::Sitemap(vec!["{origin}/item/h4".into(), "{origin}/item/h1".into()]));
    spec.robots = Some("Sitemap: {origin}/maps/a.xml\nUser-agent: *\nDisallow: /item/h2\n".into());
    let (world, site) = start(spec).await;
    for request in both(body(&site, "/item/0", json!({}))) {
        site.forget();
        let got = crawl(&world, &request, 0).await;
        let shown = shown(&site, &got);
        assert!(names(&["0", "h1", "h3", "h4"]).is_subset(&shown), "{shown:?}");
        assert!(!site.fetched().contains_key("/item/h2"), "a sitemap overrules no robots.txt");
        assert_eq!(site.fetched_once(), shown);
    }
}

#[tokio::test]
async fn a_sitemap_never_exceeds_the_limit() {
    let urls: Vec<String> = (0..200).map(|n| format!("{{origin}}/item/{n}")).collect();
    let (world, site) = start(Spec::tree(200, 5).file("/sitemap.xml", Answer::Sitemap(urls))).await;
    for request in both(body(&site, "/item/0", json!({ "max_pages": 25 }))) {
        site.forget();
        let got = crawl(&world, &request, 0).await;
        assert_eq!((site.fetched_once().len(), figures(&got)), (25, [25, 0, 25, 25]));
        assert_eq!(got["crawl_meta"]["stopped_by"], "CRAWL_LIMIT_REACHED");
    }
}
