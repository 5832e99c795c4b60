//! Clocks and ids that a test controls.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use domain::Timestamp;
use runtime::clock::{Clock, RandomSource};

/// 2026-11-24T00:00:00Z
pub const NOV_24: i64 = 1_795_478_400_000;

/// A clock that stands still until it is advanced.
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    pub fn at(ms: i64) -> ManualClock {
        ManualClock(Arc::new(AtomicI64::new(ms)))
    }

    pub fn advance(&self, secs: i64) {
        self.0.fetch_add(secs * 1_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A running clock that starts at the same time in every test, at the beginning of a minute, and can be advanced.
#[derive(Debug, Clone)]
pub struct RunningClock {
    start: std::time::Instant,
    advanced_ms: Arc<AtomicI64>,
}

impl RunningClock {
    pub fn start() -> RunningClock {
        RunningClock { start: std::time::Instant::now(), advanced_ms: Arc::default() }
    }

    pub fn advance(&self, secs: i64) {
        self.advanced_ms.fetch_add(secs * 1_000, Ordering::SeqCst);
    }
}

impl Clock for RunningClock {
    fn now(&self) -> Timestamp {
        let elapsed_ms = i64::try_from(self.start.elapsed().as_millis()).unwrap();
        Timestamp(NOV_24 + elapsed_ms + self.advanced_ms.load(Ordering::SeqCst))
    }
}

/// Ids that are distinct, and the same in every run.
#[derive(Debug, Default)]
pub struct CountedIds(AtomicU64);

impl RandomSource for CountedIds {
    fn random(&self) -> u128 {
        let n = u128::from(self.0.fetch_add(1, Ordering::SeqCst) + 1);
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }
}
