//! Reads sitemaps (sitemaps.org, protocol 0.9): the URLs that a site lists. Feeds (RSS, Atom) count as sitemaps.
//! Follows an index to files and further indexes, three levels deep. Reads addresses only. A file that is broken, too
//! long or too slow yields what was read before that.
//!
//! Files are parsed as they arrive, so memory is bounded by one element or line ([`MAX_ITEM`]) and by what is kept
//! ([`MAX_URL_BYTES`]), whatever the site sends.

mod read;

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use url::Url;

use crate::client::{Fetcher, NoResponse, RedirectEnd};
use crate::error::FetchError;
use read::{Flow, UrlKind};

/// Maximum number of URLs in one file, by the protocol; also the maximum number of files taken from an index.
pub const MAX_URLS: usize = 50_000;
/// Maximum number of files read per call, including the first.
pub const MAX_FILES: usize = 1_000;
/// Maximum number of levels of indexes, including the first.
pub const MAX_LEVELS: usize = 3;
/// Maximum number of bytes between two tags, in a tag, and in a line.
pub const MAX_ITEM: usize = 64 * 1024;
/// Maximum total size in bytes of the URLs that one call returns.
pub const MAX_URL_BYTES: usize = 16 * 1024 * 1024;

/// If the check whether a URL is wanted takes longer than this, other tasks on the thread get a turn.
const YIELD_AFTER: Duration = Duration::from_micros(500);

/// A request for one sitemap.
#[derive(Clone, Copy)]
pub struct SitemapRequest<'a> {
    /// The sitemap's URL.
    pub url: &'a Url,
    /// Returns whether a URL is wanted. Other URLs do not count towards `max_urls`.
    pub wanted: &'a (dyn Fn(&Url) -> bool + Sync),
    /// Maximum number of URLs returned.
    pub max_urls: usize,
    /// Timeout for everything, including the files of an index.
    pub timeout: Duration,
    /// Pause before each file of an index: the site's crawl delay.
    pub pause: Duration,
}

/// The result of reading a sitemap.
#[derive(Debug, Default)]
pub struct Sitemap {
    /// The wanted URLs, in order; absolute, http or https. They are untrusted: they may be on any host and occur
    /// repeatedly.
    pub urls: Vec<Url>,
    /// Number of files requested.
    pub files: usize,
    /// Whether there may be more wanted URLs, beyond `max_urls` or another limit on their number.
    pub truncated: bool,
    /// Whether there is no sitemap at that address: the response was a status of 4xx, or a page.
    pub absent: bool,
    /// Number of files that could not be fetched or were broken; the rest of their URLs is missing.
    pub failed: usize,
    /// The first error, if there was one.
    pub fault: Option<FetchError>,
}

/// Reads an uncompressed file in memory of at most `max` bytes. Returns the URLs in order (the pages of a urlset or of
/// lines, or the files of an index), and the result; URLs read before an error are included.
pub async fn read_unpacked(file: &[u8], max: usize) -> (Vec<Url>, Result<(), FetchError>) {
    let mut urls = Vec::new();
    let mut sink = |_: UrlKind, url: Url| {
        urls.push(url);
        if urls.len() < MAX_URLS { Flow::Continue } else { Flow::Stop }
    };
    let end = match Url::parse("https://relative.invalid/") {
        Ok(base) => read::read_bytes(file, &base, max, &mut sink).await,
        Err(_) => Ok(()),
    };
    (urls, end)
}

impl Sitemap {
    fn failed(&mut self, error: FetchError) {
        self.failed += 1;
        self.fault.get_or_insert(error);
    }
}

impl Fetcher {
    /// Reads a sitemap: XML or one URL per line, plain or gzip. Fetches every file with the same client and guard as a
    /// page. If it is an index, reads the files on the index's own host, and further indexes down to [`MAX_LEVELS`].
    pub async fn sitemap(&self, request: SitemapRequest<'_>) -> Sitemap {
        let mut found = Sitemap::default();
        if tokio::time::timeout(request.timeout, self.read_sitemap(&request, &mut found)).await.is_err() {
            found.failed(FetchError::Timeout(request.timeout));
        }
        found
    }

    async fn read_sitemap(&self, request: &SitemapRequest<'_>, found: &mut Sitemap) {
        let mut url_bytes = 0;
        let mut seen = HashSet::from([request.url.clone()]);
        let mut site = None;
        // Files to read, each with its level, in the order in which the index lists them.
        let mut queue = VecDeque::from([(request.url.clone(), 1)]);
        while let Some((url, level)) = queue.pop_front() {
            if found.files > 0 {
                if found.files == MAX_FILES || found.urls.len() >= request.max_urls {
                    found.truncated = true;
                    return;
                }
                tokio::time::sleep(request.pause).await;
            }
            let mut children = Vec::new();
            let children_to_read = (level <= MAX_LEVELS).then_some(&mut children);
            let Some(at) = self.read_file(request, &url, &mut url_bytes, found, children_to_read).await else {
                continue;
            };
            let site_of = |url: &Url| (url.host_str().map(str::to_owned), url.port());
            let site = site.get_or_insert_with(|| site_of(&at));
            for child in children {
                if site_of(&child) == *site && queue.len() < MAX_FILES && seen.insert(child.clone()) {
                    queue.push_back((child, level + 1));
                }
            }
        }
    }

    /// Reads one file and returns its URL after redirects.
    async fn read_file(
        &self,
        request: &SitemapRequest<'_>,
        url: &Url,
        url_bytes: &mut usize,
        found: &mut Sitemap,
        mut children: Option<&mut Vec<Url>>,
    ) -> Option<Url> {
        found.files += 1;
        let (url, response) = match self.follow_redirects(url, "application/xml,text/xml,text/plain,*/*;q=0.5").await {
            Ok(RedirectEnd::Response(url, response)) => (url, response),
            Ok(RedirectEnd::DeadEnd(error)) | Err(NoResponse { error, .. }) => {
                found.failed(error);
                return None;
            }
        };
        let Sitemap { urls, truncated, .. } = found;
        let mut count = 0;
        let mut sink = |kind: UrlKind, url: Url| {
            count += 1;
            if count > MAX_URLS {
                *truncated = true;
                return Flow::Stop;
            }
            let began = Instant::now();
            let wanted = kind == UrlKind::Sitemap || (request.wanted)(&url);
            let flow = if began.elapsed() < YIELD_AFTER { Flow::Continue } else { Flow::Yield };
            match kind {
                UrlKind::Page if !wanted => {}
                UrlKind::Page => {
                    *url_bytes += url.as_str().len();
                    if urls.len() >= request.max_urls || *url_bytes > MAX_URL_BYTES {
                        *truncated = true;
                        return Flow::Stop;
                    }
                    urls.push(url);
                }
                UrlKind::Sitemap => match children.as_deref_mut() {
                    Some(children) if children.len() < MAX_FILES => children.push(url),
                    Some(_) => {
                        *truncated = true;
                        return Flow::Stop;
                    }
                    // An index that is nested too deeply.
                    None => return Flow::Stop,
                },
            }
            flow
        };
        let missing = response.status().is_client_error() && response.status() != StatusCode::TOO_MANY_REQUESTS;
        if let Err(error) = read::read(response, &url, self.max_sitemap_bytes(), &mut sink).await {
            found.absent = found.files == 1 && (missing || error == read::not_a_sitemap());
            found.failed(error);
        }
        Some(url)
    }
}
