//! The console's files: a page, its modules and its styles, included in the binary. There is no build step: the files
//! in `site/` are served as they are, and a browser loads the modules directly. This crate knows nothing of HTTP or
//! jobs; the page uses only the public API.
//!
//! The paths of files contain a hash of all files, so that they may be cached for ever; only the page itself is
//! revalidated.

mod files;

use std::io::Write;
use std::sync::{LazyLock, OnceLock};

use bytes::Bytes;
use domain::digest::sha256_hex;
use flate2::Compression;
use flate2::write::GzEncoder;

/// The page's template, with a mark in place of every hash.
const PAGE: &str = include_str!("../site/index.html");
/// The mark for the version in the page.
const VERSION_MARK: &str = "{{version}}";
/// The mark in the page for whether the server explains values.
const EXPLAIN_MARK: &str = "{{explain}}";
/// Length of the hash in paths.
const VERSION_LENGTH: usize = 12;

/// A file to serve.
#[derive(Debug)]
pub struct File {
    /// Its media type.
    pub content_type: &'static str,
    plain: Bytes,
    gzip: OnceLock<Bytes>,
}

impl File {
    fn new(content_type: &'static str, plain: impl Into<Bytes>) -> File {
        File { content_type, plain: plain.into(), gzip: OnceLock::new() }
    }

    /// Returns its bytes.
    pub fn plain(&self) -> Bytes {
        self.plain.clone()
    }

    /// Returns its bytes as gzip; compressed on first use.
    pub fn gzip(&self) -> Bytes {
        self.gzip.get_or_init(|| compressed(&self.plain)).clone()
    }
}

/// The pages and all files by name.
struct Site {
    version: String,
    pages: [File; 2],
    files: Vec<(&'static str, File)>,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let mut all = PAGE.as_bytes().to_vec();
    for (name, _, bytes) in files::FILES {
        all.extend_from_slice(name.as_bytes());
        all.extend_from_slice(bytes);
    }
    let version = sha256_hex(&all)[..VERSION_LENGTH].to_owned();
    let page = |explain: &str| {
        let text = PAGE.replace(VERSION_MARK, &version).replace(EXPLAIN_MARK, explain);
        File::new("text/html; charset=utf-8", text)
    };
    Site {
        pages: [page("no"), page("yes")],
        files: files::FILES.iter().map(|(name, kind, bytes)| (*name, File::new(kind, *bytes))).collect(),
        version,
    }
});

/// Returns the page. `explains`: whether the server says why it chose a value.
pub fn page(explains: bool) -> &'static File {
    &SITE.pages[usize::from(explains)]
}

/// Returns the version, which changes with every change of a file.
pub fn version() -> &'static str {
    &SITE.version
}

/// Returns a file by its name; `None` if this version has no such file, or `version` is another.
pub fn file(version: &str, name: &str) -> Option<&'static File> {
    let site = &*SITE;
    let found = site.files.iter().find(|(known, _)| *known == name)?;
    (version == site.version).then_some(&found.1)
}

fn compressed(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail. The plain bytes would be no fallback: they would be sent as gzip.
    let written = encoder.write_all(plain).and_then(|()| encoder.finish());
    written.map(Bytes::from).unwrap_or_default()
}

#[cfg(test)]
mod tests;
