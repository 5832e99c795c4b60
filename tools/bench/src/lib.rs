//! What the bench binaries share: reading labelled pages. Knows the file formats of a corpus folder and nothing of
//! how a page is read. What compares Runo with its peers is in [`compare`].

pub mod asked;
pub mod compare;

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use domain::{Schema, Timestamp};
use serde::Deserialize;
use url::Url;

/// When corpus pages count as fetched, 2026-01-01: a fixed day keeps two runs comparable.
pub const FETCHED: Timestamp = Timestamp(1_767_225_600_000);

/// Any error, for binaries that only print it.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// One labelled page: a line of `cases.jsonl`. Other members (labels, kind of markup) are for the scorer.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// Unique in its file.
    pub id: String,
    /// Path of the page's HTML below the folder; gzip is told by its first bytes.
    pub html: String,
    /// Where the page was found.
    pub url: String,
    /// What is asked for, as in an API call.
    pub schema: serde_json::Value,
    /// BCP 47 tag to read it by; `en-US` where the case names none.
    #[serde(default = "default_locale")]
    pub locale: String,
}

fn default_locale() -> String {
    "en-US".to_owned()
}

/// Reads a folder's `cases.jsonl`.
///
/// # Errors
/// The file cannot be read, or a line is not a case.
pub fn cases(folder: &Path) -> Result<Vec<Case>, Fault> {
    let text = fs::read_to_string(folder.join("cases.jsonl"))?;
    text.lines().filter(|l| !l.trim().is_empty()).map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// Reads a page, packed or not.
///
/// # Errors
/// The file cannot be read or unpacked.
pub fn page(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = fs::read(path)?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut out)?;
    Ok(out)
}

/// A page's address; one that was noted without a scheme counts as https.
///
/// # Errors
/// It is no address even then.
pub fn address(text: &str) -> Result<Url, Fault> {
    Ok(Url::parse(text).or_else(|_| Url::parse(&format!("https://{text}")))?)
}

/// A schema as an API call has it.
///
/// # Errors
/// What is wrong with it.
pub fn schema(value: &serde_json::Value) -> Result<Schema, Fault> {
    Ok(Schema::parse(value)?)
}
