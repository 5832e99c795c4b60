//! `runo batch`: many pages, in as many jobs as needed, one after the other.

use runo_client::{Batch, BatchOptions, Client, ErrorKind, Job, Row, Schema, new_idempotency_key};
use serde_json::json;

use super::write_out;
use crate::args::{BatchArgs, Format};
use crate::config;
use crate::exit::{CANCELLED, CommandError, FAILURE, INTERRUPTED, NO_JOB};
use crate::fields::schema;
use crate::follow::{End, Follower};
use crate::interrupt::{Interrupts, report_unknown_job};
use crate::journal::{Chunk, EarlierRuns, Journal};
use crate::output::{Output, format_of};
use crate::progress::Progress;
use crate::terminal::notice;
use crate::urls::{Urls, digest, input_changed};

/// What all jobs of a batch share.
struct Plan {
    client: Client,
    schema: Schema,
    options: BatchOptions,
    args: BatchArgs,
}

impl Plan {
    fn call(&self, urls: Vec<String>) -> Batch<'_> {
        let call = self.client.batch(urls, &self.schema).options(self.options.clone());
        let call = call.async_mode(self.args.job.async_mode());
        match self.args.job.webhook() {
            Some(webhook) => call.webhook(webhook),
            None => call,
        }
    }

    /// Digest of what must stay the same for `--resume`, apart from the URLs and the output.
    fn digest(&self, format: Format) -> String {
        let members = json!([self.client.base_url(), self.schema, self.options, self.args.job.async_mode()]);
        digest(&[members.to_string(), format!("{format:?} {:?}", self.args.job.webhook())])
    }
}

/// `runo batch`
pub(super) async fn batch(args: BatchArgs, quiet: bool) -> Result<u8, CommandError> {
    let schema = schema(&args.schema.field, args.schema.schema.as_deref())?;
    let (client, options) = (config::client()?, args.options());
    let plan = Plan { client, schema, options, args };
    let mut urls = Urls::open(&plan.args.file)?;
    if plan.args.job.detach {
        return start_detached(&plan, urls).await;
    }
    let format = format_of(&plan.args.output)?;
    let (mut journal, done) = match (&plan.args.resume, &plan.args.output.output) {
        (Some(path), Some(output)) => {
            let (journal, done) = Journal::open(path, &plan.digest(format), output)?;
            (Some(journal), done)
        }
        _ => (None, EarlierRuns::default()),
    };
    if let Some(journal) = journal.as_ref().filter(|_| done.complete) {
        let outcome = if done.tally.cancelled { "the batch was cancelled" } else { "the batch is complete" };
        notice(&format!("{}: {outcome}; delete this file to run (and pay for) it again", journal.path.display()));
        return Ok(if done.tally.cancelled { CANCELLED } else { done.tally.code() });
    }
    let columns = plan.schema.names();
    let output = match &plan.args.output.output {
        Some(path) if journal.is_some() => Output::resumed(path, format, columns, done.output_bytes)?,
        _ => Output::many(&plan.args.output, columns)?,
    };
    if let Some(journal) = &journal {
        for chunk in &done.chunks {
            urls.skip(chunk.urls, &chunk.digest, &journal.path)?;
        }
    }
    let progress = Progress::new(urls.total, quiet);
    progress.begin_at(done.tally.pages());
    // Until the first URLs have been read an interrupt ends the process: nothing has been started.
    let first = urls.chunk()?;
    let mut follower = Follower {
        output,
        progress,
        interrupts: Interrupts::listen(plan.args.job.on_interrupt),
        tally: done.tally,
        quiet,
    };
    if first.is_empty() && done.tally.pages() == 0 {
        return Err(CommandError::usage("the input has no URL; give one URL per line"));
    }
    run(&plan, &mut follower, &mut journal, done, urls, first).await
}

async fn run(
    plan: &Plan,
    follower: &mut Follower,
    journal: &mut Option<Journal>,
    mut done: EarlierRuns,
    mut urls: Urls,
    mut chunk: Vec<String>,
) -> Result<u8, CommandError> {
    let mut offset: u64 = done.chunks.iter().map(|chunk| chunk.urls).sum();
    while !chunk.is_empty() {
        let count = chunk.len() as u64;
        let open = done.open.take();
        let output_bytes = follower.output.checkpoint()?;
        let starting = start(plan, output_bytes, journal.as_mut(), open, chunk);
        let Some(job) = follower.interrupts.unless_interrupted(starting).await else {
            follower.progress.finish();
            report_unknown_job();
            return Ok(INTERRUPTED);
        };
        let mut job = job?;
        follower.report_started(job.id());
        match follower.follow(&mut job, offset).await? {
            End::LeftRunning => return Ok(INTERRUPTED),
            End::Ended => {}
        }
        offset += count;
        if let Some(journal) = journal {
            let output_bytes = follower.output.checkpoint()?;
            journal.ended(follower.tally, output_bytes)?;
        }
        let failed_fast = plan.options.fail_fast == Some(true) && follower.tally.failed > 0;
        if follower.tally.cancelled || failed_fast {
            break;
        }
        // A pipe may be slow; an interrupt does not wait for it.
        let reading = tokio::task::spawn_blocking(move || {
            let next = urls.chunk();
            (urls, next)
        });
        let Some(read) = follower.interrupts.unless_interrupted(reading).await else {
            follower.output.finish()?;
            follower.progress.finish();
            notice("runo: interrupted between two jobs; all results so far are written");
            return Ok(INTERRUPTED);
        };
        let (rest, next) = read.map_err(|error| CommandError::new(FAILURE, error.to_string()))?;
        (urls, chunk) = (rest, next?);
    }
    let code = follower.finish()?;
    if let Some(journal) = journal {
        journal.complete()?;
    }
    Ok(code)
}

/// Starts a job, or continues the open job of an earlier run.
async fn start(
    plan: &Plan,
    output_bytes: u64,
    journal: Option<&mut Journal>,
    open: Option<(Chunk, Option<String>)>,
    urls: Vec<String>,
) -> Result<Job, CommandError> {
    let Some(journal) = journal else { return Ok(plan.call(urls).start().await?) };
    let chunk = match open {
        None => journal.chunk(new_idempotency_key()?, &urls, output_bytes)?,
        Some((chunk, _)) if chunk.digest != digest(&urls) => {
            return Err(input_changed(&plan.args.file.display().to_string(), &journal.path));
        }
        Some((_, Some(job))) => {
            return plan.client.result(&job, &plan.schema, None).await.map_err(|error| match error.kind {
                ErrorKind::JobNotFound => CommandError::new(
                    NO_JOB,
                    format!(
                        "the results of {job} are no longer kept, so this batch cannot be resumed; delete {} to run (and \
                         pay for) all of it again",
                        journal.path.display()
                    ),
                ),
                _ => error.into(),
            });
        }
        Some((chunk, None)) if !chunk.key_is_valid() => {
            let text = format!(
                "{}: the last call was sent over 23 hours ago, and whether it was accepted is unknown, so repeating it \
                 could cost twice. `runo jobs --all` may list its job, and `runo result JOB` reads it; delete the file to \
                 run (and pay for) all of the batch again",
                journal.path.display()
            );
            return Err(CommandError::new(FAILURE, text));
        }
        Some((chunk, None)) => chunk,
    };
    let job = plan.call(urls).idempotency_key(chunk.key).start().await?;
    journal.job(job.id())?;
    Ok(job)
}

/// Starts all jobs and prints their ids, without waiting for the jobs.
async fn start_detached(plan: &Plan, mut urls: Urls) -> Result<u8, CommandError> {
    let mut chunk = urls.chunk()?;
    if chunk.is_empty() {
        return Err(CommandError::usage("the input has no URL; give one URL per line"));
    }
    let mut code = 0;
    while !chunk.is_empty() {
        let job = plan.call(chunk).start::<Row>().await?;
        code = write_out(format!("{}\n", job.id()).as_bytes())?;
        chunk = urls.chunk()?;
    }
    Ok(code)
}
