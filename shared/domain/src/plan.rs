//! What an account's plan includes: quota, rate, pools and keys.

use serde::{Deserialize, Serialize};

/// A plan of the contract's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    /// 500 a month, 1 a minute.
    Free,
    /// 15,000 a month, 15 a minute.
    Starter,
    /// 50,000 a month, 60 a minute, prepaid credits.
    Pro,
    /// 500,000 a month, 360 a minute, prepaid credits.
    Scale,
}

impl Plan {
    /// Every plan, smallest first.
    pub const ALL: [Plan; 4] = [Plan::Free, Plan::Starter, Plan::Pro, Plan::Scale];

    /// Returns the name on the wire and in rows.
    pub fn name(self) -> &'static str {
        match self {
            Plan::Free => "free",
            Plan::Starter => "starter",
            Plan::Pro => "pro",
            Plan::Scale => "scale",
        }
    }

    /// Parses a plan's name.
    pub fn parse(name: &str) -> Option<Plan> {
        Plan::ALL.into_iter().find(|p| p.name() == name)
    }

    /// Returns the credits per UTC calendar month.
    pub fn monthly(self) -> u64 {
        match self {
            Plan::Free => 500,
            Plan::Starter => 15_000,
            Plan::Pro => 50_000,
            Plan::Scale => 500_000,
        }
    }

    /// Returns the number of accepted calls of `extract`, `batch` and `crawl` per minute.
    pub fn per_minute(self) -> u64 {
        match self {
            Plan::Free => 1,
            Plan::Starter => 15,
            Plan::Pro => 60,
            Plan::Scale => 360,
        }
    }

    /// Returns the maximum number of calls whose response is held open at once.
    pub fn held_calls(self) -> u32 {
        match self {
            Plan::Free => 4,
            Plan::Starter => 20,
            Plan::Pro => 60,
            Plan::Scale => 200,
        }
    }

    /// Returns whether prepaid credits may be used once the month's quota is used up.
    pub fn prepaid(self) -> bool {
        match self {
            Plan::Free | Plan::Starter => false,
            Plan::Pro | Plan::Scale => true,
        }
    }

    /// Returns whether callers may have pictures of pages read.
    pub fn vision(self) -> bool {
        match self {
            Plan::Free | Plan::Starter | Plan::Pro => false,
            Plan::Scale => true,
        }
    }

    /// Returns the maximum number of active keys; `None` means no limit.
    pub fn active_keys(self) -> Option<usize> {
        match self {
            Plan::Free => Some(2),
            Plan::Starter => Some(5),
            Plan::Pro => Some(20),
            Plan::Scale => None,
        }
    }
}
