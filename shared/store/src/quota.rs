//! What an account may use now: everything that accepting a call and the rate headers need, in one round trip.

use domain::{AccountId, JobId, Month, Plan, Timestamp};

use crate::Accounts;
use crate::error::StoreError;
use crate::item::{Row, key};
use crate::keys;

/// An account's quota at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaSnapshot {
    /// The account.
    pub account: AccountId,
    /// Its plan.
    pub plan: Plan,
    /// Whether it is suspended.
    pub suspended: bool,
    /// Calls per minute: the plan's limit, unless the profile has its own.
    pub rate_limit: u64,
    /// Calls accepted so far in this minute.
    pub rate_count: u64,
    /// The minute that `rate_count` belongs to.
    pub minute: i64,
    /// The current month.
    pub month: Month,
    /// The month's row, if it was used before.
    pub month_row: Option<MonthRow>,
    /// Prepaid credits; `None` if none were ever bought.
    pub prepaid: Option<u64>,
    /// The earlier call with this idempotency key, if one was made within its time.
    pub idempotency: Option<IdempotencyRow>,
}

/// A month of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthRow {
    /// Credits that have been used.
    pub used: u64,
    /// The quota.
    pub limit: u64,
    /// The minute whose calls are counted; `None` in rows of an earlier version.
    pub minute: Option<i64>,
    /// Calls accepted in that minute.
    pub calls: u64,
}

/// An earlier call with the same idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// Hash of endpoint, effective schema and canonical body.
    pub hash: String,
    /// The job that it created.
    pub job: JobId,
}

impl QuotaSnapshot {
    /// Returns the used credits of the month.
    pub fn used(&self) -> u64 {
        self.month_row.map_or(0, |row| row.used)
    }

    /// Returns the month's quota.
    pub fn limit(&self) -> u64 {
        self.month_row.map_or(self.plan.monthly(), |row| row.limit)
    }

    /// Returns the rest of the month's quota.
    pub fn monthly_left(&self) -> u64 {
        self.limit().saturating_sub(self.used())
    }
}

impl Accounts {
    /// Reads an account's quota, strongly consistent. Returns `None` if there is no such account.
    ///
    /// # Errors
    /// Store errors.
    pub async fn quota(
        &self,
        account: &AccountId,
        now: Timestamp,
        idempotency_key: Option<&str>,
    ) -> Result<Option<QuotaSnapshot>, StoreError> {
        let (pk, month) = (keys::account(account), now.month());
        let mut wanted = vec![key(&pk, keys::PROFILE), key(&pk, keys::month(month)), key(&pk, keys::PREPAID)];
        wanted.extend(idempotency_key.map(|k| key(&pk, keys::idempotency(k))));
        let rows = self.get_many(&self.tables.accounts, wanted).await?;
        let find = |sk: &str| rows.iter().map(Row).find(|r| r.opt_s("sk") == Some(sk));
        let Some(profile) = find(keys::PROFILE) else { return Ok(None) };
        let plan = profile.parse("plan", Plan::parse)?;
        let month_row = match find(&keys::month(month)) {
            None => None,
            Some(row) => Some(MonthRow {
                used: row.n("used")?,
                limit: row.n("limit")?,
                minute: row.opt_n("minute")?,
                calls: row.opt_n("calls")?.unwrap_or(0),
            }),
        };
        // If a process whose clock is ahead has begun the next minute, calls count in that one.
        let minute = month_row.and_then(|row| row.minute).map_or(now.minute(), |counted| counted.max(now.minute()));
        let counted = month_row.filter(|row| row.minute == Some(minute));
        let idempotency = match idempotency_key.and_then(|k| find(&keys::idempotency(k))) {
            // TTL removes rows late, so the time decides.
            Some(row) if row.n::<i64>("expires_at")? > now.0 => {
                Some(IdempotencyRow { hash: row.s("hash")?.to_owned(), job: row.parse("job", JobId::parse)? })
            }
            Some(_) | None => None,
        };
        Ok(Some(QuotaSnapshot {
            account: account.clone(),
            plan,
            suspended: profile.s("status")? == "suspended",
            rate_limit: profile.opt_n("rate_limit")?.unwrap_or(plan.per_minute()),
            rate_count: counted.map_or(0, |row| row.calls),
            minute,
            month,
            month_row,
            prepaid: find(keys::PREPAID).map(|r| r.n("balance")).transpose()?,
            idempotency,
        }))
    }
}
