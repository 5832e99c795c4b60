//! The bare loop, in its own process (`compare bare`): reqwest and a parser with a number of concurrent fetches; stores
//! and reports nothing. Its speed is the limit of this design on this machine. With Runo's own extraction in place of
//! CSS selectors it shows what the extraction costs, and so what the engine costs.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use domain::Schema;
use scraper::{Html, Selector};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::Bench;
use super::figures::Throughput;
use super::process::{self, Process};
use super::{client, page};
use crate::Fault;

const DONE_PREFIX: &str = "done ";

/// Arguments of `compare bare`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The site, as `http://127.0.0.1:PORT`.
    #[arg(long)]
    site: String,
    /// Number of its pages to fetch.
    #[arg(long)]
    pages: u64,
    /// Number of concurrent fetches.
    #[arg(long)]
    concurrency: usize,
    /// Number of fields to read from each page.
    #[arg(long)]
    fields: usize,
    /// What reads the pages.
    #[arg(long, value_enum)]
    extractor: Extractor,
}

/// What reads a page in the bare loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Extractor {
    /// scraper's CSS selectors.
    Css,
    /// Runo's `extraction::extract`.
    Runo,
}

#[derive(Debug, Serialize, Deserialize)]
struct Done {
    pages: u64,
    wall_s: f64,
}

enum Reader {
    Css(Vec<Selector>),
    Runo(Schema),
}

impl Reader {
    fn new(args: &Args) -> Result<Reader, Fault> {
        Ok(match args.extractor {
            Extractor::Runo => Reader::Runo(crate::schema(&page::schema(args.fields))?),
            Extractor::Css => {
                let parse = |css: &str| Selector::parse(css).map_err(|e| format!("{css}: {e}"));
                Reader::Css(page::FIELDS.iter().take(args.fields).map(|f| parse(f.3)).collect::<Result<_, _>>()?)
            }
        })
    }

    /// Returns how many fields were found.
    fn read(&self, url: &Url, body: &[u8]) -> Result<usize, Fault> {
        match self {
            Reader::Css(selectors) => {
                let html = Html::parse_document(std::str::from_utf8(body)?);
                let text = |s| html.select(s).next().map(|e| e.text().collect::<String>().trim().to_owned());
                let values: Vec<Option<String>> = selectors.iter().map(text).collect();
                Ok(std::hint::black_box(values).iter().flatten().count())
            }
            Reader::Runo(schema) => {
                let page = extraction::Page { body, content_type: Some("text/html; charset=utf-8"), url };
                let context =
                    extraction::Context { locale: "en-US", now: crate::FETCHED_AT, budget: &Default::default() };
                let found = std::hint::black_box(extraction::extract(&page, schema, &context)?);
                Ok(found.data.values().filter(|v| **v != Value::Null).count())
            }
        }
    }
}

/// Runs the loop, prints the result, and waits until standard input closes, so that its resource usage can be read.
pub(crate) async fn run(args: Args) -> Result<(), Fault> {
    let urls: Arc<Vec<Url>> =
        Arc::new((0..args.pages).map(|n| Url::parse(&format!("{}/p/{n}", args.site))).collect::<Result<_, _>>()?);
    let (reader, http, next) = (Arc::new(Reader::new(&args)?), client::http()?, Arc::new(AtomicUsize::new(0)));
    let start = Instant::now();
    let loops: Vec<_> = (0..args.concurrency)
        .map(|_| {
            let (urls, reader, http, next) = (urls.clone(), reader.clone(), http.clone(), next.clone());
            tokio::spawn(async move {
                while let Some(url) = urls.get(next.fetch_add(1, Relaxed)) {
                    let body = http.get(url.clone()).send().await?.error_for_status()?.bytes().await?;
                    // Parses in place: the runtime has as many threads as there are processors, and all of them may
                    // parse.
                    let found = reader.read(url, &body)?;
                    if found != args.fields {
                        return Err(format!("{url}: {found} of {} fields", args.fields).into());
                    }
                }
                Ok::<(), Fault>(())
            })
        })
        .collect();
    for each in loops {
        each.await??;
    }
    let done = Done { pages: args.pages, wall_s: start.elapsed().as_secs_f64() };
    process::write_line(&format!("{DONE_PREFIX}{}", serde_json::to_string(&done)?))?;
    tokio::task::spawn_blocking(process::input_ended).await?;
    Ok(())
}

/// Measures the bare loop.
///
/// # Errors
/// A page could not be fetched or read.
pub(crate) async fn measure(bench: &Bench, extractor: Extractor, fields: usize) -> Result<Throughput, Fault> {
    let mut command = Command::new(std::env::current_exe()?);
    let kind = if extractor == Extractor::Css { "css" } else { "runo" };
    command.args(["bare", "--site", &bench.site.base, "--extractor", kind]);
    command.args(["--pages", &bench.options.pages.to_string(), "--fields", &fields.to_string()]);
    command.args(["--concurrency", &bench.options.concurrency.to_string()]);
    let mut process = Process::start("bare loop", command)?;
    let done: Done = serde_json::from_str(&process.line(DONE_PREFIX, Duration::from_secs(600)).await?)?;
    let used = process.usage();
    Ok(Throughput {
        pages: done.pages,
        wall_s: done.wall_s,
        cpu_s: used.cpu_s,
        peak_mb: used.peak_mb,
        ..Throughput::default()
    })
}
