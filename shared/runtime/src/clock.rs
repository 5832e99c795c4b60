//! The wall clock, and the random bits of ids, nonces and keys: passed in, so that tests control them.

use domain::Timestamp;

/// A source of time.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

/// A source of unguessable bits for ids, nonces and keys.
pub trait RandomSource: Send + Sync {
    /// Returns 128 random bits.
    fn random(&self) -> u128;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[allow(clippy::disallowed_methods)] // the service reads the wall clock only here
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The operating system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl RandomSource for SystemRandom {
    fn random(&self) -> u128 {
        let mut bytes = [0u8; 16];
        // On every supported platform, this call fails only if the kernel has no source of entropy at all. Stopping is
        // better than going on with guessable job ids and keys.
        #[allow(clippy::expect_used)]
        getrandom::fill(&mut bytes).expect("the system has no source of randomness");
        u128::from_le_bytes(bytes)
    }
}
