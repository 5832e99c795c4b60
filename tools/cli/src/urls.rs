//! Reads the URLs of a batch in chunks, one per job.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use runo_client::MAX_URLS;
use sha2::{Digest, Sha256};

use crate::exit::CommandError;

/// Bytes of URLs in one call. A batch's body has 5 MiB at most; the rest is left for schema and options.
const MAX_BYTES: usize = 4_500_000;
const MAX_URL_BYTES: usize = 8_192;

/// Reads URLs line by line. A file is checked whole before the first URL is returned.
pub(crate) struct Urls {
    name: String,
    reader: Box<dyn BufRead + Send>,
    line: u64,
    /// Number of URLs; `None` for a pipe.
    pub(crate) total: Option<u64>,
    /// URL that did not fit into the previous chunk.
    next: Option<String>,
}

impl Urls {
    /// Opens a file, or standard input (`-`).
    pub(crate) fn open(path: &Path) -> Result<Urls, CommandError> {
        if path == Path::new("-") {
            return Ok(Urls::of("standard input", Box::new(BufReader::new(io::stdin()))));
        }
        let open = || -> Result<Urls, CommandError> {
            let file = File::open(path).map_err(|error| CommandError::usage(format!("{}: {error}", path.display())))?;
            Ok(Urls::of(&path.display().to_string(), Box::new(BufReader::new(file))))
        };
        // Report an invalid URL before the first one is paid for. A pipe cannot be read twice.
        if !path.is_file() {
            return open();
        }
        let (mut checked, mut total) = (open()?, 0);
        while checked.url()?.is_some() {
            total += 1;
        }
        Ok(Urls { total: Some(total), ..open()? })
    }

    fn of(name: &str, reader: Box<dyn BufRead + Send>) -> Urls {
        Urls { name: name.to_owned(), reader, line: 0, total: None, next: None }
    }

    /// Returns the URLs of the next job; empty at the end.
    pub(crate) fn chunk(&mut self) -> Result<Vec<String>, CommandError> {
        let (mut urls, mut bytes) = (Vec::new(), 0);
        while urls.len() < MAX_URLS {
            let Some(url) = self.next.take().map_or_else(|| self.url(), |url| Ok(Some(url)))? else { break };
            // Its length in JSON: quotes, a comma, and two bytes for each escaped one.
            bytes += 2 * url.len() - url.bytes().filter(|byte| !matches!(byte, b'"' | b'\\')).count() + 3;
            if bytes > MAX_BYTES && !urls.is_empty() {
                self.next = Some(url);
                break;
            }
            urls.push(url);
        }
        Ok(urls)
    }

    /// Skips the URLs of an earlier job. Errors if they have changed.
    pub(crate) fn skip(&mut self, count: u64, digest: &str, journal: &Path) -> Result<(), CommandError> {
        let mut hash = Sha256::new();
        for _ in 0..count {
            let url = self.next.take().map_or_else(|| self.url(), |url| Ok(Some(url)))?;
            hash_url(&mut hash, url.as_deref().unwrap_or_default());
        }
        if hex(hash) == digest { Ok(()) } else { Err(input_changed(&self.name, journal)) }
    }

    /// Returns the next URL; `None` at the end.
    fn url(&mut self) -> Result<Option<String>, CommandError> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = self.reader.read_until(b'\n', &mut bytes);
            if read.map_err(|error| CommandError::file(&PathBuf::from(&self.name), &error))? == 0 {
                return Ok(None);
            }
            self.line += 1;
            let invalid = |why: &str| CommandError::usage(format!("{}, line {}: {why}", self.name, self.line));
            let text = std::str::from_utf8(&bytes).map_err(|_| invalid("the line is not UTF-8"))?;
            let text = text.trim_start_matches('\u{feff}').trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
            if !matches!(scheme.as_deref(), Some("http" | "https")) {
                let shown: String = text.chars().take(80).collect();
                return Err(invalid(&format!("{shown:?} is not an http or https URL")));
            }
            if text.len() > MAX_URL_BYTES {
                return Err(invalid("the URL is longer than 8,192 bytes"));
            }
            return Ok(Some(text.to_owned()));
        }
    }
}

/// Returns the SHA-256 of the URLs, in hexadecimal.
pub(crate) fn digest(urls: &[String]) -> String {
    let mut hash = Sha256::new();
    urls.iter().for_each(|url| hash_url(&mut hash, url));
    hex(hash)
}

fn hash_url(hash: &mut Sha256, url: &str) {
    hash.update(url.as_bytes());
    hash.update(b"\n");
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Error for an input that differs from the one that the batch was begun with.
pub(crate) fn input_changed(name: &str, journal: &Path) -> CommandError {
    let text = "the URLs have changed since the batch began";
    CommandError::usage(format!("{name}: {text} ({}); restore them to resume the batch", journal.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(text: &str) -> Urls {
        Urls::of("in", Box::new(io::Cursor::new(text.to_owned().into_bytes())))
    }

    #[test]
    fn empty_lines_and_comments_are_skipped() {
        let text = "\u{feff}http://a/\r\n\n# no\n  HTTPS://b/ü  \nhttp://a/";
        assert_eq!(urls(text).chunk().unwrap(), ["http://a/", "HTTPS://b/ü", "http://a/"]);
    }

    #[test]
    fn an_invalid_url_is_reported_with_its_line() {
        let error = format!("{:?}", urls("http://a/\n\nftp://b/").chunk().unwrap_err());
        assert!(error.contains("in, line 3: ") && error.contains("is not an http or https URL"), "{error}");
    }

    #[test]
    fn a_job_has_at_most_10_000_urls_and_a_body_that_fits() {
        let mut many = urls(&"http://a/\n".repeat(20_001));
        assert_eq!([0; 4].map(|_| many.chunk().unwrap().len()), [10_000, 10_000, 1, 0]);
        let long = format!("http://a/{}\n", "x".repeat(8_000));
        let mut large = urls(&long.repeat(600));
        let sizes = [0; 3].map(|_| large.chunk().unwrap().len());
        assert_eq!((sizes.iter().sum::<usize>(), sizes[2]), (600, 0));
        assert!(sizes[0] * 8_012 <= MAX_BYTES + 8_012, "{sizes:?}");
    }

    #[test]
    fn urls_of_completed_jobs_are_skipped_if_they_are_unchanged() {
        let (text, journal) = ("http://a/\nhttp://b/\nhttp://c/", Path::new("j"));
        let done = digest(&["http://a/".to_owned(), "http://b/".to_owned()]);
        let mut same = urls(text);
        same.skip(2, &done, journal).unwrap();
        assert_eq!(same.chunk().unwrap(), ["http://c/"]);
        assert!(urls("http://b/\nhttp://a/").skip(2, &done, journal).is_err());
    }
}
