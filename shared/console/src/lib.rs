//! The console's files: a page, its modules and its styles, kept in the binary. Nothing is built: what is in `site/` is
//! what is served, and a browser loads the modules as they are. Knows no HTTP and no job; the page itself knows only the
//! public API.
//!
//! Files have the hash of all of them in their path, so that whoever has one may keep it for ever; only the page itself is
//! asked for anew.

mod files;

use std::io::Write;
use std::sync::{LazyLock, OnceLock};

use bytes::Bytes;
use domain::digest::sha256_hex;
use flate2::Compression;
use flate2::write::GzEncoder;

/// What the page stands on, with every hash written into it.
const PAGE: &str = include_str!("../site/index.html");
/// Where the page has the version of its files.
const VERSION_MARK: &str = "{{version}}";
/// Where the page says whether the server explains values.
const EXPLAIN_MARK: &str = "{{explain}}";
/// How much of the hash is in paths.
const VERSION_LENGTH: usize = 12;

/// A file as it is served.
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

    /// Its bytes.
    pub fn plain(&self) -> Bytes {
        self.plain.clone()
    }

    /// Its bytes as gzip, made when they are first asked for.
    pub fn gzip(&self) -> Bytes {
        self.gzip.get_or_init(|| compressed(&self.plain)).clone()
    }
}

/// All files, by name.
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

/// The page. `explains`: whether the server says why it chose a value.
pub fn page(explains: bool) -> &'static File {
    &SITE.pages[usize::from(explains)]
}

/// What changes whenever a file does.
pub fn version() -> &'static str {
    &SITE.version
}

/// The file of a name, if there is one in this version.
pub fn file(version: &str, name: &str) -> Option<&'static File> {
    let site = &*SITE;
    let found = site.files.iter().find(|(known, _)| *known == name)?;
    (version == site.version).then_some(&found.1)
}

fn compressed(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail; without a compressed form the plain one would be sent under a wrong name.
    let written = encoder.write_all(plain).and_then(|()| encoder.finish());
    written.map(Bytes::from).unwrap_or_default()
}

#[cfg(test)]
mod tests;
