//! `runo extract`, `crawl` and `result`: commands about one job.

use runo_client::{Error, ErrorKind, Job, Page, Row, Schema};

use super::write_out;
use crate::args::{CrawlArgs, ExtractArgs, OnInterrupt, OutputArgs, ResultArgs};
use crate::config;
use crate::exit::{CommandError, INTERRUPTED, PAGES_FAILED, SUCCESS};
use crate::fields::schema;
use crate::follow::{End, Follower, Tally};
use crate::interrupt::{Interrupts, report_unknown_job};
use crate::output::Output;
use crate::progress::Progress;

/// `runo extract`
pub(super) async fn extract(args: ExtractArgs) -> Result<u8, CommandError> {
    let schema = schema(&args.schema.field, args.schema.schema.as_deref())?;
    let mut output = Output::one(&args.output, schema.names())?;
    let client = config::client()?;
    let page = client.extract(&args.url, schema).options(args.page.options()).send::<Row>().await;
    let (page, code) = match page {
        Ok(page) => (Page::Success(page), SUCCESS),
        Err(Error { kind: ErrorKind::Page, page: Some(failure), .. }) => (Page::Failure(*failure), PAGES_FAILED),
        Err(error) => return Err(error.into()),
    };
    output.page(&page)?;
    output.checkpoint()?;
    Ok(code)
}

/// `runo crawl`
pub(super) async fn crawl(args: CrawlArgs, quiet: bool) -> Result<u8, CommandError> {
    let schema = schema(&args.schema.field, args.schema.schema.as_deref())?;
    let columns = schema.names();
    let client = config::client()?;
    let call = client.crawl(&args.seed, schema, args.rules()).options(args.page.options());
    let call = call.async_mode(args.job.async_mode());
    let call = if let Some(webhook) = args.job.webhook() { call.webhook(webhook) } else { call };
    let call = if let Some(key) = args.idempotency_key { call.idempotency_key(key) } else { call };
    if args.job.detach {
        let job = call.start::<Row>().await?;
        return write_out(format!("{}\n", job.id()).as_bytes());
    }
    let mut follower = follower(&args.output, columns, Some(args.max_pages.into()), args.job.on_interrupt, quiet)?;
    let Some(job) = follower.interrupts.unless_interrupted(call.start()).await else {
        follower.progress.finish();
        report_unknown_job();
        return Ok(INTERRUPTED);
    };
    let job = job?;
    follower.report_started(job.id());
    follow(follower, job).await
}

/// `runo result`
pub(super) async fn result(args: ResultArgs, quiet: bool) -> Result<u8, CommandError> {
    let client = config::client()?;
    let job: Job = client.result(&args.job, Schema::bound(), None).await?;
    let total = job.info().await?.progress.total;
    follow(follower(&args.output, None, Some(total), args.on_interrupt, quiet)?, job).await
}

fn follower(
    output: &OutputArgs,
    columns: Option<Vec<String>>,
    total: Option<u64>,
    on: OnInterrupt,
    quiet: bool,
) -> Result<Follower, CommandError> {
    Ok(Follower {
        output: Output::many(output, columns)?,
        progress: Progress::new(total, quiet),
        interrupts: Interrupts::listen(on),
        tally: Tally::default(),
        quiet,
    })
}

async fn follow(mut follower: Follower, mut job: Job) -> Result<u8, CommandError> {
    match follower.follow(&mut job, 0).await? {
        End::Ended => follower.finish(),
        End::LeftRunning => Ok(INTERRUPTED),
    }
}
