//! Measures peers on the same tree: Scrapy, crawlee, spider_cli. Each runs with as many concurrent
//! fetches as its settings allow, honours robots.txt, does not delay requests, and reads the same two fields by CSS.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Bench;
use super::figures::Throughput;
use super::process::{Process, Usage};
use crate::Fault;

const SCRAPY: &str = include_str!("../../peers/scrapy_spider.py");
const CRAWLEE: &str = include_str!("../../peers/crawlee.mjs");
/// Timeout of one run.
const RUN_TIMEOUT: Duration = Duration::from_secs(600);
/// Interval at which the start of a run is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Scrapy,
    Crawlee,
    Spider,
}

#[allow(clippy::disallowed_methods)] // not a program of Runo: the environment says where a peer is
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let folders = variable("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Scrapy => "Scrapy",
            Peer::Crawlee => "crawlee (Cheerio)",
            Peer::Spider => "spider_cli (no fields, its own concurrency)",
        }
    }

    /// Returns the path of its program.
    ///
    /// # Errors
    /// Where it was searched.
    pub(crate) fn find(self) -> Result<PathBuf, String> {
        let (found, hint) = match self {
            Peer::Scrapy => (variable("SCRAPY").or_else(|| on_path("scrapy")), "no scrapy on PATH or in SCRAPY"),
            Peer::Spider => (variable("SPIDER").or_else(|| on_path("spider")), "no spider on PATH or in SPIDER"),
            Peer::Crawlee => {
                let folder = variable("CRAWLEE_DIR").filter(|f| f.join("node_modules/crawlee").is_dir());
                (folder.and(on_path("node")), "no CRAWLEE_DIR with node_modules/crawlee in it, or no node on PATH")
            }
        };
        found.filter(|path| path.is_file()).ok_or_else(|| format!("{}: {hint}", self.name()))
    }

    fn command(self, program: &Path, folder: &Path, seed: &str, concurrency: usize) -> Result<Command, Fault> {
        let (mut command, out) = (Command::new(program), folder.join("out.jsonl"));
        match self {
            Peer::Scrapy => {
                let spider = folder.join("scrapy_spider.py");
                fs::write(&spider, SCRAPY)?;
                command.arg("runspider").arg(spider).args(["-a", &format!("seed={seed}")]).arg("-O").arg(out);
                for setting in ["CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN"] {
                    command.args(["-s", &format!("{setting}={concurrency}")]);
                }
                for setting in ["ROBOTSTXT_OBEY=True", "DOWNLOAD_DELAY=0", "LOG_LEVEL=ERROR", "TELNETCONSOLE_ENABLED=0"]
                {
                    command.args(["-s", setting]);
                }
            }
            Peer::Crawlee => {
                let script = folder.join("crawlee.mjs");
                fs::write(&script, CRAWLEE)?;
                command.arg(script).args([seed, &concurrency.to_string()]).arg(out);
            }
            Peer::Spider => {
                // This home folder has no account of spider's cloud service, so requests go only to the site.
                command.env_remove("SPIDER_CLOUD_API_KEY").env("HOME", folder);
                command.args(["--url", seed, "--respect-robots-txt", "--http", "scrape", "--output-html"]);
            }
        }
        command.current_dir(folder).stderr(File::create(folder.join("errors"))?);
        Ok(command)
    }
}

/// Measures a peer from its first request on, so that the start-up of its language runtime does not count.
///
/// # Errors
/// The peer does not run, or does not visit every page.
pub(crate) async fn measure(bench: &Bench, peer: Peer, program: &Path) -> Result<Throughput, Fault> {
    let (folder, pages) = (TempDir::new()?, bench.options.pages);
    let seed = format!("{}/t/0", bench.site.base);
    bench.site.reset().await?;
    let process = Process::start(peer.name(), peer.command(program, folder.path(), &seed, bench.options.concurrency)?)?;
    let (begin, mut before) = (Instant::now(), Usage::default());
    while begin.elapsed() < Duration::from_secs(30) && bench.site.stats().await?.t == 0 {
        before = process.usage();
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let (used, success) = process.finish(RUN_TIMEOUT).await?;
    let stats = bench.site.stats().await?;
    let lines = fs::read_to_string(folder.path().join("out.jsonl")).unwrap_or_default().lines().count() as u64;
    // spider_cli reports pages in its own format, so its visits are counted at the site.
    let seen = if peer == Peer::Spider { stats.t } else { lines };
    if !success || seen < pages {
        let errors = fs::read_to_string(folder.path().join("errors")).unwrap_or_default();
        let last = errors.lines().last().unwrap_or_default();
        return Err(format!("{seen} of {pages} pages, {} requests; {last}", stats.t).into());
    }
    let wall_s = stats.first_ago_us as f64 / 1e6;
    let cpu_s = used.cpu_s - before.cpu_s;
    Ok(Throughput { pages, wall_s, cpu_s, peak_mb: used.peak_mb, ..Throughput::default() })
}
