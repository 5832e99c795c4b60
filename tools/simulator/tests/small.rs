//! Small loads with a predictable outcome.

use simulator::assumptions::SECOND;
use simulator::deployment::MappingSpec;
use simulator::lambda::Function;
use simulator::limits::{MAPPING_RAMP_A_MINUTE, MAPPING_START, PARTITION_WRITES};
use simulator::tables::Table;
use simulator::{CallKind, Deployment, Figures, Load, PageDuration, simulate};

/// Runs a load and checks what must hold for every run.
fn run(deployment: Deployment, load: Load) -> Figures {
    let figures = simulate(deployment, load, 7);
    assert_eq!(
        (figures.unended, figures.units_done),
        (0, load.all_units()),
        "every job ends, every unit is charged once"
    );
    assert_eq!(figures.jobs(), u64::from(load.accounts) * u64::from(load.jobs));
    figures
}

#[test]
fn the_same_seed_gives_the_same_figures_and_another_seed_others() {
    let load =
        Load { accounts: 20, jobs: 3, units: 200, call_kind: CallKind::Detached, over_secs: 30, ..Load::default() };
    let run = |seed| simulate(Deployment::default(), load, seed);
    let first = run(1);
    assert_eq!(first, run(1));
    assert_ne!(first, run(2));
}

#[test]
fn a_job_alone_takes_the_time_of_its_pages() {
    let load = Load {
        units: 800,
        concurrency: Some(8),
        page_duration: PageDuration::Uniform(SECOND / 2, 0),
        ..Load::default()
    };
    let figures = run(Deployment::default(), load);
    let ideal = 800.0 / 8.0 * 0.5;
    let took = figures.percentile(50);
    assert!((ideal..ideal * 1.15).contains(&took), "{took} s, with the store's part of each round");
    assert_eq!((figures.pages, figures.throttled(), figures.conflicts), (800, 0, 0));
    // The handler is paid for from the call to the end.
    let handler = figures.functions[Function::Batch as usize];
    assert!(handler.invocations == 1 && handler.busy.abs_diff((took * 1e6) as u64) < SECOND, "{handler:?}");
    // A lease of 30 seconds is renewed every ten.
    assert_eq!(figures.renewals, (took / 10.0) as u64);
}

#[test]
fn pages_of_different_durations_share_fewer_commits() {
    let load = Load { units: 2_000, concurrency: Some(8), ..Load::default() };
    let alike = run(Deployment::default(), Load { page_duration: PageDuration::HALF_A_SECOND, ..load });
    let mixed = run(Deployment::default(), Load { page_duration: PageDuration::MIXED, ..load });
    assert!(alike.writes_a_page() + 0.1 < mixed.writes_a_page(), "{} {}", alike.writes_a_page(), mixed.writes_a_page());
    assert!(mixed.writes_a_page() < 2.3, "a result, and less than a write of its segment: {}", mixed.writes_a_page());
}

#[test]
fn lanes_of_a_detached_job_hold_its_concurrency() {
    let load = Load {
        units: 1_280,
        call_kind: CallKind::Detached,
        page_duration: PageDuration::Uniform(SECOND / 2, 0),
        ..Load::default()
    };
    let figures = run(Deployment::default(), load);
    let ideal = 1_280.0 / 32.0 * 0.5;
    let took = figures.percentile(50);
    // Nobody waits for single results, so groups may wait a quarter of a second.
    assert!((ideal..ideal * 1.8).contains(&took), "{took} s");
    // Twenty messages of 64 units by four lanes.
    assert_eq!((figures.queues[0].sent, figures.redelivered), (20, 0));
    // Lanes that end at the same time may each ask for the settlement; one of them settles.
    assert!((1..=4).contains(&figures.queues[1].sent), "{}", figures.queues[1].sent);
    assert!(figures.functions[Function::Worker as usize].peak <= 4);
}

#[test]
fn a_very_large_job_reaches_the_limit_of_its_partition() {
    let fast = Load {
        units: 10_000,
        concurrency: Some(100),
        page_duration: PageDuration::Uniform(SECOND / 20, 0),
        ..Load::default()
    };
    let deployment = Deployment { fetch_concurrency: 100, warm: 40_000, ..Deployment::default() };
    let figures = run(deployment, fast);
    let jobs = figures.tables[Table::Jobs as usize];
    assert!(jobs.throttled > 0 && jobs.hot_secs > 5 && figures.gave_up == 0, "{figures:?}");
    assert!(jobs.peak_partition_writes <= 2 * PARTITION_WRITES, "a full bucket and a second's refill: {jobs:?}");
    let a_second = figures.writes_a_page() * figures.pages_a_second();
    assert!((0.8..1.1).contains(&(a_second / f64::from(PARTITION_WRITES))), "{a_second} write units a second");
    let elsewhere = Load { accounts: 4, units: 2_500, ..fast };
    let four = run(deployment, elsewhere);
    assert!(four.pages_a_second() > 1.5 * figures.pages_a_second(), "several jobs are faster");
}

#[test]
fn extracts_of_one_account_conflict_on_its_month_row() {
    let load = |jobs| Load {
        jobs,
        units: 1,
        call_kind: CallKind::Extract,
        over_secs: 10,
        per_minute: u64::MAX,
        page_duration: PageDuration::Uniform(SECOND / 2, 0),
        ..Load::default()
    };
    let deployment = Deployment { warm: 10_000, ..Deployment::default().unthrottled() };
    let (calm, hot) = (run(deployment, load(20)), run(deployment, load(600)));
    assert!(calm.conflicts < 5 && hot.conflicts > 600, "{} {}", calm.conflicts, hot.conflicts);
    assert!(hot.percentile(99) > calm.percentile(99));
    // If each call has an account of its own, there is no conflict.
    let spread = run(deployment, Load { accounts: 600, jobs: 1, ..load(1) });
    assert_eq!(spread.conflicts, 0);
}

#[test]
fn the_rates_of_plan_and_stage_are_enforced() {
    let load = Load { jobs: 30, units: 1, call_kind: CallKind::Extract, per_minute: 15, ..Load::default() };
    let figures = run(Deployment::default(), load);
    assert!(figures.refused.rate >= 15, "{:?}", figures.refused);
    assert!((60.0..122.0).contains(&figures.percentile(99)), "the second half waits for the next minute");
    let burst = Load { accounts: 1_000, jobs: 1, units: 1, call_kind: CallKind::Extract, ..Load::default() };
    let figures = run(Deployment::default(), burst);
    assert!(figures.refused.gateway >= 850, "a hundred at once, fifty a second: {:?}", figures.refused);
    assert!((17.0..25.0).contains(&figures.percentile(99)), "{}", figures.percentile(99));
}

#[test]
fn workers_ramp_at_lambdas_rate() {
    let load = Load {
        accounts: 300,
        jobs: 1,
        units: 320,
        call_kind: CallKind::Detached,
        page_duration: PageDuration::Uniform(2 * SECOND, 0),
        ..Load::default()
    };
    let deployment = Deployment {
        units: MappingSpec { concurrency: 100, ..Deployment::default().units },
        warm: 40_000,
        ..Deployment::default().unthrottled()
    };
    let figures = run(deployment, load);
    let worker = figures.functions[Function::Worker as usize];
    assert_eq!(worker.peak, 100, "its `MaximumConcurrency` in the end");
    // 192,000 seconds of pages, 24 at once in each worker: no less than that and the ramp's triangle.
    let ramp = f64::from(100 - MAPPING_START) / (f64::from(MAPPING_RAMP_A_MINUTE) / 60.0);
    let min = 192_000.0 / (100.0 * 24.0) + ramp / 2.0;
    let took = figures.last_at as f64 / 1e6;
    assert!((min..min * 2.0).contains(&took), "{took} s, and {min} at best");
    assert!(figures.seconds.mapping_full > 30 && figures.saturated()[0].0.starts_with("workers"));
}

#[test]
fn held_calls_are_limited_to_unreserved_executions() {
    let load = Load { accounts: 300, jobs: 1, units: 64, concurrency: Some(8), ..Load::default() };
    let deployment = Deployment { concurrency: 175, ..Deployment::default().unthrottled() };
    let figures = run(deployment, load);
    assert_eq!(figures.peak, 100, "75 are the queues' and the sweep's");
    assert!(figures.refused.lambda >= 200 && figures.seconds.lambda_full > 5, "{:?}", figures.refused);
}
