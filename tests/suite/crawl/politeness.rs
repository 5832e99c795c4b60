//! When a crawl requests the pages of a host, by the host's own log. Only these tests assert times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::Endpoint;
use domain::segment::{UnitEnd, UnitState};
use serde_json::json;

use super::{body, both_modes, crawl, figures, results};
use crate::support::faults::Faults;
use crate::support::generated::{GeneratedSite, Spec};
use crate::support::stack::World;
use crate::support::test_bed::{TestBed, accept, call, crawl_options};

const MS: Duration = Duration::from_millis(1);

/// The times between one page's request and the next.
fn gaps(site: &GeneratedSite) -> Vec<Duration> {
    let hits = site.page_hits();
    hits.windows(2).map(|pair| pair[1].at - pair[0].at).collect()
}

async fn start_with_delay(delay_ms: &str, spec: Spec) -> (World, GeneratedSite, Slack) {
    let world = World::with_vars(&[("HOST_DELAY_MS", delay_ms)]).await;
    (world, GeneratedSite::start(spec).await, Slack::measured())
}

/// How late a request may arrive; a late request shortens the next gap. A timer measures how late this thread is, on which
/// the server and the site run, too.
struct Slack {
    longest_ms: Arc<AtomicU64>,
    timer: tokio::task::JoinHandle<()>,
}

impl Slack {
    fn measured() -> Slack {
        let longest_ms = Arc::new(AtomicU64::new(0));
        let longest = Arc::clone(&longest_ms);
        let timer = tokio::spawn(async move {
            loop {
                let before = Instant::now();
                tokio::time::sleep(5 * MS).await;
                longest.fetch_max(u64::try_from(before.elapsed().as_millis()).unwrap(), Ordering::Relaxed);
            }
        });
        Slack { longest_ms, timer }
    }

    /// At most half a gap of a second, so that a very late thread does not make up for a missing gap.
    fn now(&self) -> Duration {
        (80 * MS + Duration::from_millis(self.longest_ms.load(Ordering::Relaxed).saturating_sub(5))).min(500 * MS)
    }
}

impl Drop for Slack {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

/// Whether every run of consecutive requests is spaced by at least `delay`, less the slack.
fn are_spaced(gaps: &[Duration], delay: Duration, slack: &Slack) -> bool {
    let slack = slack.now();
    (0..gaps.len()).all(|from| {
        let mut sum = Duration::ZERO;
        gaps[from..].iter().zip(1u32..).all(|(gap, n)| {
            sum += *gap;
            sum + slack >= delay * n
        })
    })
}

#[tokio::test]
async fn pages_of_a_host_are_spaced_in_both_modes() {
    let (world, site, slack) = start_with_delay("100", Spec::tree(12, 11)).await;
    for request in both_modes(body(&site, "/item/0", json!({}))) {
        site.clear_log();
        let got = crawl(&world, &request, 0).await;
        assert_eq!((figures(&got)[0], site.fetched_once().len()), (12, 12));
        let gaps = gaps(&site);
        assert!(are_spaced(&gaps, 100 * MS, &slack), "{gaps:?}");
    }
}

#[tokio::test]
async fn two_crawls_share_a_hosts_spacing_and_another_host_does_not_wait() {
    let (world, site, slack) = start_with_delay("100", Spec::tree(7, 6)).await;
    let other = GeneratedSite::start(Spec::tree(7, 6)).await;
    let (world, site, other) = (&world, &site, &other);
    let first = world.begin("/v1/crawl", body(site, "/item/0", json!({ "max_pages": 10 }))).await.1;
    let second =
        world.begin("/v1/crawl", super::asynchronous(body(site, "/item/0", json!({ "max_pages": 10 })))).await.1;
    let third = world.begin("/v1/crawl", body(other, "/item/0", json!({ "max_pages": 10 }))).await.1;
    let done = [first.await.unwrap(), second.await.unwrap(), third.await.unwrap()];
    assert!(done.iter().all(|got| figures(got)[0] == 7));
    let shared = gaps(site);
    assert!(shared.len() == 13 && are_spaced(&shared, 100 * MS, &slack), "{shared:?}");
    // The other host was done long before: shown by the order in the logs, not by a stopwatch.
    let last = |site: &GeneratedSite| site.page_hits().last().unwrap().at;
    assert!(last(other) < last(site));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_429_widens_the_spacing() {
    for queued in [false, true] {
        let mut spec = Spec::tree(12, 11);
        spec.busy = Some(3);
        let (world, site, slack) = start_with_delay("100", spec).await;
        let requests = both_modes(body(&site, "/item/0", json!({})));
        let got = crawl(&world, &requests[usize::from(queued)], 0).await;
        assert_eq!((figures(&got)[0], results(&got).len()), (12, 12));
        let refused: Vec<_> = results(&got).iter().filter(|result| result["status"] == "error").collect();
        assert!(refused.iter().all(|result| result["error"]["code"] == "FETCH_BLOCKED"), "{refused:?}");
        let (hits, gaps) = (site.page_hits(), gaps(&site));
        let at = hits.iter().position(|hit| hit.status == 429).unwrap();
        assert!(are_spaced(&gaps, 100 * MS, &slack), "{gaps:?}");
        // `Retry-After` says one second. Requests that had a slot before the 429 may still come.
        assert!(gaps[at..].iter().any(|gap| *gap >= 1_000 * MS - slack.now()), "at {at}: {gaps:?}");
    }
}

#[tokio::test]
async fn a_crawl_delay_is_honoured() {
    let mut spec = Spec::tree(4, 3);
    spec.robots = Some("User-agent: *\nCrawl-delay: 1\n".into());
    let (world, site, slack) = start_with_delay("20", spec).await;
    crawl(&world, &body(&site, "/item/0", json!({})), 0).await;
    let gaps = gaps(&site);
    assert!(gaps.len() == 3 && gaps.iter().all(|gap| *gap >= 1_000 * MS - slack.now()), "{gaps:?}");
}

/// A Crawl-delay of half a minute, through the queue, on a simulated clock: pages come at that pace, each costs two
/// short messages, and no message waits long.
#[tokio::test]
async fn a_long_crawl_delay_defers_messages_instead_of_waiting() {
    const PAGES: usize = 6;
    let robots = Some("User-agent: *\nCrawl-delay: 30\n".to_owned());
    let spec = Spec { robots, ..Spec::tree(PAGES, PAGES) };
    let (bed, site) = (TestBed::with_queue().await, GeneratedSite::start(spec).await);
    let engine = bed.engine(&Faults::default()).await;
    let mut crawl = call(Endpoint::Crawl, vec![site.url("/item/0")]);
    crawl.crawl = Some(crawl_options(site.url("/item/*"), 20, 2));
    crawl.async_mode = true;
    let started = accept(&engine, crawl).await.unwrap();
    let id = started.job.id.clone();
    engine.driver.detach(*started, None).await;
    // A second of the simulated clock every twenty milliseconds.
    let clock = bed.clock.clone();
    let ticking = tokio::spawn(async move {
        loop {
            tokio::time::sleep(20 * MS).await;
            clock.advance(1);
        }
    });
    let mut messages = 0;
    while !engine.jobs.job(&id).await.unwrap().unwrap().state.ended() {
        messages += bed.deliver(&engine, &engine, 0).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    ticking.abort();
    let job = engine.jobs.job(&id).await.unwrap().unwrap();
    let rows = engine.store().segments.all_segments(&job).await.unwrap();
    let good = |unit| matches!(unit, UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, .. });
    assert_eq!(rows[0].non_pending().filter(|(_, unit)| good(*unit)).count(), PAGES, "{rows:?}");
    // The clock never runs faster than a second in twenty milliseconds, so 30 s take at least 600 ms. A page may be late by
    // what a busy process takes, which is fifty times as long on that clock; the first one is, because the process is cold.
    let gaps = gaps(&site);
    assert!(gaps[1..].iter().all(|gap| *gap >= 300 * MS), "{gaps:?}");
    let took = job.ended_at.unwrap().ms_since(job.started_at);
    assert!(took <= 60_000 * PAGES as u64, "{took} ms on that clock");
    assert!(messages <= 3 * PAGES + 4, "{messages} messages");
    bed.assert_sound("a long Crawl-delay").await;
}
