//! Reads the robots.txt of sites: one fetch per origin, remembered in this process and in the origin's row until it
//! expires. If the store fails, robots.txt is still read.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use domain::pace::AccountTag;
use fetch::{Fetcher, Robots, RobotsAnswer, RobotsOutcome};
use runtime::context::Context;
use runtime::rows::Rows;
use store::hosts::RobotsRow;
use url::Url;

use super::Origins;
use super::slot::{HostPacing, Slot};

/// How long a file is valid; also how long it is remembered that a site has none (RFC 9309 §2.4).
const VALID_SECS: u64 = 24 * 60 * 60;
/// How long it is remembered that a file could not be fetched.
const FAILURE_VALID_SECS: u64 = 10 * 60;
/// How long it is remembered that a site could not be reached at all.
const NO_CONNECTION_VALID_SECS: u64 = 60;
/// Maximum time to fetch a site's file, including redirects.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Maximum wait for a slot: the file is small and fetched once, and its crawl waits for it.
const MAX_SLOT_WAIT: Duration = Duration::from_secs(30);

/// One origin. The first task that needs the file holds the lock until there is an answer; the others
/// wait for it and share it.
#[derive(Debug)]
pub(super) struct OriginRobots {
    /// `scheme://name:port`.
    name: String,
    rules: tokio::sync::Mutex<Option<(Arc<Robots>, Timestamp)>>,
}

impl OriginRobots {
    pub(super) fn new(name: String) -> OriginRobots {
        OriginRobots { name, rules: tokio::sync::Mutex::default() }
    }
}

/// Reads the robots.txt of sites, once for each origin.
pub struct RobotsReader {
    context: Arc<Context>,
    rows: Rows,
    fetcher: Fetcher,
    pacing: Arc<HostPacing>,
    origins: Origins,
}

impl RobotsReader {
    pub(crate) fn new(context: Arc<Context>, rows: Rows, fetcher: Fetcher, pacing: Arc<HostPacing>) -> RobotsReader {
        RobotsReader { context, rows, fetcher, pacing, origins: Origins::default() }
    }

    /// Returns the rules for the origin of a URL. Never fails: there are rules for a file that cannot be fetched, too.
    pub async fn of(&self, url: &Url) -> Arc<Robots> {
        let origin = self.origins.origin(url);
        let mut rules = origin.rules.lock().await;
        if let Some((robots, _)) = rules.as_ref().filter(|(_, until)| self.context.now() < *until) {
            return Arc::clone(robots);
        }
        let (robots, until) = match self.read_row(&origin.name).await {
            Some(found) => found,
            None => self.fetch(&origin.name, url).await,
        };
        let robots = Arc::new(robots);
        *rules = Some((Arc::clone(&robots), until));
        robots
    }

    /// Returns the rules in the origin's row, if they are still valid.
    async fn read_row(&self, origin: &str) -> Option<(Robots, Timestamp)> {
        match self.rows.store().hosts.robots(origin).await {
            Ok(row) => {
                let row = row.filter(|row| self.context.now() < row.until)?;
                Some((Robots::from_row(&row.text)?, row.until))
            }
            Err(error) => {
                tracing::warn!(%error, "could not look up a robots.txt; fetching it from the site");
                None
            }
        }
    }

    async fn fetch(&self, origin: &str, url: &Url) -> (Robots, Timestamp) {
        // The file is a request like any other, and the page that needs it comes right after it.
        let latest = self.context.now().plus(MAX_SLOT_WAIT);
        match self.pacing.acquire_slot(url, true, None, latest).await {
            Ok(Slot::At(start)) => {
                let wait = Duration::from_millis(start.ms_since(self.context.now()));
                tokio::time::sleep(wait.min(MAX_SLOT_WAIT)).await;
            }
            Ok(Slot::Later(_)) => tokio::time::sleep(MAX_SLOT_WAIT).await,
            Err(error) => tracing::warn!(%error, "could not get a slot for a robots.txt; fetching it now"),
        }
        let answer = self.fetcher.robots(url, TIMEOUT).await;
        if answer.throttled.is_some() {
            self.pacing.record_response(AccountTag::NOBODY, url, answer.throttled).await;
        }
        let until = self.context.now().plus_secs(valid_secs(&answer));
        // A file that is too large for a row is fetched again by each process.
        if let Some(text) = answer.robots.to_row()
            && let Err(error) = self.rows.store().hosts.put_robots(origin, &RobotsRow { text, until }).await
        {
            tracing::warn!(%error, "could not store a robots.txt");
        }
        (answer.robots, until)
    }
}

/// Returns how long an answer is valid. An answer that only asks to slow down says nothing about the file.
fn valid_secs(answer: &RobotsAnswer) -> u64 {
    match answer.outcome {
        RobotsOutcome::Found | RobotsOutcome::Unavailable if answer.throttled.is_none() => VALID_SECS,
        RobotsOutcome::NoConnection(_) => NO_CONNECTION_VALID_SECS,
        RobotsOutcome::Found | RobotsOutcome::Unavailable | RobotsOutcome::Unreachable(_) => FAILURE_VALID_SECS,
    }
}
