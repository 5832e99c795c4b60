//! A token bucket: holds a number of tokens and refills at a rate per second.

use crate::assumptions::{Micros, SECOND};

/// A token bucket. Counts in millionths of a token, so that a refill loses nothing.
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket {
    capacity: u64,
    refill_per_second: u64,
    tokens: u64,
    at: Micros,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(capacity: u32, refill_per_second: u32) -> TokenBucket {
        let capacity = u64::from(capacity) * SECOND;
        TokenBucket { capacity, refill_per_second: u64::from(refill_per_second), tokens: capacity, at: 0 }
    }

    /// Returns how many tokens are available.
    pub fn available(&mut self, now: Micros) -> u32 {
        let new = now.saturating_sub(self.at).saturating_mul(self.refill_per_second);
        self.tokens = self.tokens.saturating_add(new).min(self.capacity);
        self.at = self.at.max(now);
        u32::try_from(self.tokens / SECOND).unwrap_or(u32::MAX)
    }

    /// Takes tokens that are known to be available.
    pub fn take(&mut self, tokens: u32) {
        self.tokens = self.tokens.saturating_sub(u64::from(tokens) * SECOND);
    }

    /// Takes tokens if there are enough. A request for more than the bucket can hold takes all of a full one.
    pub fn try_take(&mut self, tokens: u32, now: Micros) -> bool {
        let enough = self.fits(tokens, now);
        if enough {
            self.take(tokens);
        }
        enough
    }

    /// Returns whether there are enough tokens.
    pub fn fits(&mut self, tokens: u32, now: Micros) -> bool {
        u64::from(self.available(now)) >= u64::from(tokens).min(self.capacity / SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_refills_at_its_rate_up_to_its_capacity() {
        let mut bucket = TokenBucket::new(100, 50);
        assert!(bucket.try_take(100, 0) && !bucket.try_take(1, 0));
        assert!(!bucket.try_take(1, SECOND / 50 - 1) && bucket.try_take(1, SECOND / 50));
        assert_eq!(bucket.available(3_600 * SECOND), 100);
        assert!(bucket.try_take(250, 3_600 * SECOND), "a request beyond the capacity takes a full bucket");
        assert_eq!(bucket.available(3_600 * SECOND), 0);
    }
}
