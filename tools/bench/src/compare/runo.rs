//! The server under test, started as users start it, file-backed in a fresh folder, and the bodies of calls for it.
//! Knows the server's variables and ready line.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::Api;
use super::process::{Process, Usage};
use super::{Bench, page};
use crate::Fault;

const READY_PREFIX: &str = "listening on ";
const KEY: &str = "sk_live_bench";
/// Maximum number of URLs in one batch.
pub(crate) const BATCH: usize = 1_000;
/// Time for background writes of a job before its costs are read.
const BACKGROUND_WRITES: Duration = Duration::from_millis(200);

/// How the pages are processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Sequential batches of up to [`BATCH`] URLs.
    Batch,
    /// One crawl of the tree.
    Crawl,
}

/// Which server to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The whole local server.
    Whole,
    /// The same server with store calls replaced by no-ops.
    Unstored,
}

/// A running server. Its data is removed when it is dropped.
pub(crate) struct Server {
    pub(crate) api: Api,
    process: Process,
    // Must come after `process`: fields are dropped in this order.
    data: TempDir,
}

impl Server {
    /// Starts a server and lets it serve one call, so that a warm server is measured.
    ///
    /// # Errors
    /// The server does not start or does not serve.
    pub(crate) async fn start(bench: &Bench, kind: Kind) -> Result<Server, Fault> {
        let (path, name): (&Path, _) = match kind {
            Kind::Whole => (&bench.server, "server"),
            Kind::Unstored => (bench.unstored.as_deref().ok_or("no server without store")?, "server without store"),
        };
        let data = TempDir::new()?;
        let mut command = Command::new(path);
        command.env("PORT", "0");
        // Only plain fetches are compared.
        command.env("BROWSER", "off");
        command.env("DATA_DIR", data.path()).env("RUNO_DEV_KEY", KEY).env("RUNO_DEV_RATE", "1000000000");
        command.env("HOST_DELAY_MS", "0").env("FETCH_ALLOW", "127.0.0.0/8").env("RUST_LOG", "error");
        command.env("FETCH_CONCURRENCY", bench.options.concurrency.to_string());
        for (name, value) in &bench.options.env {
            command.env(name, value);
        }
        let mut process = Process::start(name, command)?;
        let base = process.line(READY_PREFIX, Duration::from_secs(60)).await?;
        let api = Api { http: super::client::http()?, base, key: KEY };
        let server = Server { api, process, data };
        server.extract(bench, 0).await?;
        Ok(server)
    }

    /// Returns its data folder.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Returns what it has used so far.
    pub(crate) fn usage(&self) -> Usage {
        self.process.usage()
    }

    /// Returns what it has used after its background writes.
    pub(crate) async fn settled_usage(&self) -> Usage {
        tokio::time::sleep(BACKGROUND_WRITES).await;
        self.usage()
    }

    async fn extract(&self, bench: &Bench, page: u64) -> Result<(), Fault> {
        let body = extract(&bench.site.urls("/p/", page, 1)[0], 2);
        let answer = self.api.post("/v1/extract", &body).await?.json()?;
        if answer["status"] == "success" { Ok(()) } else { Err(format!("an extract gave {answer}").into()) }
    }
}

/// Returns the body of an extract that bypasses the cache.
pub(crate) fn extract(url: &str, fields: usize) -> Value {
    json!({ "url": url, "schema": page::schema(fields), "options": { "no_cache": true } })
}

/// Returns the body of a batch.
pub(crate) fn batch(urls: &[String], fields: usize, queued: bool, concurrency: usize) -> Value {
    let options = json!({ "concurrency": concurrency.min(100) });
    json!({ "urls": urls, "schema": page::schema(fields), "options": options, "async_mode": queued })
}

/// Returns the body of a crawl of all `pages` pages `{root}N` of the tree.
pub(crate) fn crawl(root: &str, pages: u64, fields: usize, queued: bool) -> Value {
    let crawl = json!({ "follow_pattern": format!("{root}*"), "max_pages": pages, "max_depth": 20,
                        "use_sitemap": false, "allow_large_crawl": true });
    json!({ "seed_url": format!("{root}0"), "schema": page::schema(fields), "crawl": crawl, "async_mode": queued })
}

/// Checks that all URLs of a batch succeeded.
///
/// # Errors
/// A URL failed or did not run, or the answer is an error.
pub(crate) fn check_batch(answer: &Value, urls: usize) -> Result<(), Fault> {
    if answer["succeeded"] == urls {
        return Ok(());
    }
    let failed = answer["results"].as_array().into_iter().flatten().find(|r| r["status"] != "success");
    Err(format!("{} of {urls} URLs succeeded; one gave {}", answer["succeeded"], json!(failed)).into())
}

/// Checks that all pages of a crawl succeeded.
///
/// # Errors
/// A page is missing or failed, or the answer is an error.
pub(crate) fn check_crawl(answer: &Value, pages: u64) -> Result<(), Fault> {
    let meta = &answer["crawl_meta"];
    let is_complete = meta["pages_visited"] == pages && meta["pages_failed"] == 0;
    if is_complete { Ok(()) } else { Err(format!("of {pages} pages: {meta}").into()) }
}
