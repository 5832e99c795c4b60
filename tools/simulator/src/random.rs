//! Seeded randomness: the same seed gives the same run.

use crate::assumptions::{Latency, Micros};

/// The source of randomness of a run.
#[derive(Debug)]
pub struct Random(fastrand::Rng);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Random {
        Random(fastrand::Rng::with_seed(seed))
    }

    /// Returns a uniformly distributed value from 0 to `max`.
    pub fn uniform(&mut self, max: Micros) -> Micros {
        self.0.u64(0..=max)
    }

    /// Returns an exponentially distributed value with this mean.
    pub fn exponential(&mut self, mean: Micros) -> Micros {
        // Excludes 0, whose logarithm is infinite.
        let part = 1.0 - self.0.f64();
        (-part.ln() * mean as f64) as Micros
    }

    /// Draws a duration with this latency.
    pub fn latency(&mut self, latency: Latency) -> Micros {
        latency.min + self.exponential(latency.mean_extra)
    }

    /// Returns a log-normally distributed value around a median.
    pub fn log_normal(&mut self, median: Micros, sigma: f64) -> Micros {
        let (u, v) = (1.0 - self.0.f64(), self.0.f64());
        let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        (median as f64 * (sigma * normal).exp()) as Micros
    }

    /// Returns random bits.
    pub fn bits(&mut self) -> u128 {
        self.0.u128(..)
    }
}

/// Hashes a number over the whole range, the same way in every run (the finaliser of MurmurHash3).
pub fn hash64(mut n: u64) -> u64 {
    n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    n = (n ^ (n >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    n = (n ^ (n >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    n ^ (n >> 33)
}
