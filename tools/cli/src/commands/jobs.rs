//! `runo jobs`, `cancel`, `resend` and `usage`.

use console::style;
use runo_client::{JobInfo, JobState, Usage};
use serde::Serialize;

use super::write_out;
use crate::args::{Format, FormatArgs, JobsArgs};
use crate::config;
use crate::exit::{CommandError, SUCCESS};
use crate::output::stdout_format;
use crate::terminal::{line, notice, number};

/// `runo jobs`
pub(super) async fn jobs(args: JobsArgs) -> Result<u8, CommandError> {
    let client = config::client()?;
    let format = stdout_format(args.format.format);
    if let Some(id) = &args.job {
        let info = client.job(id).await?;
        return match format {
            Format::Table => write_out(sheet(&info).as_bytes()),
            _ => write_json(&info),
        };
    }
    let state = match (args.all, args.finished) {
        (true, _) => JobState::All,
        (false, true) => JobState::Finished,
        (false, false) => JobState::Running,
    };
    let mut jobs = client.jobs(state).page_size(args.limit.clamp(1, 100).try_into().unwrap_or(100));
    let mut listed = Vec::new();
    while listed.len() < args.limit
        && let Some(info) = jobs.next().await
    {
        listed.push(info?);
    }
    match format {
        Format::Table if listed.is_empty() => notice("no jobs"),
        Format::Table => {
            let head = format!(
                "{:<22}{:<10}{:<11}{:<22}{:>8}{:>8}{:>8}",
                "job", "call", "status", "started", "read", "failed", "of"
            );
            let rows = listed.iter().map(row).collect::<String>();
            write_out(format!("{}\n{rows}", style(head).bold()).as_bytes())?;
        }
        Format::Json => return write_json(&listed),
        Format::Csv => return Err(CommandError::usage("jobs cannot be written as csv; use table, json or ndjson")),
        Format::Ndjson => {
            for info in &listed {
                write_json(info)?;
            }
        }
    }
    Ok(SUCCESS)
}

/// `runo cancel`
pub(super) async fn cancel(id: &str) -> Result<u8, CommandError> {
    if config::client()?.cancel(id).await? {
        notice(&format!("{id} is cancelled: pages that have started finish, the rest are refunded"));
    } else {
        notice(&format!("{id} had already ended"));
    }
    Ok(SUCCESS)
}

/// `runo resend`
pub(super) async fn resend(id: &str) -> Result<u8, CommandError> {
    config::client()?.resend_webhook(id).await?;
    notice(&format!("the webhook message of {id} is sent again; `runo jobs {id}` shows the outcome"));
    Ok(SUCCESS)
}

/// `runo usage`
pub(super) async fn usage(args: &FormatArgs) -> Result<u8, CommandError> {
    let usage = config::client()?.usage().await?;
    match stdout_format(args.format) {
        Format::Table => write_out(figures(&usage).as_bytes()),
        _ => write_json(&usage),
    }
}

fn write_json(value: &impl Serialize) -> Result<u8, CommandError> {
    let mut text = serde_json::to_vec(value).map_err(std::io::Error::from)?;
    text.push(b'\n');
    write_out(&text)
}

fn row(info: &JobInfo) -> String {
    let (endpoint, status) = (line(info.endpoint.as_str()), line(info.status.as_str()));
    let progress = &info.progress;
    format!(
        "{:<22}{:<10}{:<11}{:<22}{:>8}{:>8}{:>8}\n",
        line(&info.job_id),
        endpoint.trim_start_matches('/'),
        status,
        line(&info.started_at),
        progress.done,
        progress.failed,
        progress.total,
    )
}

fn sheet(info: &JobInfo) -> String {
    let progress = &info.progress;
    let mut text = format!(
        "job      {} ({})\nstatus   {}\nstarted  {}\n",
        line(&info.job_id),
        line(info.endpoint.as_str()).trim_start_matches('/'),
        line(info.status.as_str()),
        line(&info.started_at),
    );
    if let Some(ended) = &info.ended_at {
        text += &format!("ended    {}\n", line(ended));
    }
    let (done, failed, total) = (number(progress.done), number(progress.failed), number(progress.total));
    text += &format!("pages    {done} read, {failed} failed, of {total}\n");
    if let Some(credits) = &info.credits {
        text += &match (credits.charged, credits.refunded) {
            (Some(charged), Some(refunded)) => {
                format!("credits  {} charged, {} refunded\n", number(charged), number(refunded))
            }
            _ => format!("credits  {} reserved\n", number(credits.reserved)),
        };
    }
    if let Some(webhook) = &info.webhook {
        text += &format!("webhook  {}, tries: {}\n", line(&webhook.state), webhook.attempts);
    }
    text
}

fn figures(usage: &Usage) -> String {
    let Usage { monthly, prepaid, rate, .. } = usage;
    format!(
        "account  {} ({})\nmonth    {}: {} of {} credits used, {} left\nprepaid  {} credits\nrate     {} of {} calls a minute left\n",
        line(&usage.account_id),
        line(usage.plan.as_str()),
        line(&usage.month),
        number(monthly.used),
        number(monthly.limit),
        number(monthly.remaining),
        number(prepaid.balance),
        number(rate.remaining),
        number(rate.limit),
    )
}
