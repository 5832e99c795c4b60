//! Costs of calls: tokens times price, in millionths of a US dollar.

use serde::{Deserialize, Serialize};

/// Tokens of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens that the model read.
    pub input: u64,
    /// Tokens that the model wrote.
    pub output: u64,
}

/// Prices of a million tokens, in millionths of a US dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// For tokens that the model reads.
    pub input: u64,
    /// For tokens that the model writes.
    pub output: u64,
}

impl Prices {
    /// Returns the cost of these tokens, in millionths of a US dollar, rounded up.
    pub fn cost(self, usage: Usage) -> u64 {
        let input = u128::from(usage.input) * u128::from(self.input);
        let output = u128::from(usage.output) * u128::from(self.output);
        u64::try_from((input + output).div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// Parses an amount of dollars, written as a decimal number, into millionths. Returns `None` if it is not a number,
/// is negative or is over a million.
pub fn parse_micros(dollars: &str) -> Option<u64> {
    let amount: f64 = dollars.trim().trim_start_matches('$').parse().ok()?;
    let in_range = (0.0..=1_000_000.0).contains(&amount);
    // In this range no digit of a price is lost.
    in_range.then(|| (amount * 1_000_000.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_cost_what_the_prices_say() {
        let prices = Prices { input: 150_000, output: 600_000 };
        assert_eq!(prices.cost(Usage { input: 1_000_000, output: 0 }), 150_000);
        assert_eq!(prices.cost(Usage { input: 2_000, output: 300 }), 480);
        assert_eq!(prices.cost(Usage { input: 1, output: 0 }), 1);
        let expensive = Prices { input: u64::MAX, output: 1 };
        assert_eq!(expensive.cost(Usage { input: u64::MAX, output: 1 }), u64::MAX);
    }

    #[test]
    fn amounts_are_read() {
        assert_eq!(parse_micros("0.15"), Some(150_000));
        assert_eq!(parse_micros(" $20 "), Some(20_000_000));
        for none in ["", "-1", "NaN", "free", "1e12", "1,5"] {
            assert_eq!(parse_micros(none), None, "{none}");
        }
    }
}
