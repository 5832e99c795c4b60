//! When a page has finished showing itself. Pure: it is told what happens and what time it is.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::ask::WaitFor;

/// How long nothing must have been on its way.
const NETWORK_QUIET: Duration = Duration::from_millis(500);
/// How long nothing must have changed.
const DOM_QUIET: Duration = Duration::from_millis(300);

/// What is known of a page.
#[derive(Debug)]
pub(crate) struct Ready {
    on_their_way: HashSet<String>,
    last_network: Instant,
    parsed: bool,
    loaded: Option<Instant>,
    /// When it was last looked at, and how long nothing had changed then.
    looked: Option<(Instant, Duration)>,
    found: bool,
    /// Requests so far.
    pub(crate) requests: u32,
}

impl Ready {
    pub(crate) fn new(now: Instant) -> Ready {
        let on_their_way = HashSet::new();
        Ready { on_their_way, last_network: now, parsed: false, loaded: None, looked: None, found: false, requests: 0 }
    }

    /// A request leaves. One that stays open by its nature is not waited for.
    pub(crate) fn sent(&mut self, id: &str, kind: &str, now: Instant) {
        self.requests += 1;
        if !matches!(kind, "EventSource" | "WebSocket" | "Ping" | "Media" | "Preflight") {
            self.on_their_way.insert(id.to_owned());
            self.last_network = now;
        }
    }

    /// A request has ended, or turned out to be one that stays open.
    pub(crate) fn ended(&mut self, id: &str, now: Instant) {
        if self.on_their_way.remove(id) {
            self.last_network = now;
        }
    }

    /// Another document is shown.
    pub(crate) fn navigated(&mut self, now: Instant) {
        (self.parsed, self.loaded, self.looked, self.found) = (false, None, None, false);
        self.last_network = now;
    }

    /// The document is there as a whole.
    pub(crate) fn parsed(&mut self) {
        self.parsed = true;
    }

    /// Everything that it names is there.
    pub(crate) fn loaded(&mut self, now: Instant) {
        self.parsed = true;
        self.loaded.get_or_insert(now);
    }

    /// It was looked at: how long nothing had changed, and whether what is waited for was there.
    pub(crate) fn looked(&mut self, unchanged: Duration, found: bool, now: Instant) {
        self.looked = Some((now, unchanged));
        self.found |= found;
    }

    /// Whether there is a document to read.
    pub(crate) fn is_parsed(&self) -> bool {
        self.parsed
    }

    /// Whether what was waited for has come.
    pub(crate) fn has_found(&self) -> bool {
        self.found
    }

    /// Whether it can be read. `settle`: how long it may go on changing once it has loaded.
    pub(crate) fn is_ready(&self, wait_for: Option<&WaitFor>, settle: Duration, now: Instant) -> bool {
        let Some(loaded) = self.loaded else {
            return matches!(wait_for, Some(WaitFor::Selector(_))) && self.parsed && self.found;
        };
        match wait_for {
            Some(WaitFor::Selector(_)) => self.found,
            Some(WaitFor::After(time)) => now >= loaded + *time,
            None => now >= loaded + settle || self.is_quiet(now),
        }
    }

    fn is_quiet(&self, now: Instant) -> bool {
        let unchanged = self.looked.is_some_and(|(at, unchanged)| unchanged >= DOM_QUIET && at + DOM_QUIET > now);
        unchanged && self.on_their_way.is_empty() && now >= self.last_network + NETWORK_QUIET
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(5);

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn quiet_of_network_and_document_after_the_load() {
        let start = Instant::now();
        let mut page = Ready::new(start);
        let ready = |page: &Ready, at| page.is_ready(None, SETTLE, start + ms(at));
        page.sent("1", "Document", start);
        page.ended("1", start + ms(10));
        page.looked(ms(400), false, start + ms(700));
        assert!(!ready(&page, 700), "not loaded");
        page.loaded(start + ms(100));
        page.sent("2", "Fetch", start + ms(110));
        assert!(!ready(&page, 700), "a request is on its way");
        page.ended("2", start + ms(300));
        assert!(!ready(&page, 700), "the network was not quiet for long");
        page.looked(ms(250), false, start + ms(850));
        assert!(!ready(&page, 850), "the document was not quiet for long");
        page.looked(ms(350), false, start + ms(950));
        assert!(ready(&page, 950));
        assert!(!ready(&page, 1_400), "that look was long ago");
    }

    #[test]
    fn what_never_ends_is_not_waited_for() {
        let start = Instant::now();
        let mut page = Ready::new(start);
        for kind in ["EventSource", "WebSocket"] {
            page.sent(kind, kind, start);
        }
        page.loaded(start);
        page.looked(ms(300), false, start + ms(500));
        assert!(page.is_ready(None, SETTLE, start + ms(500)));
        page.sent("poll", "XHR", start);
        assert!(!page.is_ready(None, SETTLE, start + ms(4_900)));
        assert!(page.is_ready(None, SETTLE, start + SETTLE));
    }

    #[test]
    fn what_is_waited_for_decides() {
        let start = Instant::now();
        let mut page = Ready::new(start);
        let (selector, after) = (WaitFor::Selector("p".into()), WaitFor::After(ms(2_000)));
        let ready = |page: &Ready, wait_for, at| page.is_ready(Some(wait_for), SETTLE, start + ms(at));
        page.loaded(start);
        page.looked(ms(900), false, start + ms(900));
        assert!(!ready(&page, &selector, 60_000) && !ready(&page, &after, 1_999) && ready(&page, &after, 2_000));
        page.looked(ms(0), true, start + ms(950));
        assert!(ready(&page, &selector, 950));
        page.navigated(start + ms(1_000));
        assert!(!ready(&page, &selector, 1_000) && !ready(&page, &after, 9_000));
        page.parsed();
        assert!(!ready(&page, &selector, 1_100));
        page.looked(ms(0), true, start + ms(1_100));
        assert!(ready(&page, &selector, 1_100), "before the load too");
    }
}
