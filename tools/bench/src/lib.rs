//! Shared by the bench binaries: reads labelled pages. Knows the file formats of a corpus folder, but not how a page is
//! extracted. The comparison of Runo with its peers is in [`compare`].

pub mod compare;
pub mod model;

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use domain::{Schema, Timestamp};
use serde::Deserialize;
use url::Url;

/// The date on which corpus pages count as fetched, 2026-01-01. A fixed day keeps two runs comparable.
pub const FETCHED_AT: Timestamp = Timestamp(1_767_225_600_000);

/// Any error, for binaries that only print it.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// One labelled page: a line of `cases.jsonl`. Other members (labels, kind of markup) are for the scorer.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// Unique in its file.
    pub id: String,
    /// Path of the page's HTML below the folder; gzip is recognised by its first bytes.
    pub html: String,
    /// URL of the page.
    pub url: String,
    /// The schema, as in an API call.
    pub schema: serde_json::Value,
    /// BCP 47 tag of the locale in which it is read; `en-US` if the case names none.
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

/// Reads a page, plain or gzip.
///
/// # Errors
/// The file cannot be read or decompressed.
pub fn page(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = fs::read(path)?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut out)?;
    Ok(out)
}

/// Parses a page's URL. One without a scheme counts as https.
///
/// # Errors
/// The text is not a URL even then.
pub fn address(text: &str) -> Result<Url, Fault> {
    Ok(Url::parse(text).or_else(|_| Url::parse(&format!("https://{text}")))?)
}

/// Parses a schema in the form of an API call.
///
/// # Errors
/// What is wrong with the schema.
pub fn schema(value: &serde_json::Value) -> Result<Schema, Fault> {
    Ok(Schema::parse(value)?)
}
