//! Decides when a page has finished rendering. Pure: events and the time are passed in.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::request::WaitFor;

/// How long no request may have been in flight.
const NETWORK_QUIET: Duration = Duration::from_millis(500);
/// How long the document must be unchanged.
const DOM_QUIET: Duration = Duration::from_millis(300);
/// A longer time between two probes means that scripts kept the page busy.
const MAX_PROBE_GAP: Duration = Duration::from_secs(1);

/// What is known about the loading of a page.
#[derive(Debug)]
pub(crate) struct Readiness {
    in_flight: HashSet<String>,
    last_network: Instant,
    parsed: bool,
    loaded: Option<Instant>,
    /// When the page was last probed, and how long it had been unchanged then.
    last_probe: Option<(Instant, Duration)>,
    /// Since when each probe was answered soon after the one before.
    answering_since: Instant,
    selector_matched: bool,
    /// Number of requests so far.
    pub(crate) requests: u32,
}

impl Readiness {
    pub(crate) fn new(now: Instant) -> Readiness {
        let in_flight = HashSet::new();
        Readiness {
            in_flight,
            last_network: now,
            parsed: false,
            loaded: None,
            last_probe: None,
            answering_since: now,
            selector_matched: false,
            requests: 0,
        }
    }

    /// Records a request. Does not wait for kinds of requests that normally stay open.
    pub(crate) fn request_sent(&mut self, id: &str, kind: &str, now: Instant) {
        self.requests += 1;
        if !matches!(kind, "EventSource" | "WebSocket" | "Ping" | "Media" | "Preflight") {
            self.in_flight.insert(id.to_owned());
            self.last_network = now;
        }
    }

    /// Records that a request has ended, or turned out to stay open.
    pub(crate) fn request_ended(&mut self, id: &str, now: Instant) {
        if self.in_flight.remove(id) {
            self.last_network = now;
        }
    }

    /// Records that another document is shown.
    pub(crate) fn navigated(&mut self, now: Instant) {
        (self.parsed, self.loaded, self.last_probe, self.selector_matched) = (false, None, None, false);
        self.last_network = now;
    }

    /// Records that the document is parsed.
    pub(crate) fn parsed(&mut self) {
        self.parsed = true;
    }

    /// Records that the document and its resources are loaded.
    pub(crate) fn loaded(&mut self, now: Instant) {
        self.parsed = true;
        self.loaded.get_or_insert(now);
    }

    /// Records a probe: how long the document had been unchanged, and whether the selector matched.
    pub(crate) fn probed(&mut self, unchanged: Duration, matched: bool, now: Instant) {
        if self.last_probe.is_none_or(|(at, _)| now > at + MAX_PROBE_GAP) {
            self.answering_since = now;
        }
        self.last_probe = Some((now, unchanged));
        self.selector_matched |= matched;
    }

    /// Returns whether there is a document to read.
    pub(crate) fn is_parsed(&self) -> bool {
        self.parsed
    }

    /// Returns whether the selector has matched.
    pub(crate) fn has_selector_matched(&self) -> bool {
        self.selector_matched
    }

    /// Returns whether the page can be read. `quiet_timeout`: how long to wait after loading until it is quiet.
    pub(crate) fn is_ready(&self, wait_for: Option<&WaitFor>, quiet_timeout: Duration, now: Instant) -> bool {
        let Some(loaded) = self.loaded else {
            return matches!(wait_for, Some(WaitFor::Selector(_))) && self.parsed && self.selector_matched;
        };
        match wait_for {
            Some(WaitFor::Selector(_)) => self.selector_matched,
            Some(WaitFor::After(time)) => now >= loaded + *time,
            None => now >= loaded + quiet_timeout || self.is_quiet(now),
        }
    }

    /// Returns whether the document is not parsed, and for `quiet_timeout` no request was in flight and no script kept the page busy.
    pub(crate) fn is_stalled(&self, quiet_timeout: Duration, now: Instant) -> bool {
        let answering = self.last_probe.is_some_and(|(at, _)| now <= at + MAX_PROBE_GAP);
        let idle_since = self.last_network.max(self.answering_since);
        !self.parsed && self.in_flight.is_empty() && answering && now >= idle_since + quiet_timeout
    }

    fn is_quiet(&self, now: Instant) -> bool {
        let unchanged = self.last_probe.is_some_and(|(at, unchanged)| unchanged >= DOM_QUIET && at + DOM_QUIET > now);
        unchanged && self.in_flight.is_empty() && now >= self.last_network + NETWORK_QUIET
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET_TIMEOUT: Duration = Duration::from_secs(5);

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_loaded_page_is_ready_when_network_and_document_are_quiet() {
        let start = Instant::now();
        let mut page = Readiness::new(start);
        let ready = |page: &Readiness, at| page.is_ready(None, QUIET_TIMEOUT, start + ms(at));
        page.request_sent("1", "Document", start);
        page.request_ended("1", start + ms(10));
        page.probed(ms(400), false, start + ms(700));
        assert!(!ready(&page, 700), "not loaded");
        page.loaded(start + ms(100));
        page.request_sent("2", "Fetch", start + ms(110));
        assert!(!ready(&page, 700), "a request is in flight");
        page.request_ended("2", start + ms(300));
        assert!(!ready(&page, 700), "the network was not quiet for long");
        page.probed(ms(250), false, start + ms(850));
        assert!(!ready(&page, 850), "the document was not quiet for long");
        page.probed(ms(350), false, start + ms(950));
        assert!(ready(&page, 950));
        assert!(!ready(&page, 1_400), "that probe was long ago");
    }

    #[test]
    fn requests_that_stay_open_are_not_waited_for() {
        let start = Instant::now();
        let mut page = Readiness::new(start);
        for kind in ["EventSource", "WebSocket"] {
            page.request_sent(kind, kind, start);
        }
        page.loaded(start);
        page.probed(ms(300), false, start + ms(500));
        assert!(page.is_ready(None, QUIET_TIMEOUT, start + ms(500)));
        page.request_sent("poll", "XHR", start);
        assert!(!page.is_ready(None, QUIET_TIMEOUT, start + ms(4_900)));
        assert!(page.is_ready(None, QUIET_TIMEOUT, start + QUIET_TIMEOUT));
    }

    #[test]
    fn a_document_that_is_never_parsed_is_stalled() {
        let start = Instant::now();
        let mut page = Readiness::new(start);
        let stalled = |page: &Readiness, at| page.is_stalled(QUIET_TIMEOUT, start + ms(at));
        let probe = |page: &mut Readiness, at: std::ops::Range<u64>| {
            at.step_by(500).for_each(|at| page.probed(ms(0), false, start + ms(at)));
        };
        page.request_sent("1", "Document", start);
        probe(&mut page, 0..5_500);
        assert!(!stalled(&page, 5_100), "its request is in flight");
        page.request_ended("1", start + ms(5_200));
        probe(&mut page, 5_500..10_200);
        assert!(!stalled(&page, 10_100), "its request ended less than that ago");
        assert!(stalled(&page, 10_200));
        assert!(!stalled(&page, 12_000), "a script may be running: the last probe was long ago");
        probe(&mut page, 12_000..17_500);
        assert!(!stalled(&page, 16_900), "a script ended less than that ago");
        assert!(stalled(&page, 17_000));
        page.parsed();
        assert!(!stalled(&page, 17_000));
    }

    #[test]
    fn wait_for_decides_when_a_page_is_ready() {
        let start = Instant::now();
        let mut page = Readiness::new(start);
        let (selector, after) = (WaitFor::Selector("p".into()), WaitFor::After(ms(2_000)));
        let ready = |page: &Readiness, wait_for, at| page.is_ready(Some(wait_for), QUIET_TIMEOUT, start + ms(at));
        page.loaded(start);
        page.probed(ms(900), false, start + ms(900));
        assert!(!ready(&page, &selector, 60_000) && !ready(&page, &after, 1_999) && ready(&page, &after, 2_000));
        page.probed(ms(0), true, start + ms(950));
        assert!(ready(&page, &selector, 950));
        page.navigated(start + ms(1_000));
        assert!(!ready(&page, &selector, 1_000) && !ready(&page, &after, 9_000));
        page.parsed();
        assert!(!ready(&page, &selector, 1_100));
        page.probed(ms(0), true, start + ms(1_100));
        assert!(ready(&page, &selector, 1_100), "before the load too");
    }
}
