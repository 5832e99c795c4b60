//! How a reservation is split over the pools and how it is resolved: each credit is charged or refunded exactly once.

use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::time::Month;

/// The credits that a job took before it started, by pool. Monthly credits stay bound to `month`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// Credits of the month's quota.
    pub monthly: u64,
    /// Credits of the prepaid balance.
    pub prepaid: u64,
    /// The month whose quota the credits came from; refunds go back to it.
    pub month: Month,
}

/// Too few credits are left. Nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{needed} credits are needed, but only {available} are left")]
pub struct SplitError {
    /// Credits that the call needs.
    pub needed: u64,
    /// Credits that the account could use for it.
    pub available: u64,
}

/// How a reservation was resolved. `charged + refund_monthly + refund_prepaid` equals what was reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Units that started.
    pub charged: u64,
    /// Credits that go back to the reservation's month.
    pub refund_monthly: u64,
    /// Credits that go back to the prepaid balance.
    pub refund_prepaid: u64,
}

impl Charge {
    /// Returns the total refund.
    pub fn refunded(&self) -> u64 {
        self.refund_monthly + self.refund_prepaid
    }
}

impl Reservation {
    /// Takes `need` credits: the month's first, then prepaid ones if the plan allows them. Takes all or nothing.
    ///
    /// # Errors
    /// [`SplitError`] if both pools together have fewer than `need` credits.
    pub fn split(
        need: u64,
        plan: Plan,
        month: Month,
        monthly_left: u64,
        prepaid_left: u64,
    ) -> Result<Reservation, SplitError> {
        let prepaid_left = if plan.prepaid() { prepaid_left } else { 0 };
        let monthly = need.min(monthly_left);
        let prepaid = need - monthly;
        if prepaid > prepaid_left {
            return Err(SplitError { needed: need, available: monthly_left.saturating_add(prepaid_left) });
        }
        Ok(Reservation { monthly, prepaid, month })
    }

    /// Returns the number of credits that were taken.
    pub fn total(&self) -> u64 {
        self.monthly + self.prepaid
    }

    /// Resolves the reservation after `started` units have started: those are charged, the rest is refunded, prepaid
    /// first.
    pub fn resolve(&self, started: u64) -> Charge {
        let charged = started.min(self.total());
        let back = self.total() - charged;
        let refund_prepaid = back.min(self.prepaid);
        Charge { charged, refund_prepaid, refund_monthly: back - refund_prepaid }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn month() -> Month {
        Month::parse("2026-11").unwrap()
    }

    proptest! {
        #[test]
        fn a_split_takes_all_or_nothing(need in 0u64..2_000, m in 0u64..1_000, p in 0u64..1_000, plan in 0usize..4) {
            let plan = Plan::ALL[plan];
            let usable = m + if plan.prepaid() { p } else { 0 };
            match Reservation::split(need, plan, month(), m, p) {
                Ok(r) => {
                    prop_assert!(usable >= need);
                    prop_assert_eq!(r.total(), need);
                    prop_assert!(r.monthly <= m && r.prepaid <= p);
                    prop_assert!(r.prepaid == 0 || r.monthly == m, "prepaid only once the month is used up");
                    prop_assert!(r.prepaid == 0 || plan.prepaid());
                }
                Err(e) => prop_assert!(usable < need && e.available == usable),
            }
        }

        #[test]
        fn each_credit_is_charged_or_refunded_once(monthly in 0u64..1_000, prepaid in 0u64..1_000, started in 0u64..3_000) {
            let r = Reservation { monthly, prepaid, month: month() };
            let c = r.resolve(started);
            prop_assert_eq!(c.charged + c.refunded(), r.total());
            prop_assert!(c.refund_monthly <= monthly && c.refund_prepaid <= prepaid);
            prop_assert!(c.refund_monthly == 0 || c.refund_prepaid == prepaid, "prepaid goes back first");
            prop_assert_eq!(c.charged, started.min(monthly + prepaid));
        }
    }
}
