//! Simulates the loads of docs/SCALING.md and prints its tables.

#![allow(clippy::print_stdout)] // the tables

use std::io::{self, Write};

use clap::{Parser, ValueEnum};
use simulator::deployment::MappingSpec;
use simulator::scenarios::{self, Scenario};
use simulator::tables::Table;
use simulator::{CallKind, Deployment, Figures, Load, simulate};

/// Simulate loads on a deployment within AWS's published limits, and print tables in Markdown.
#[derive(Parser)]
struct Args {
    /// Loads to run; all but `own` if none is given
    groups: Vec<Group>,
    /// Seed; the same seed gives the same figures
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    own: Own,
}

/// The parameters of the load `own`.
#[derive(clap::Args, Clone, Copy)]
struct Own {
    /// Number of accounts
    #[arg(long, default_value_t = 100)]
    accounts: u32,
    /// Jobs of each account
    #[arg(long, default_value_t = 10)]
    jobs: u32,
    /// URLs of each job
    #[arg(long, default_value_t = 1_000)]
    units: u32,
    /// Kind of the calls
    #[arg(long, value_enum, default_value_t = CallKindArg::Detached)]
    call_kind: CallKindArg,
    /// `options.concurrency`
    #[arg(long)]
    concurrency: Option<u32>,
    /// Concurrent jobs of an account; without it, jobs start at times spread over --over-secs
    #[arg(long)]
    at_once: Option<u32>,
    /// Seconds over which calls arrive
    #[arg(long, default_value_t = 600)]
    over_secs: u32,
    /// `WorkerConcurrency` of the template
    #[arg(long, default_value_t = Deployment::default().units.concurrency)]
    worker_concurrency: u32,
    /// `ThrottleRate` of the template
    #[arg(long, default_value_t = Deployment::default().throttle_rate)]
    throttle_rate: u32,
    /// `FetchConcurrency` of the template
    #[arg(long, default_value_t = Deployment::default().fetch_concurrency)]
    fetch_concurrency: u32,
    /// Concurrent executions of the account
    #[arg(long, default_value_t = Deployment::default().concurrency)]
    executions: u32,
    /// Write units a second that the tables have served before; 0 for new tables
    #[arg(long, default_value_t = 0)]
    warm: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum CallKindArg {
    /// Batches whose response is held open, run by their handler
    Held,
    /// Batches with `Prefer: respond-async`, run by the queue's workers
    Detached,
    /// Extracts
    Extract,
}

impl Own {
    fn scenario(self) -> Scenario {
        let template = Deployment::default();
        let deployment = Deployment {
            units: MappingSpec { concurrency: self.worker_concurrency, ..template.units },
            throttle_rate: self.throttle_rate,
            fetch_concurrency: self.fetch_concurrency,
            concurrency: self.executions,
            warm: self.warm,
            ..template
        };
        let load = Load {
            accounts: self.accounts,
            jobs: self.jobs,
            units: self.units,
            call_kind: match self.call_kind {
                CallKindArg::Held => CallKind::Held,
                CallKindArg::Detached => CallKind::Detached,
                CallKindArg::Extract => CallKind::Extract,
            },
            concurrency: self.concurrency,
            at_once: self.at_once,
            over_secs: self.over_secs,
            ..Load::default()
        };
        Scenario { name: "own", deployment, load }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Group {
    /// Jobs alone
    Alone,
    /// A million URLs by each kind of call
    Million,
    /// Ten million URLs of a thousand accounts
    TenMillion,
    /// One account's extracts, at several rates
    HotAccount,
    /// The load that the options describe
    Own,
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    let documented_groups = vec![Group::Alone, Group::Million, Group::TenMillion, Group::HotAccount];
    let groups = if args.groups.is_empty() { documented_groups } else { args.groups };
    let mut out = io::stdout().lock();
    for group in groups {
        match group {
            Group::Alone => alone(&mut out, args.seed)?,
            Group::Million => million(&mut out, args.seed)?,
            Group::TenMillion => large(&mut out, &scenarios::ten_million(), args.seed)?,
            Group::Own => large(&mut out, &[args.own.scenario()], args.seed)?,
            Group::HotAccount => hot_account(&mut out, args.seed)?,
        }
        writeln!(out)?;
    }
    Ok(())
}

fn run(scenario: &Scenario, seed: u64) -> Figures {
    simulate(scenario.deployment, scenario.load, seed)
}

fn alone(out: &mut impl Write, seed: u64) -> io::Result<()> {
    writeln!(
        out,
        "| A job alone | Pages | Store calls a page | Write units a page | Rows read a page |\n|---|---|---|---|---|"
    )?;
    for scenario in scenarios::alone() {
        let f = run(&scenario, seed);
        let (calls, writes, rows) = (f.calls_a_page(), f.writes_a_page(), f.rows_a_page());
        writeln!(out, "| {} | {} | {calls:.2} | {writes:.2} | {rows:.2} |", scenario.name, f.units_done)?;
    }
    Ok(())
}

fn million(out: &mut impl Write, seed: u64) -> io::Result<()> {
    writeln!(
        out,
        "| Load | Write units a page | Read units a page | DynamoDB | Lambda | SQS | API Gateway | $ a million |\n\
         |---|---|---|---|---|---|---|---|"
    )?;
    for scenario in scenarios::million() {
        let f = run(&scenario, seed);
        let [rows, lambda, queues, gateway] = f.cost().map(|cost| cost * 1e6 / f.units_done.max(1) as f64);
        writeln!(
            out,
            "| {} | {:.2} | {:.2} | {rows:.2} | {lambda:.2} | {queues:.2} | {gateway:.2} | {:.2} |",
            scenario.name,
            f.writes_a_page(),
            f.reads_a_page(),
            f.cost_a_million(),
        )?;
    }
    Ok(())
}

fn large(out: &mut impl Write, scenarios: &[Scenario], seed: u64) -> io::Result<()> {
    writeln!(
        out,
        "| Load | Pages a second | All done after | A job: p50, p99 | Write, read units a page | Throttled by tables | \
         Refused callers: stage, Lambda | Conflicts | Lambda hours | $ a million | At its limit |\n\
         |---|---|---|---|---|---|---|---|---|---|---|"
    )?;
    for scenario in scenarios {
        let started = std::time::Instant::now();
        let f = run(scenario, seed);
        let limits: Vec<String> =
            f.saturated().into_iter().map(|(limit, percent)| format!("{limit} {percent} %")).collect();
        writeln!(
            out,
            "| {} | {:.0} | {:.0} min | {:.0} s, {:.0} s | {:.2}, {:.2} | {} | {}, {} | {} | {:.0} | {:.2} | {} |",
            scenario.name,
            f.pages_a_second(),
            f.last_at as f64 / 60e6,
            f.percentile(50),
            f.percentile(99),
            f.writes_a_page(),
            f.reads_a_page(),
            f.throttled(),
            f.refused.gateway,
            f.refused.lambda,
            f.conflicts,
            f.lambda_secs() / 3_600.0,
            f.cost_a_million(),
            limits.join(", "),
        )?;
        eprintln!("{}: {:.0?} for {} events\n{}", scenario.name, started.elapsed(), f.events, details(&f));
    }
    Ok(())
}

/// Returns the figures that are not in the table.
fn details(f: &Figures) -> String {
    let tables: Vec<String> = Table::ALL
        .iter()
        .map(|table| {
            let c = f.tables[*table as usize];
            let partitions = f.partitions[*table as usize];
            format!(
                "{} {} of {} partitions, {} splits, {} throttled",
                table.name(),
                c.peak_partition_writes,
                partitions,
                c.splits,
                c.throttled
            )
        })
        .collect();
    format!(
        "  {} jobs, {} unended, {} ran longer than their response; {} pages for {} units; \
         {} jobs examined by sweeps, sent again {}, redelivered {}, dead {}; {} failed steps, \
         {} gave up, {} of {} segment writes refused, {} renewals, {} leases lost, {} stale accepts; \
         refused {} by rate, {} by store; peak {} executions, {} messages waiting, {:.0} s the longest; \
         busiest partition a second: {}",
        f.jobs(),
        f.unended,
        f.outlived,
        f.pages,
        f.units_done,
        f.swept_jobs,
        f.resent,
        f.redelivered,
        f.queues[0].dead,
        f.failed_steps,
        f.gave_up,
        f.refused_writes,
        f.segment_writes,
        f.renewals,
        f.leases_lost,
        f.stale_accepts,
        f.refused.rate,
        f.refused.store,
        f.peak,
        f.queues[0].max_depth,
        f.queues[0].max_wait as f64 / 1e6,
        tables.join("; "),
    )
}

fn hot_account(out: &mut impl Write, seed: u64) -> io::Result<()> {
    writeln!(
        out,
        "| Extracts of one account a second | Conflicts | Refused | An extract: p50, p99 |\n|---|---|---|---|"
    )?;
    for a_second in [6, 20, 40, 60, 80, 120] {
        let f = run(&scenarios::hot_account(a_second), seed);
        let (p50, p99) = (f.percentile(50), f.percentile(99));
        writeln!(out, "| {a_second} | {} | {} | {p50:.1} s, {p99:.1} s |", f.conflicts, f.refused.store)?;
    }
    Ok(())
}
