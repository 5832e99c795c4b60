//! What sites' robots.txt say: one fetch per origin, remembered in this process and in the origin's row until it
//! expires. The store is a help here, never a need.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use domain::pace::AccountTag;
use fetch::{Fetcher, Robots, RobotsAnswer, RobotsOutcome};
use store::hosts::RobotsRow;
use url::Url;

use super::Origins;
use super::slot::{HostPacing, Slot};
use runtime::context::Context;
use runtime::rows::Rows;

/// How long a file holds, or that there is none (RFC 9309 §2.4).
const HOLDS_SECS: u64 = 24 * 60 * 60;
/// How long it is believed that a file cannot be had.
const FAILURE_HOLDS_SECS: u64 = 10 * 60;
/// How long it is believed that a site cannot be reached at all.
const UNREACHED_HOLDS_SECS: u64 = 60;
/// How long a site may take with its file, redirects and all.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long a file waits for its turn at most: it is small and asked for once, and its crawl stands still.
const PATIENCE: Duration = Duration::from_secs(30);

/// One origin. Whoever asks holds the lock until there is an answer; the others wait for it and share it.
#[derive(Debug)]
pub(super) struct OriginRobots {
    /// `scheme://name:port`.
    name: String,
    kept: tokio::sync::Mutex<Option<(Arc<Robots>, Timestamp)>>,
}

impl OriginRobots {
    pub(super) fn new(name: String) -> OriginRobots {
        OriginRobots { name, kept: tokio::sync::Mutex::default() }
    }
}

/// What sites' robots.txt say, asked for once.
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

    /// What the robots.txt of a URL's origin says. Never fails: of a file that cannot be had it is known what to do.
    pub async fn of(&self, url: &Url) -> Arc<Robots> {
        let asked = self.origins.origin(url);
        let mut kept = asked.kept.lock().await;
        if let Some((robots, _)) = kept.as_ref().filter(|(_, until)| self.context.now() < *until) {
            return Arc::clone(robots);
        }
        let (robots, until) = match self.remembered(&asked.name).await {
            Some(found) => found,
            None => self.ask_for_robots(&asked.name, url).await,
        };
        let robots = Arc::new(robots);
        *kept = Some((Arc::clone(&robots), until));
        robots
    }

    /// What the row says, if it still holds.
    async fn remembered(&self, origin: &str) -> Option<(Robots, Timestamp)> {
        match self.rows.store().hosts.robots(origin).await {
            Ok(row) => {
                let row = row.filter(|row| self.context.now() < row.until)?;
                Some((Robots::from_row(&row.text)?, row.until))
            }
            Err(error) => {
                tracing::warn!(%error, "could not look up a robots.txt; asking the site");
                None
            }
        }
    }

    async fn ask_for_robots(&self, origin: &str, url: &Url) -> (Robots, Timestamp) {
        // It is a request like any other, and the page that it is asked for comes right after it.
        let latest = self.context.now().plus_ms(PATIENCE.as_millis().try_into().unwrap_or(i64::MAX));
        match self.pacing.acquire_slot(url, true, None, latest).await {
            Ok(Slot::At(start)) => {
                let wait = Duration::from_millis(start.ms_since(self.context.now()));
                tokio::time::sleep(wait.min(PATIENCE)).await;
            }
            Ok(Slot::Later(_)) => tokio::time::sleep(PATIENCE).await,
            Err(error) => tracing::warn!(%error, "no turn for a robots.txt; asking for it now"),
        }
        let answer = self.fetcher.robots(url, TIMEOUT).await;
        if answer.throttled.is_some() {
            self.pacing.record_response(AccountTag::NOBODY, url, answer.throttled).await;
        }
        let until = self.context.now().plus_secs(holds_secs(&answer));
        // A file that is too large for a row is read again by each process.
        if let Some(text) = answer.robots.to_row()
            && let Err(error) = self.rows.store().hosts.put_robots(origin, &RobotsRow { text, until }).await
        {
            tracing::warn!(%error, "could not keep a robots.txt");
        }
        (answer.robots, until)
    }
}

/// How long an answer holds. One that only says to slow down says nothing of the file.
fn holds_secs(answer: &RobotsAnswer) -> u64 {
    match answer.outcome {
        RobotsOutcome::Found | RobotsOutcome::Unavailable if answer.throttled.is_none() => HOLDS_SECS,
        RobotsOutcome::Unreached(_) => UNREACHED_HOLDS_SECS,
        RobotsOutcome::Found | RobotsOutcome::Unavailable | RobotsOutcome::Unreachable(_) => FAILURE_HOLDS_SECS,
    }
}
