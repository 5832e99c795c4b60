//! A token bucket: holds a number of tokens and refills at a rate per second.

use crate::assumptions::{Micros, SECOND};

/// A token bucket. Counts in millionths of a token, so that a refill loses nothing.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    room: u64,
    a_second: u64,
    tokens: u64,
    at: Micros,
}

impl Bucket {
    /// A full bucket.
    pub fn new(room: u32, a_second: u32) -> Bucket {
        let room = u64::from(room) * SECOND;
        Bucket { room, a_second: u64::from(a_second), tokens: room, at: 0 }
    }

    /// Returns how many tokens there are.
    pub fn left(&mut self, now: Micros) -> u32 {
        let new = now.saturating_sub(self.at).saturating_mul(self.a_second);
        self.tokens = self.tokens.saturating_add(new).min(self.room);
        self.at = self.at.max(now);
        u32::try_from(self.tokens / SECOND).unwrap_or(u32::MAX)
    }

    /// Takes tokens that are known to be there.
    pub fn take(&mut self, tokens: u32) {
        self.tokens = self.tokens.saturating_sub(u64::from(tokens) * SECOND);
    }

    /// Takes tokens if there are enough. A request for more than the bucket can hold takes all of a full one.
    pub fn try_take(&mut self, tokens: u32, now: Micros) -> bool {
        let there = self.fits(tokens, now);
        if there {
            self.take(tokens);
        }
        there
    }

    /// Returns whether there are enough tokens.
    pub fn fits(&mut self, tokens: u32, now: Micros) -> bool {
        u64::from(self.left(now)) >= u64::from(tokens).min(self.room / SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_refills_at_its_rate_up_to_its_capacity() {
        let mut bucket = Bucket::new(100, 50);
        assert!(bucket.try_take(100, 0) && !bucket.try_take(1, 0));
        assert!(!bucket.try_take(1, SECOND / 50 - 1) && bucket.try_take(1, SECOND / 50));
        assert_eq!(bucket.left(3_600 * SECOND), 100);
        assert!(bucket.try_take(250, 3_600 * SECOND), "a request beyond the capacity takes a full bucket");
        assert_eq!(bucket.left(3_600 * SECOND), 0);
    }
}
