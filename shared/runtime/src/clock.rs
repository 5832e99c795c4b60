//! Where time and randomness come in: the only places in the project that read a clock or the system's entropy.

use domain::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Gives unguessable bits for ids, nonces and keys.
pub trait Ids: Send + Sync {
    /// 128 random bits.
    fn random(&self) -> u128;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[allow(clippy::disallowed_methods)] // this is the one place where the clock is read
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The operating system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn random(&self) -> u128 {
        let mut bytes = [0u8; 16];
        // On every platform that runs this the system call fails only where the kernel has no entropy source at all.
        // Going on with guessable job ids and keys would be worse than not going on.
        #[allow(clippy::expect_used)]
        getrandom::fill(&mut bytes).expect("the system has no source of randomness");
        u128::from_le_bytes(bytes)
    }
}
