//! robots.txt, as the site's log shows it.

use std::collections::BTreeSet;

use serde_json::json;

use super::{body, both_modes, crawl, figures, pages_with_results, results, skipped, start};
use crate::support::generated::{Answer, GeneratedSite, Spec, item};
use crate::support::ports::ClosedPort;
use crate::support::stack::World;

/// A tree that denies page 2 and pages 10 to 19.
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
    // Each page is linked to once, so the skipped pages are the denied children of fetched pages.
    let denied = (1..60).filter(|n| !allowed(*n) && expected.contains(&item(tree.parent(*n).unwrap()))).count();
    assert!(denied > 3);
    for request in both_modes(body(&site, "/item/0", json!({}))) {
        site.clear_log();
        let got = crawl(&world, &request, 0).await;
        assert_eq!((site.fetched_once(), pages_with_results(&site, &got)), (expected.clone(), expected.clone()));
        assert_eq!(results(&got).len(), expected.len(), "denied links have no results");
        assert_eq!(skipped(&got), denied as u64);
        assert_eq!(got["crawl_meta"]["stopped_by"], json!(null));
        assert!(site.requests_to("/robots.txt") <= 1, "fetched once: the second crawl uses the stored one");
    }
}

#[tokio::test]
async fn robots_txt_is_fetched_once_per_host_before_its_pages() {
    let (world, site) = start(guarded()).await;
    for request in both_modes(body(&site, "/item/0", json!({}))) {
        crawl(&world, &request, 0).await;
    }
    assert_eq!((site.requests_to("/robots.txt"), site.log()[0].target.as_str()), (1, "/robots.txt"));
    let agents: BTreeSet<String> = site.log().into_iter().map(|hit| hit.agent).collect();
    assert_eq!(agents.len(), 1, "robots.txt and pages have the same user agent: {agents:?}");
    let agent = agents.first().unwrap();
    assert!(agent.starts_with("Runo/") && !agent.contains("://"), "the default contains no contact address: {agent}");
}

#[tokio::test]
async fn the_operators_user_agent_selects_its_robots_txt_group() {
    let robots = "User-agent: runo\nDisallow: /\n\nUser-agent: acme\nDisallow: /item/3$\n";
    let site = GeneratedSite::start(Spec { robots: Some(robots.into()), ..Spec::tree(20, 3) }).await;
    let world = World::with_vars(&[("HOST_DELAY_MS", "0"), ("USER_AGENT", "Acme/2.0 (+https://bot.acme.test/)")]).await;
    crawl(&world, &body(&site, "/item/0", json!({})), 0).await;
    assert_eq!(site.fetched_once(), site.spec.tree.reached(20, |n| n != 3));
    assert!(site.log().iter().all(|hit| hit.agent == "Acme/2.0 (+https://bot.acme.test/)"));
}

#[tokio::test]
async fn the_group_for_this_crawler_overrides_the_default_group() {
    let robots = "User-agent: *\nDisallow: /\n\nUser-agent: runo\nDisallow: /item/3$\n";
    let (world, site) = start(Spec { robots: Some(robots.into()), ..Spec::tree(20, 3) }).await;
    crawl(&world, &body(&site, "/item/0", json!({})), 0).await;
    assert_eq!(site.fetched_once(), site.spec.tree.reached(20, |n| n != 3));
}

#[tokio::test]
async fn a_denied_seed_is_one_uncharged_result() {
    let spec = Spec { robots: Some("User-agent: *\nDisallow: /item\n".into()), ..Spec::tree(20, 3) };
    // A sitemap does not add denied pages either.
    let (world, site) = start(spec.file("/sitemap.xml", Answer::Sitemap(vec!["{origin}/item/1".into()]))).await;
    for request in both_modes(body(&site, "/item/0", json!({ "max_pages": 7 }))) {
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
    for request in both_modes(body(&site, "/item/0", json!({ "ignore_robots": true }))) {
        site.clear_log();
        let got = crawl(&world, &request, 0).await;
        assert_eq!((site.fetched_once(), skipped(&got)), (site.spec.tree.all(), 0));
    }
}

#[tokio::test]
async fn a_site_whose_robots_txt_fails_is_not_fetched() {
    let broken = Spec::tree(10, 3).file("/robots.txt", Answer::Status(503, "<h1>down</h1>".into()));
    let (world, site) = start(broken).await;
    let got = crawl(&world, &body(&site, "/item/0", json!({})), 0).await;
    assert_eq!((&results(&got)[0]["error"]["code"], site.page_hits().len()), (&json!("ROBOTS_DENIED"), 0));
}

/// The target of a redirect is checked against the robots.txt of its own site, as a link to it would be.
#[tokio::test]
async fn a_redirect_to_a_denied_page_is_not_followed() {
    let robots = |rule: &str| Some(format!("User-agent: *\nDisallow: {rule}\n"));
    let other = GeneratedSite::start(Spec { robots: robots("/item/1"), ..Spec::tree(9, 1) }).await;
    let away = |n: usize| Answer::Redirect(other.url(&format!("/item/{n}")));
    let spec = Spec { robots: robots("/item/2$"), ..Spec::tree(1, 1) }
        .links("/hub", &["/item/here", "/item/away", "/item/allowed"])
        .file("/item/here", Answer::Redirect("/item/2".into()))
        .file("/item/away", away(1))
        .file("/item/allowed", away(5))
        .file("/seed", away(1));
    let (world, site) = start(spec).await;
    for request in both_modes(body(&site, "/hub", json!({}))) {
        other.clear_log();
        let got = crawl(&world, &request, 2).await;
        assert_eq!(results(&got).len(), 2, "denied pages have no result: {got}");
        assert_eq!((site.requests_to("/item/2"), other.fetched_once()), (0, ["/item/5".to_owned()].into()));
        assert!(skipped(&got) >= 2);
    }
    let got = world.post("/v1/crawl", &body(&site, "/seed", json!({}))).await.json();
    assert_eq!((results(&got).len(), &results(&got)[0]["error"]["code"]), (1, &json!("ROBOTS_DENIED")), "{got}");
    assert_eq!(other.requests_to("/item/1"), 0);
    crawl(&world, &body(&site, "/hub", json!({ "ignore_robots": true })), 0).await;
    assert_eq!((site.requests_to("/item/2"), other.requests_to("/item/1")), (1, 1));
}

/// Fetching another site's robots.txt takes no longer than the page's timeout. Links that are not checked by then are
/// not followed.
#[tokio::test]
async fn another_sites_robots_txt_counts_against_the_pages_timeout() {
    let silent = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
    let other = format!("http://{}", silent.local_addr().unwrap());
    let (world, site) = start(Spec::tree(1, 1).links("/hub", &[&format!("{other}/x"), &format!("{other}/y")])).await;
    let mut request = body(&site, "/hub", json!({ "follow_pattern": format!("{other}/*") }));
    request["options"] = json!({ "timeout_ms": 4_000 });
    let started = std::time::Instant::now();
    let got = world.post("/v1/crawl", &request).await.json();
    // A robots.txt may otherwise take 15 s.
    assert!(started.elapsed().as_secs() < 14, "{:?}", started.elapsed());
    assert_eq!((results(&got).len(), &results(&got)[0]["status"], skipped(&got)), (1, &json!("success"), 2), "{got}");
    drop(silent);
}

/// A site that cannot be connected to is reported as unreachable, not as denied by robots.txt.
#[tokio::test]
async fn a_seed_that_cannot_be_reached_is_unreachable() {
    let world = super::world().await;
    let port = ClosedPort::new();
    let closed = format!("http://{}", port.address());
    for seed in [closed.as_str(), "http://no-such-host.invalid"] {
        let request = json!({
            "seed_url": format!("{seed}/"), "schema": crate::support::stack::schema(), "options": { "retries": 0 },
            "crawl": { "follow_pattern": "*", "max_pages": 5 },
        });
        let got = crawl(&world, &request, 0).await;
        assert_eq!((results(&got).len(), &results(&got)[0]["error"]["code"]), (1, &json!("URL_UNREACHABLE")), "{got}");
        assert_eq!((figures(&got), skipped(&got)), ([1, 1, 5, 1], 0));
    }
}
