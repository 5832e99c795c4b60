//! The secrets that sign an account's messages, two of them during a rotation, and the signature `v1` (HMAC-SHA256) of
//! the specification.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;

use crate::time::Timestamp;

/// The prefix of a secret's text.
const PREFIX: &str = "whsec_";
/// Maximum number of secrets that sign at once: the account's own, and for a while the previous one.
pub const MAX_SECRETS: usize = 2;

/// A secret. Only [`Secret::text`] shows its text, so it gets into no log by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Creates a secret from 256 random bits.
    pub fn from_random(a: u128, b: u128) -> Secret {
        Secret([a.to_le_bytes(), b.to_le_bytes()].concat())
    }

    /// Parses `whsec_` and base64 of 24 to 64 bytes, which is what the specification allows.
    pub fn parse(text: &str) -> Option<Secret> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        (24..=64).contains(&bytes.len()).then_some(Secret(bytes))
    }

    /// Returns the text `whsec_…`, which the receiver needs to verify signatures.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// Returns the last five characters, by which an operator recognises it.
    pub fn label(&self) -> String {
        let text = self.text();
        text[text.len() - 5..].to_owned() // base64 is ASCII
    }

    /// Returns a signature, like `v1,K5oZ…`.
    fn sign(&self, content: &str) -> Option<String> {
        // HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(content.as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        let text = String::deserialize(deserializer)?;
        Secret::parse(&text).ok_or_else(|| serde::de::Error::custom("not a webhook secret"))
    }
}

/// A secret, and the time at which it stops signing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signing {
    /// The secret.
    pub secret: Secret,
    /// When it was created.
    pub made_at: Timestamp,
    /// When it stops signing; `None` until another secret replaces it.
    pub until: Option<Timestamp>,
}

/// An account's secrets, newest first. Without any, its messages are not sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secrets(Vec<Signing>);

impl Secrets {
    /// Returns all stored secrets, including those that no longer sign.
    pub fn all(&self) -> &[Signing] {
        &self.0
    }

    /// Returns the secrets that sign now.
    pub fn valid(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let signs = move |signing: &&Signing| signing.until.is_none_or(|until| now < until);
        self.0.iter().filter(signs).map(|signing| &signing.secret)
    }

    /// Replaces the newest secret by `secret`. The old one goes on signing for `keep_secs`.
    #[must_use]
    pub fn rotated(&self, secret: Secret, now: Timestamp, keep_secs: u64) -> Secrets {
        let end = now.plus_secs(keep_secs);
        let before = self
            .0
            .iter()
            .filter(|old| old.until.is_none_or(|until| now < until))
            .map(|old| Signing { until: Some(old.until.map_or(end, |until| until.min(end))), ..old.clone() });
        let new = Signing { secret, made_at: now, until: None };
        Secrets(std::iter::once(new).chain(before).take(MAX_SECRETS).collect())
    }

    /// Returns the `webhook-signature`: one signature for each secret that signs now, separated by spaces. Returns
    /// `None` if no secret signs. `sent_at` is the time in `webhook-timestamp`.
    pub fn sign(&self, id: &str, sent_at: Timestamp, body: &str) -> Option<String> {
        let content = format!("{id}.{}.{body}", sent_at.secs());
        let all: Vec<String> = self.valid(sent_at).filter_map(|secret| secret.sign(&content)).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }
}
