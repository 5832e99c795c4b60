//! Names of things: job, account, unit and claim. Random bits are given from outside.

use std::fmt;

use serde::{Deserialize, Serialize};

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// `n` characters of `0-9a-z` made of `bits`.
fn base36(mut bits: u128, n: usize) -> String {
    let mut out = String::with_capacity(n);
    for _ in 0..n {
        // The remainder is below 36, so it is in the alphabet.
        out.push(ALPHABET[(bits % 36) as usize] as char);
        bits /= 36;
    }
    out
}

/// `job_` and 16 characters of `0-9a-z`: 82 random bits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    /// A fresh id of 128 random bits.
    pub fn from_random(bits: u128) -> JobId {
        JobId(format!("job_{}", base36(bits, 16)))
    }

    /// Reads what a client sent; `None` where it cannot be a job's id.
    pub fn parse(s: &str) -> Option<JobId> {
        let tail = s.strip_prefix("job_")?;
        let ok = (12..=32).contains(&tail.len()) && tail.bytes().all(|b| ALPHABET.contains(&b));
        ok.then(|| JobId(s.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who owns jobs, keys and credits: 1 to 40 of `a-z`, `0-9`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(String);

impl AccountId {
    /// A fresh id of 128 random bits.
    pub fn from_random(bits: u128) -> AccountId {
        AccountId(format!("acct_{}", base36(bits, 12)))
    }

    /// Reads an id; `None` where it has other characters or another length.
    pub fn parse(s: &str) -> Option<AccountId> {
        let ok = (1..=40).contains(&s.len()) && s.bytes().all(|b| ALPHABET.contains(&b) || b == b'_' || b == b'-');
        ok.then(|| AccountId(s.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a unit in its job: 0 .. admitted − 1.
pub type Seq = u32;

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 16;

/// Which runner holds a unit, or drives a job: lets it know its own writes again, and fences all others.
/// 16 characters of `0-9a-z`: 82 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce([u8; NONCE_BYTES]);

impl Nonce {
    /// A fresh nonce of 128 random bits.
    pub fn from_random(bits: u128) -> Nonce {
        let mut bytes = [0; NONCE_BYTES];
        bytes.copy_from_slice(base36(bits, NONCE_BYTES).as_bytes());
        Nonce(bytes)
    }

    /// Reads the text of a row; `None` where it is none of ours.
    pub fn parse(text: &str) -> Option<Nonce> {
        Nonce::from_bytes(text.as_bytes())
    }

    /// Reads the bytes of a packed row; `None` where they are none of ours.
    pub fn from_bytes(bytes: &[u8]) -> Option<Nonce> {
        let known = bytes.iter().all(|b| ALPHABET.contains(b));
        bytes.try_into().ok().filter(|_| known).map(Nonce)
    }

    /// Its bytes: ASCII.
    pub fn as_bytes(&self) -> &[u8; NONCE_BYTES] {
        &self.0
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        // Only `ALPHABET` gets in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({self})")
    }
}

/// The text of a fresh API key: `prefix` and 32 characters (165 bits) of `a` and `b`.
pub fn key_text(prefix: &str, a: u128, b: u128) -> String {
    format!("{prefix}{}{}", base36(a, 16), base36(b, 16))
}

/// A key as it is shown: its kind and its last characters, too few to guess the rest. Of a short one nothing.
pub fn masked(key: &str) -> String {
    let kind = ["sk_live_", "sk_static_"].into_iter().find(|kind| key.starts_with(kind)).unwrap_or_default();
    let rest: Vec<char> = key[kind.len()..].chars().collect();
    let end: String = if rest.len() < 12 { String::new() } else { rest[rest.len() - 4..].iter().collect() };
    format!("{kind}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_ids_parse() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let id = JobId::from_random(bits);
            assert_eq!(JobId::parse(id.as_str()), Some(id));
            let a = AccountId::from_random(bits);
            assert_eq!(AccountId::parse(a.as_str()), Some(a));
        }
    }

    #[test]
    fn what_is_no_job_id_is_refused() {
        for s in ["", "job_", "job_short", "job_ABCDEFGHIJKLMN", "jobx0123456789ab", "job_0123456789ab/.."] {
            assert_eq!(JobId::parse(s), None, "{s}");
        }
    }

    #[test]
    fn keys_are_shown_masked() {
        assert_eq!(masked("sk_live_0123456789abcdef"), "sk_live_…cdef");
        assert_eq!(masked("sk_static_0123456789abcdef"), "sk_static_…cdef");
        assert_eq!([masked("sk_live_try_me"), masked("höchst geheim"), masked("")], ["sk_live_…", "…heim", "…"]);
    }
}
