//! The server under test: started as its users start it, file-backed in a fresh folder, and the jobs that are asked of
//! it. It knows the server's variables and ready line.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::Api;
use super::process::{Process, Usage};
use super::{Bench, page};
use crate::Fault;

const READY: &str = "listening on ";
const KEY: &str = "sk_live_bench";
/// Most URLs of one batch.
pub(crate) const BATCH: usize = 1_000;
/// How long what a job leaves behind may take to be written, before its costs are read.
const AFTER: Duration = Duration::from_millis(200);

/// What is done with the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Batches of up to [`BATCH`], one after the other.
    Batch,
    /// One crawl of the tree.
    Crawl,
}

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The whole local stack.
    Whole,
    /// The same with store calls replaced by no-ops.
    Unstored,
}

/// A running server. Its data go when it is dropped.
pub(crate) struct Server {
    pub(crate) api: Api,
    process: Process,
    // After the process: dropped in this order.
    data: TempDir,
}

impl Server {
    /// Starts one, and has it serve one call, so that what is measured is a server that has been used.
    ///
    /// # Errors
    /// It does not come up or does not serve.
    pub(crate) async fn start(bench: &Bench, kind: Kind) -> Result<Server, Fault> {
        let (path, name): (&Path, _) = match kind {
            Kind::Whole => (&bench.server, "server"),
            Kind::Unstored => (bench.unstored.as_deref().ok_or("no server without store")?, "server without store"),
        };
        let data = TempDir::new()?;
        let mut command = Command::new(path);
        command.env("PORT", "0");
        // Plain fetches are what is compared.
        command.env("BROWSER", "off");
        command.env("DATA_DIR", data.path()).env("RUNO_DEV_KEY", KEY).env("RUNO_DEV_RATE", "1000000000");
        command.env("HOST_DELAY_MS", "0").env("FETCH_ALLOW", "127.0.0.0/8").env("RUST_LOG", "error");
        command.env("FETCH_CONCURRENCY", bench.options.concurrency.to_string());
        for (name, value) in &bench.options.env {
            command.env(name, value);
        }
        let mut process = Process::start(name, command)?;
        let base = process.line(READY, Duration::from_secs(60)).await?;
        let api = Api { http: super::client::http()?, base, key: KEY };
        let server = Server { api, process, data };
        server.extract(bench, 0).await?;
        Ok(server)
    }

    /// The folder of its data.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Usage {
        self.process.usage()
    }

    /// What it has used once nothing is left behind.
    pub(crate) async fn settled(&self) -> Usage {
        tokio::time::sleep(AFTER).await;
        self.usage()
    }

    async fn extract(&self, bench: &Bench, page: u64) -> Result<(), Fault> {
        let body = extract(&bench.site.urls("/p/", page, 1)[0], 2);
        let answer = self.api.post("/v1/extract", &body).await?.json()?;
        if answer["status"] == "success" { Ok(()) } else { Err(format!("an extract gave {answer}").into()) }
    }
}

/// An extract that is not served from the cache.
pub(crate) fn extract(url: &str, fields: usize) -> Value {
    json!({ "url": url, "schema": page::schema(fields), "options": { "no_cache": true } })
}

/// A batch.
pub(crate) fn batch(urls: &[String], fields: usize, queued: bool, concurrency: usize) -> Value {
    let options = json!({ "concurrency": concurrency.min(100) });
    json!({ "urls": urls, "schema": page::schema(fields), "options": options, "async_mode": queued })
}

/// A crawl of the tree whose pages are `{root}N`, all `pages` of it.
pub(crate) fn crawl(root: &str, pages: u64, fields: usize, queued: bool) -> Value {
    let crawl = json!({ "follow_pattern": format!("{root}*"), "max_pages": pages, "max_depth": 20,
                        "use_sitemap": false, "allow_large_crawl": true });
    json!({ "seed_url": format!("{root}0"), "schema": page::schema(fields), "crawl": crawl, "async_mode": queued })
}

/// Checks that a batch's answer has all of its URLs.
///
/// # Errors
/// One failed or did not run, or the answer is an error.
pub(crate) fn all_of_batch(answer: &Value, urls: usize) -> Result<(), Fault> {
    if answer["succeeded"] == urls {
        return Ok(());
    }
    let failed = answer["results"].as_array().into_iter().flatten().find(|r| r["status"] != "success");
    Err(format!("{} of {urls} URLs succeeded; one gave {}", answer["succeeded"], json!(failed)).into())
}

/// Checks that a crawl's answer has all of its pages.
///
/// # Errors
/// One is missing or failed, or the answer is an error.
pub(crate) fn all_of_crawl(answer: &Value, pages: u64) -> Result<(), Fault> {
    let meta = &answer["crawl_meta"];
    let whole = meta["pages_visited"] == pages && meta["pages_failed"] == 0;
    if whole { Ok(()) } else { Err(format!("of {pages} pages: {meta}").into()) }
}
