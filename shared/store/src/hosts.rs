//! Rows of hosts: the pace at which a host is asked, and its robots.txt. [`domain::pace`] decides how a pace changes;
//! the meaning of a robots.txt is left to the caller who wrote the row.

use domain::Timestamp;
use domain::pace::{AccountTag, LastThrottle, Pace};

use crate::Hosts;
use crate::error::StoreError;
use crate::item::{Item, Put, Row, key, n, s, values};
use crate::keys;
use crate::ops::{ABSENT, Conditional};

/// How long an expired robots.txt is kept. Does not affect any decision.
const ROBOTS_SLACK_SECS: u64 = 86_400;

/// The condition that a host's pace is as it was read.
pub(crate) const UNCHANGED: &str = "#next = :next AND #closed_until = :closed_until AND #factor = :factor \
    AND #changed_at = :changed_at \
    AND (#told_at = :told_at OR (attribute_not_exists(#told_at) AND :told_at = :never))";
/// The condition that no row is stored, or one that expires earlier.
const IS_VALID_LONGER: &str = "attribute_not_exists(#pk) OR #until < :until";

/// The result of a conditional write of a host's pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaceWrite {
    /// It took effect.
    Written,
    /// The pace has changed. Contains the current pace, if there is one.
    Refused(Option<Pace>),
}

/// A robots.txt as it was parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotsRow {
    /// The rules in a form that the writer can read back; at most 256 KiB.
    pub text: String,
    /// When they must be fetched again.
    pub until: Timestamp,
}

fn parse_pace(item: &Item) -> Result<Pace, StoreError> {
    let row = Row(item);
    let at = |name| row.n(name).map(Timestamp);
    let opt = |name| row.opt_n(name).map(|at| Timestamp(at.unwrap_or_default()));
    Ok(Pace {
        next: at("next")?,
        closed_until: at("closed_until")?,
        factor: row.n("factor")?,
        changed_at: at("changed_at")?,
        last_throttle: LastThrottle {
            // The 64 bits are stored as text, because a number here would be signed.
            by: AccountTag(row.opt_s("told").and_then(|by| u64::from_str_radix(by, 16).ok()).unwrap_or_default()),
            at: opt("told_at")?,
            until: opt("told_until")?,
            single_account_closed_at: opt("lone_at")?,
            agreed_until: opt("agreed_until")?,
        },
    })
}

impl Hosts {
    /// Returns the pace of a host (`name:port`).
    ///
    /// # Errors
    /// Store errors.
    pub async fn pace(&self, host: &str) -> Result<Option<Pace>, StoreError> {
        let item = self.get(&self.tables.hosts, key(keys::host(host), keys::PACE)).await?;
        item.as_ref().map(parse_pace).transpose()
    }

    /// Replaces a host's pace `read` by `pace` if it is unchanged. If refused, the caller decides anew from the current
    /// pace.
    ///
    /// # Errors
    /// Store errors; it is then unknown whether the write took effect.
    pub async fn put_pace(
        &self,
        host: &str,
        read: Option<Pace>,
        pace: Pace,
        now: Timestamp,
    ) -> Result<PaceWrite, StoreError> {
        let item = key(keys::host(host), keys::PACE)
            .with("next", n(pace.next.0))
            .with("closed_until", n(pace.closed_until.0))
            .with("factor", n(pace.factor))
            .with("changed_at", n(pace.changed_at.0))
            .with("told", s(format!("{:x}", pace.last_throttle.by.0)))
            .with("told_at", n(pace.last_throttle.at.0))
            .with("told_until", n(pace.last_throttle.until.0))
            .with("lone_at", n(pace.last_throttle.single_account_closed_at.0))
            .with("agreed_until", n(pace.last_throttle.agreed_until.0))
            .with("ttl", n(pace.ttl(now)));
        let expected = read.map(|read| {
            values([
                (":next", n(read.next.0)),
                (":closed_until", n(read.closed_until.0)),
                (":factor", n(read.factor)),
                (":changed_at", n(read.changed_at.0)),
                (":told_at", n(read.last_throttle.at.0)),
                (":never", n(0)),
            ])
        });
        let condition = if expected.is_some() { UNCHANGED } else { ABSENT };
        match self.put_if(&self.tables.hosts, item, condition, expected).await? {
            Conditional::Written => Ok(PaceWrite::Written),
            Conditional::Refused(item) => Ok(PaceWrite::Refused(item.as_ref().map(parse_pace).transpose()?)),
        }
    }

    /// Returns the robots.txt of an origin (`scheme://name:port`); it may have expired.
    ///
    /// # Errors
    /// Store errors.
    pub async fn robots(&self, origin: &str) -> Result<Option<RobotsRow>, StoreError> {
        let item = self.get(&self.tables.hosts, key(keys::origin(origin), keys::ROBOTS)).await?;
        let read = |item: &Item| {
            let row = Row(item);
            Ok(RobotsRow { text: row.s("text")?.to_owned(), until: Timestamp(row.n("until")?) })
        };
        item.as_ref().map(read).transpose()
    }

    /// Stores the robots.txt of an origin, unless the stored one is valid for longer.
    ///
    /// # Errors
    /// Store errors; it is then unknown whether the write took effect.
    pub async fn put_robots(&self, origin: &str, robots: &RobotsRow) -> Result<(), StoreError> {
        let item = key(keys::origin(origin), keys::ROBOTS)
            .with("text", s(robots.text.clone()))
            .with("until", n(robots.until.0))
            .with("ttl", n(robots.until.plus_secs(ROBOTS_SLACK_SECS).secs()));
        self.put_if(&self.tables.hosts, item, IS_VALID_LONGER, Some(values([(":until", n(robots.until.0))]))).await?;
        Ok(())
    }
}
