//! Identifiers of jobs, accounts, units and runners. Random bits are arguments.

use std::fmt;

use serde::{Deserialize, Serialize};

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Returns `n` characters of `0-9a-z` made from `bits`.
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
    /// Creates an id from 128 random bits.
    pub fn from_random(bits: u128) -> JobId {
        JobId(format!("job_{}", base36(bits, 16)))
    }

    /// Parses an id from a client. Returns `None` if it cannot be a job's id.
    pub fn parse(s: &str) -> Option<JobId> {
        let tail = s.strip_prefix("job_")?;
        let ok = (12..=32).contains(&tail.len()) && tail.bytes().all(|b| ALPHABET.contains(&b));
        ok.then(|| JobId(s.to_owned()))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The owner of jobs, keys and credits: 1 to 40 characters of `a-z`, `0-9`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(String);

impl AccountId {
    /// Creates an id from 128 random bits.
    pub fn from_random(bits: u128) -> AccountId {
        AccountId(format!("acct_{}", base36(bits, 12)))
    }

    /// Parses an id. Returns `None` if it has other characters or another length.
    pub fn parse(s: &str) -> Option<AccountId> {
        let ok = (1..=40).contains(&s.len()) && s.bytes().all(|b| ALPHABET.contains(&b) || b == b'_' || b == b'-');
        ok.then(|| AccountId(s.to_owned()))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a unit in its job: 0 to admitted − 1.
pub type Seq = u32;

/// Length of a nonce in bytes.
pub const NONCE_BYTES: usize = 16;

/// Identifies the runner that holds a unit or drives a job. A runner recognises its own writes by it, and the writes of
/// other runners are fenced off. 16 characters of `0-9a-z`: 82 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce([u8; NONCE_BYTES]);

impl Nonce {
    /// Creates a nonce from 128 random bits.
    pub fn from_random(bits: u128) -> Nonce {
        let mut bytes = [0; NONCE_BYTES];
        bytes.copy_from_slice(base36(bits, NONCE_BYTES).as_bytes());
        Nonce(bytes)
    }

    /// Parses the text of a row. Returns `None` if it is not a nonce.
    pub fn parse(text: &str) -> Option<Nonce> {
        Nonce::from_bytes(text.as_bytes())
    }

    /// Reads the bytes of a packed row. Returns `None` if they are not a nonce.
    pub fn from_bytes(bytes: &[u8]) -> Option<Nonce> {
        let known = bytes.iter().all(|b| ALPHABET.contains(b));
        bytes.try_into().ok().filter(|_| known).map(Nonce)
    }

    /// Returns the nonce as bytes, which are ASCII.
    pub fn as_bytes(&self) -> &[u8; NONCE_BYTES] {
        &self.0
    }

    /// Returns the nonce as text.
    pub fn as_str(&self) -> &str {
        // All bytes are from `ALPHABET`.
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

/// Returns the text of a new API key: `prefix` and 32 characters (165 bits) made from `a` and `b`.
pub fn key_text(prefix: &str, a: u128, b: u128) -> String {
    format!("{prefix}{}{}", base36(a, 16), base36(b, 16))
}

/// Returns a key as it is shown: its kind and its last four characters, too few to guess the rest. Shows no characters
/// of a short key.
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
    fn malformed_job_ids_are_refused() {
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
