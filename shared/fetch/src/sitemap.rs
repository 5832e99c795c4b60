//! Sitemaps (sitemaps.org, protocol 0.9): the URLs that a site says it has. Feeds (RSS, Atom) are
//! sitemaps too. An index is followed to files and to indexes, three levels of them. Only addresses are read. What is
//! broken, too long or too slow yields what was read of it.
//!
//! Files are read as they come, so memory is bounded by one element or line ([`MAX_ITEM`]) and by what is kept
//! ([`MAX_KEPT`]), whatever is sent.

mod read;

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use url::Url;

use crate::client::{Arrival, Fetcher, Lost};
use crate::error::FetchError;
use read::{Place, Sink};

/// Most URLs of one file, by the protocol; also most files that are taken from an index.
pub const MAX_URLS: usize = 50_000;
/// Most files of one call, the first included.
pub const MAX_FILES: usize = 1_000;
/// Most levels of indexes, the first included.
pub const MAX_LEVELS: usize = 3;
/// Most bytes between two tags, of a tag, and of a line.
pub const MAX_ITEM: usize = 64 * 1024;
/// Most bytes of all URLs that one call yields.
pub const MAX_KEPT: usize = 16 * 1024 * 1024;

/// How long it may be judged whether a URL is wanted before others on the thread get their turn.
const SLOW: Duration = Duration::from_micros(500);

/// One sitemap that is wanted.
#[derive(Clone, Copy)]
pub struct SitemapRequest<'a> {
    /// Where.
    pub url: &'a Url,
    /// Which URLs are wanted. The others do not count towards `max_urls`.
    pub wanted: &'a (dyn Fn(&Url) -> bool + Sync),
    /// Most URLs that come back.
    pub max_urls: usize,
    /// For all of it, the files of an index included.
    pub timeout: Duration,
    /// Waited before each file of an index: the site's delay.
    pub pause: Duration,
}

/// What a sitemap yielded.
#[derive(Debug, Default)]
pub struct Sitemap {
    /// The wanted URLs, in order; absolute, http or https. They are a stranger's words: of whatever host, and more than
    /// once if they are there more than once.
    pub urls: Vec<Url>,
    /// How many files were asked for.
    pub files: usize,
    /// Whether there may be more URLs that are wanted, past `max_urls` or another limit on their number.
    pub truncated: bool,
    /// Whether there is none at that address: a status of 4xx, or a page.
    pub absent: bool,
    /// How many of them could not be had or were broken, the rest of their URLs unread.
    pub failed: usize,
    /// The first thing that went wrong, if anything did.
    pub fault: Option<FetchError>,
}

/// Reads a file that is there already and not packed, of at most `max` bytes: the pages of a urlset or of lines, the files
/// of an index, in order, and how it ended. What was read before an error is there.
pub async fn read_unpacked(file: &[u8], max: usize) -> (Vec<Url>, Result<(), FetchError>) {
    let mut urls = Vec::new();
    let mut take = |_: Place, url: Url| {
        urls.push(url);
        if urls.len() < MAX_URLS { Sink::More } else { Sink::Full }
    };
    let end = match Url::parse("https://relative.invalid/") {
        Ok(base) => read::read_bytes(file, &base, max, &mut take).await,
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
    /// Reads a sitemap: XML or a URL a line, plain or gzip. Every file goes through the same client and the same guard as
    /// a page. Of an index, files on its own host are read, indexes among them down to [`MAX_LEVELS`].
    pub async fn sitemap(&self, request: SitemapRequest<'_>) -> Sitemap {
        let mut found = Sitemap::default();
        if tokio::time::timeout(request.timeout, self.read_sitemap(&request, &mut found)).await.is_err() {
            found.failed(FetchError::Timeout(request.timeout));
        }
        found
    }

    async fn read_sitemap(&self, request: &SitemapRequest<'_>, found: &mut Sitemap) {
        let mut kept = 0;
        let mut seen = HashSet::from([request.url.clone()]);
        let mut host = None;
        // Each file with its level, in the order in which an index has them.
        let mut open = VecDeque::from([(request.url.clone(), 1)]);
        while let Some((url, level)) = open.pop_front() {
            if found.files > 0 {
                if found.files == MAX_FILES || found.urls.len() >= request.max_urls {
                    found.truncated = true;
                    return;
                }
                tokio::time::sleep(request.pause).await;
            }
            let mut children = Vec::new();
            let deeper = (level <= MAX_LEVELS).then_some(&mut children);
            let Some(at) = self.read_file(request, &url, &mut kept, found, deeper).await else { continue };
            let of = |url: &Url| (url.host_str().map(str::to_owned), url.port());
            let host = host.get_or_insert_with(|| of(&at));
            for child in children {
                if of(&child) == *host && open.len() < MAX_FILES && seen.insert(child.clone()) {
                    open.push_back((child, level + 1));
                }
            }
        }
    }

    /// Reads one file; where it was found in the end.
    async fn read_file(
        &self,
        request: &SitemapRequest<'_>,
        url: &Url,
        kept: &mut usize,
        found: &mut Sitemap,
        mut children: Option<&mut Vec<Url>>,
    ) -> Option<Url> {
        found.files += 1;
        let (url, response) = match self.arrive(url, "application/xml,text/xml,text/plain,*/*;q=0.5").await {
            Ok(Arrival::At(url, response)) => (url, response),
            Ok(Arrival::Astray(error)) | Err(Lost { error, .. }) => {
                found.failed(error);
                return None;
            }
        };
        let Sitemap { urls, truncated, .. } = found;
        let mut count = 0;
        let mut sink = |place: Place, url: Url| {
            count += 1;
            if count > MAX_URLS {
                *truncated = true;
                return Sink::Full;
            }
            let began = Instant::now();
            let wanted = place == Place::Sitemap || (request.wanted)(&url);
            let judged = if began.elapsed() < SLOW { Sink::More } else { Sink::Slow };
            match place {
                Place::Page if !wanted => {}
                Place::Page => {
                    *kept += url.as_str().len();
                    if urls.len() >= request.max_urls || *kept > MAX_KEPT {
                        *truncated = true;
                        return Sink::Full;
                    }
                    urls.push(url);
                }
                Place::Sitemap => match children.as_deref_mut() {
                    Some(children) if children.len() < MAX_FILES => children.push(url),
                    Some(_) => {
                        *truncated = true;
                        return Sink::Full;
                    }
                    // An index too deep in others.
                    None => return Sink::Full,
                },
            }
            judged
        };
        let gone = response.status().is_client_error() && response.status() != StatusCode::TOO_MANY_REQUESTS;
        if let Err(error) = read::read(response, &url, self.max_sitemap_bytes(), &mut sink).await {
            found.absent = found.files == 1 && (gone || error == read::no_sitemap());
            found.failed(error);
        }
        Some(url)
    }
}
