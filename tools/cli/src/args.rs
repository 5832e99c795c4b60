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
    /// Say nothing on standard error but why something failed
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read one page
    Extract(ExtractArgs),
    /// Read many pages, one URL a line; over 10,000 become several jobs
    Batch(BatchArgs),
    /// Follow links from a page
    Crawl(CrawlArgs),
    /// List jobs, or show one
    Jobs(JobsArgs),
    /// The results of a job; waits while it runs
    Result(ResultArgs),
    /// Cancel a job: what has started finishes, the rest is refunded
    Cancel {
        /// The job's id
        job: String,
    },
    /// Send the message of a job's end to its webhook again
    Resend {
        /// The job's id
        job: String,
    },
    /// Plan and credits
    Usage(ShownArgs),
    /// Keep a key and an address for the other commands; the key is read from standard input
    Login {
        /// Where the service is
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
    },
    /// The API as tools for an agent that starts this program: the Model Context Protocol on standard input and output
    Mcp,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// An array of results (of `extract`: the one)
    Json,
    /// A result a line
    Ndjson,
    /// A row a page: the schema's fields, page_url, page_error
    Csv,
    /// For people
    Table,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct OutputArgs {
    /// Write results into a file; its ending names the format: .json, .ndjson or .jsonl, .csv
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Format of the results; a table on a terminal, else NDJSON
    #[arg(short, long, value_enum)]
    pub(crate) format: Option<Format>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ShownArgs {
    /// Format; a table on a terminal, else NDJSON
    #[arg(short, long, value_enum)]
    pub(crate) format: Option<Format>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SchemaArgs {
    /// A field to read, like price:float=9.99; types are string, integer, float, boolean, date and array<…> of the first three
    #[arg(long, value_name = "NAME:TYPE=EXAMPLE", value_parser = fields::field)]
    pub(crate) field: Vec<Field>,
    /// A list of fields or a flat JSON Schema: a file, or the JSON itself
    #[arg(long, value_name = "FILE|JSON", conflicts_with = "field")]
    pub(crate) schema: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "How pages are fetched and read")]
pub(crate) struct PageArgs {
    /// Whether a browser reads the page
    #[arg(long, value_enum)]
    render_js: Option<When>,
    /// In a browser: a CSS selector to wait for, or milliseconds after load
    #[arg(long, value_name = "SELECTOR|MS")]
    wait_for: Option<String>,
    /// Keep a picture of the page's window beside its result
    #[arg(long)]
    screenshot: bool,
    /// Keep the operator's language model out
    #[arg(long)]
    no_model: bool,
    /// Further tries of a page after a failure that may pass, 0 to 5
    #[arg(long, value_name = "N")]
    retries: Option<u8>,
    /// A request field for the URL's own origin, like 'Authorization: Bearer …'
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// How numbers and dates read, like de-DE
    #[arg(long)]
    locale: Option<String>,
    /// For a whole page, 1000 to 120000
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u32>,
    /// Fetch anew, whatever the result cache has
    #[arg(long)]
    no_cache: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

impl PageArgs {
    pub(crate) fn options(&self) -> PageOptions {
        PageOptions {
            render_js: self.render_js.map(|when| match when {
                When::Auto => RenderJs::Auto,
                When::Always => RenderJs::Always,
                When::Never => RenderJs::Never,
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
            process_images: None,
        }
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a request field is NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "How the job is run")]
pub(crate) struct JobArgs {
    /// Take the queue: workers do the work
    #[arg(long)]
    pub(crate) async_mode: bool,
    /// Start the job by the queue, print its id and do not wait
    #[arg(long, conflicts_with_all = ["output", "format"])]
    pub(crate) detach: bool,
    /// Who is told when the job has ended
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// What becomes of the job at Ctrl-C; `ask` leaves it running where nobody can be asked
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

/// What becomes of a job at Ctrl-C.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnInterrupt {
    Ask,
    Cancel,
    Leave,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ExtractArgs {
    /// The page
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
    /// A file with a URL a line, or - for standard input; empty lines and those that begin with # are skipped
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) schema: SchemaArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Keep in FILE how far it is; run again with the same FILE, it goes on there, and nothing is paid twice
    #[arg(long, value_name = "FILE", requires = "output", conflicts_with = "detach")]
    pub(crate) resume: Option<PathBuf>,
    /// Pages at once, 1 to 100
    #[arg(long, value_name = "N")]
    concurrency: Option<u8>,
    /// Stop at the first page that fails; the rest is refunded
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
    /// Where to begin
    pub(crate) seed: String,
    /// Which links to follow: a glob over the whole URL, like `https://example.com/blog/*`
    #[arg(long, value_name = "PATTERN")]
    follow: String,
    /// Ceiling on pages; so many credits are reserved
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) max_pages: u32,
    /// Hops from the seed, 0 to 20
    #[arg(long, value_name = "N")]
    max_depth: Option<u8>,
    /// Leave the sitemap alone
    #[arg(long)]
    no_sitemap: bool,
    /// Do not ask robots.txt
    #[arg(long)]
    ignore_robots: bool,
    /// Lift the cap of a quarter of what is left of the month
    #[arg(long)]
    allow_large: bool,
    /// Names this call: made again within 24 hours, it is the same job and is paid once
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
    /// Show this one
    pub(crate) job: Option<String>,
    /// Those that have ended, in place of those that run
    #[arg(long, conflicts_with = "job")]
    pub(crate) finished: bool,
    /// Both those that run and those that have ended
    #[arg(long, conflicts_with_all = ["job", "finished"])]
    pub(crate) all: bool,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) shown: ShownArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ResultArgs {
    /// The job's id
    pub(crate) job: String,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// What becomes of the job at Ctrl-C; `ask` leaves it running where nobody can be asked
    #[arg(long, value_enum, default_value = "ask")]
    pub(crate) on_interrupt: OnInterrupt,
}
