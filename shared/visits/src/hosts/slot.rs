//! Slots: when a page may start at its host. Processes agree by compare-and-set on the host's row. Each takes a few
//! slots at once, so that not every page causes a write.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use domain::pace::{AccountTag, Pace};
use domain::time::millis;
use fetch::Throttled;
use runtime::context::Context;
use runtime::rows::Rows;
use store::StoreError;
use store::hosts::PaceWrite;
use url::Url;

use super::Hosts;
use super::state::Host;

/// Maximum number of tries to change a row if other processes change it first. Each time, one process makes progress.
const MAX_CONFLICTS: u32 = 64;

/// Answer to a page that wants to start at its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// It may start at this time.
    At(Timestamp),
    /// The next slot, at this time, is later than the page can wait. None was booked.
    Later(Timestamp),
}

/// Decides when pages may start at their hosts, over all processes.
pub struct HostPacing {
    context: Arc<Context>,
    rows: Rows,
    hosts: Hosts,
}

impl HostPacing {
    pub(crate) fn new(context: Arc<Context>, rows: Rows) -> HostPacing {
        HostPacing { context, rows, hosts: Hosts::default() }
    }

    /// Books a slot for a page at its host, if there is one by `latest`. The caller waits for it, and after that checks
    /// [`HostPacing::closed_until`], since the host may have throttled in the meantime.
    ///
    /// With `spaced`, which is for crawls, pages of one host start apart, over all processes. The distance is the
    /// longer of `HOST_DELAY_MS` and `crawl_delay`, times the host's back-off, plus up to a quarter. Other pages start
    /// at once, unless the host is backed off.
    ///
    /// # Errors
    /// Store errors, for pages that need a slot. A slot may be lost then; no other page gets it.
    pub async fn acquire_slot(
        &self,
        url: &Url,
        spaced: bool,
        crawl_delay: Option<Duration>,
        latest: Timestamp,
    ) -> Result<Slot, StoreError> {
        let delay_ms =
            if spaced { self.context.settings().host_delay_ms.max(crawl_delay.map_or(0, millis)) } else { 0 };
        let host = self.hosts.host(url);
        let now = self.context.now();
        let (backed_off, must_read) = {
            let mut state = host.state();
            let must_read = !spaced && state.record_request(now);
            (state.pace(now).is_backed_off(now), must_read)
        };
        if delay_ms == 0 && !backed_off && (!must_read || !self.read_back_off(&host).await) {
            return Ok(Slot::At(now));
        }
        // Pages that wait here use the slots that the one before them took.
        let _writing = host.writing.lock().await;
        let slot = host.state().slot(self.context.now(), delay_ms);
        match slot {
            Some(start) => Ok(Slot::At(start)),
            None => self.rows.retry(|| self.take_slots(&host, delay_ms, latest)).await,
        }
    }

    /// Returns when a host opens again for an account that it has throttled, as far as this
    /// process knows. Reads no row.
    pub fn closed_until(&self, by: AccountTag, url: &Url) -> Option<Timestamp> {
        self.hosts.host(url).state().closed_until(by, self.context.now())
    }

    /// Records how the host of `url`, which sent the response, answered a page of account `by`. `throttled` is set if
    /// the host asked to slow down. That doubles the back-off, and pages that succeed halve it again. If the store
    /// cannot be written, the change applies in this process only.
    pub async fn record_response(&self, by: AccountTag, url: &Url, throttled: Option<Throttled>) {
        let host = self.hosts.host(url);
        let now = self.context.now();
        let change = move |pace: Pace| match throttled {
            Some(Throttled { retry_after }) => pace.throttled(now, retry_after.map(millis), by),
            None => pace.answered(now),
        };
        {
            let mut state = host.state();
            let pace = state.pace(now);
            let changed = change(pace);
            if changed == pace {
                return;
            }
            if throttled.is_some() {
                state.close(changed);
            }
        }
        let _writing = host.writing.lock().await;
        if let Err(error) = self.rows.retry(|| self.change(&host, change)).await {
            tracing::warn!(%error, "could not write the pace of a host");
        }
    }

    /// Reads a host's row and returns whether the host is backed off. If the store fails, a page
    /// that needs no slot goes on.
    async fn read_back_off(&self, host: &Host) -> bool {
        let row = self.rows.store().hosts.pace(&host.name).await;
        let (now, mut state) = (self.context.now(), host.state());
        match row {
            Ok(row) => state.set_row(row, now),
            Err(error) => tracing::warn!(%error, "could not read the pace of a host"),
        }
        state.pace(now).is_backed_off(now)
    }

    /// Takes the next slots, returns the first and keeps the others.
    async fn take_slots(&self, host: &Host, delay_ms: u64, latest: Timestamp) -> Result<Slot, StoreError> {
        let (mut taken, mut later) = (None, None);
        let plan = |pace: Pace| {
            let now = self.context.now();
            (taken, later) = (None, None);
            // Nothing to space: the host is no longer backed off.
            if delay_ms == 0 && !pace.is_backed_off(now) {
                return pace;
            }
            let next = pace.next_slot(now);
            if next > latest {
                later = Some(next);
                return pace;
            }
            let (slots, moved) = pace.take(now, delay_ms, self.context.random());
            taken = Some(slots);
            moved
        };
        self.change(host, plan).await?;
        let Some(mut slots) = taken else { return Ok(later.map_or(Slot::At(self.context.now()), Slot::Later)) };
        let first = slots.starts.remove(0);
        host.state().keep_slots(slots);
        Ok(Slot::At(first))
    }

    /// Changes a host's row, and starts anew from its current content if another process has changed it. Writes nothing
    /// if the row stays the same.
    async fn change(&self, host: &Host, mut change: impl FnMut(Pace) -> Pace) -> Result<(), StoreError> {
        for _ in 0..MAX_CONFLICTS {
            let now = self.context.now();
            let (row, pace) = {
                let state = host.state();
                (state.row, state.pace(now))
            };
            let changed = change(pace);
            if row.is_some_and(|row| row == changed) {
                return Ok(());
            }
            match self.rows.store().hosts.put_pace(&host.name, row, changed, now).await? {
                PaceWrite::Written => {
                    host.state().set_row(Some(changed), now);
                    return Ok(());
                }
                PaceWrite::Refused(row) => host.state().set_row(row, now),
            }
        }
        Err(StoreError::Contended { operation: "the pace of a host", tries: MAX_CONFLICTS })
    }
}
