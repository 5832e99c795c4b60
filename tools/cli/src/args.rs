//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use runo_client::{BatchOptions, CaptureKind, CrawlRules, Field, ModelUse, PageOptions, RenderJs, WaitFor, Webhook};

use crate::exit::HELP;
use crate::fields;

/// Web pages in, typed rows out: the command line of Runo
#[derive(Debug, Parser)]
#[command(name = "runo", version, after_help = HELP, arg_required_else_help = true)]
pub(crate) struct Args {
    /// Suppress progress and summaries on standard error; errors are still shown
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read one page
    Extract(ExtractArgs),
    /// Read many pages, one URL per line; more than 10,000 URLs are split into several jobs
    Batch(BatchArgs),
    /// Follow links from a page and read the pages that match
    Crawl(CrawlArgs),
    /// List jobs or show one
    Jobs(JobsArgs),
    /// Write the results of a job; waits while the job runs
    Result(ResultArgs),
    /// Cancel a job: pages that have started finish, the rest are refunded
    Cancel {
        /// Id of the job
        job: String,
    },
    /// Send the webhook message of an ended job again
    Resend {
        /// Id of the job
        job: String,
    },
    /// Show plan and credits
    Usage(FormatArgs),
    /// Store an API key and a base URL for the other commands; reads the key from standard input
    Login {
        /// Base URL of the service
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
    },
    /// Serve the API as tools to an agent: the Model Context Protocol over standard input and output
    Mcp,
    /// Print a completion script for a shell
    Completions {
        /// Shell to print the script for
        shell: Shell,
    },
}

/// Formats of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A JSON array of results; for `extract`, the one result
    Json,
    /// One result per line
    Ndjson,
    /// One row per page: the schema's fields, page_url, page_error
    Csv,
    /// A table for people
    Table,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct OutputArgs {
    /// Write results to a file; its extension selects the format: .json, .ndjson, .jsonl or .csv
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Format of the results; without a file, the default is a table on a terminal and NDJSON elsewhere
    #[arg(short, long, value_enum)]
    pub(crate) format: Option<Format>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct FormatArgs {
    /// Format; the default is a table on a terminal and NDJSON elsewhere
    #[arg(short, long, value_enum)]
    pub(crate) format: Option<Format>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SchemaArgs {
    /// Field to read, such as price:float=9.99; repeatable. Types: string, integer, float, boolean, date, and
    /// array<…> of the first three
    #[arg(long, value_name = "NAME:TYPE=EXAMPLE", value_parser = fields::field)]
    pub(crate) field: Vec<Field>,
    /// Schema in a file or as inline JSON: a list of fields or a flat JSON Schema
    #[arg(long, value_name = "FILE|JSON", conflicts_with = "field")]
    pub(crate) schema: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Page options")]
pub(crate) struct PageArgs {
    /// Whether to render the page in a browser
    #[arg(long, value_enum)]
    render_js: Option<RenderJsArg>,
    /// In a browser: a CSS selector to wait for, or milliseconds to wait after load
    #[arg(long, value_name = "SELECTOR|MS")]
    wait_for: Option<String>,
    /// Keep a screenshot of the window with each result
    #[arg(long)]
    screenshot: bool,
    /// Do not use the operator's language model
    #[arg(long)]
    no_model: bool,
    /// Retries of a page after a transient failure, 0 to 5
    #[arg(long, value_name = "N")]
    retries: Option<u8>,
    /// Request header for the URL's own origin, such as 'Authorization: Bearer …'; repeatable
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// Locale for reading numbers and dates, such as de-DE
    #[arg(long)]
    locale: Option<String>,
    /// Timeout for a whole page in milliseconds, 1000 to 120000
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u32>,
    /// Fetch the page even if the result cache has it
    #[arg(long)]
    no_cache: bool,
    /// Read the page's pictures for fields that are still empty (plan scale, with the operator's model)
    #[arg(long)]
    process_images: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RenderJsArg {
    /// Only if the page shows nothing until its scripts have run
    Auto,
    /// Every page
    Always,
    /// No page
    Never,
}

impl PageArgs {
    pub(crate) fn options(&self) -> PageOptions {
        PageOptions {
            render_js: self.render_js.map(|value| match value {
                RenderJsArg::Auto => RenderJs::Auto,
                RenderJsArg::Always => RenderJs::Always,
                RenderJsArg::Never => RenderJs::Never,
            }),
            wait_for: self.wait_for.as_ref().map(|text| match text.parse() {
                Ok(milliseconds) => WaitFor::Milliseconds(milliseconds),
                Err(_) => WaitFor::Selector(text.clone()),
            }),
            capture: if self.screenshot { vec![CaptureKind::Screenshot] } else { Vec::new() },
            model: self.no_model.then_some(ModelUse::Never),
            retries: self.retries,
            headers: self.header.iter().cloned().collect(),
            locale: self.locale.clone(),
            timeout_ms: self.timeout_ms,
            no_cache: self.no_cache.then_some(true),
            process_images: self.process_images.then_some(true),
        }
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is written as NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Job options")]
pub(crate) struct JobArgs {
    /// Run the job through the queue, on workers
    #[arg(long)]
    pub(crate) async_mode: bool,
    /// Start the job through the queue, print its id and exit without waiting
    #[arg(long, conflicts_with_all = ["output", "format"])]
    pub(crate) detach: bool,
    /// URL to send a webhook message to when the job has ended
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// What to do with the job on Ctrl-C; without a terminal, `ask` leaves it running
    #[arg(long, value_enum, default_value = "ask")]
    pub(crate) on_interrupt: OnInterrupt,
}

impl JobArgs {
    pub(crate) fn webhook(&self) -> Option<Webhook> {
        self.webhook.as_ref().map(Webhook::new)
    }

    pub(crate) fn async_mode(&self) -> bool {
        self.async_mode || self.detach
    }
}

/// What to do with a job on Ctrl-C.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnInterrupt {
    /// Ask on the terminal
    Ask,
    /// Cancel the job: pages that have started finish, the rest are refunded
    Cancel,
    /// Leave the job running
    Leave,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ExtractArgs {
    /// URL of the page
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) schema: SchemaArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BatchArgs {
    /// File with one URL per line, or - for standard input; empty lines and lines that begin with # are skipped
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) schema: SchemaArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Record progress in FILE; the same command run again resumes there, and no page is paid for twice
    #[arg(long, value_name = "FILE", requires = "output", conflicts_with = "detach")]
    pub(crate) resume: Option<PathBuf>,
    /// Pages to fetch at once, 1 to 100
    #[arg(long, value_name = "N")]
    concurrency: Option<u8>,
    /// Stop at the first failed page; pages that have not started are refunded
    #[arg(long)]
    fail_fast: bool,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    page: PageArgs,
}

impl BatchArgs {
    pub(crate) fn options(&self) -> BatchOptions {
        BatchOptions {
            page: self.page.options(),
            concurrency: self.concurrency,
            fail_fast: self.fail_fast.then_some(true),
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CrawlArgs {
    /// URL to start from
    pub(crate) seed: String,
    /// Links to follow: a glob over the whole URL, such as `https://example.com/blog/*`
    #[arg(long, value_name = "PATTERN")]
    follow: String,
    /// Maximum number of pages, and of credits to reserve; without --allow-large at most a quarter of the month's
    /// remaining credits
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) max_pages: u32,
    /// Maximum number of links from the seed, 0 to 20
    #[arg(long, value_name = "N")]
    max_depth: Option<u8>,
    /// Do not read the sitemap
    #[arg(long)]
    no_sitemap: bool,
    /// Ignore robots.txt
    #[arg(long)]
    ignore_robots: bool,
    /// Allow more pages than a quarter of the month's remaining credits
    #[arg(long)]
    allow_large: bool,
    /// Idempotency key: the same call repeated within 24 hours joins the same job and is paid for once
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) schema: SchemaArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

impl CrawlArgs {
    pub(crate) fn rules(&self) -> CrawlRules {
        CrawlRules {
            max_depth: self.max_depth,
            use_sitemap: self.no_sitemap.then_some(false),
            ignore_robots: self.ignore_robots.then_some(true),
            allow_large_crawl: self.allow_large.then_some(true),
            ..CrawlRules::new(&self.follow, self.max_pages)
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct JobsArgs {
    /// Id of one job to show
    pub(crate) job: Option<String>,
    /// List ended jobs instead of running ones
    #[arg(long, conflicts_with = "job")]
    pub(crate) finished: bool,
    /// List running and ended jobs
    #[arg(long, conflicts_with_all = ["job", "finished"])]
    pub(crate) all: bool,
    /// Maximum number of jobs to list
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ResultArgs {
    /// Id of the job
    pub(crate) job: String,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// What to do with the job on Ctrl-C; without a terminal, `ask` leaves it running
    #[arg(long, value_enum, default_value = "ask")]
    pub(crate) on_interrupt: OnInterrupt,
}
