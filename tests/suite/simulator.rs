//! The simulator (tools/simulator) uses this deployment's numbers, and its figures match those counted here.

#![allow(clippy::print_stdout)] // prints the compared figures

use std::fs;

use runtime::settings::Settings;
use serde_json::Value;
use simulator::assumptions::MS;
use simulator::deployment::{
    ACCEPT_TRIES, DUE_SHARDS, FunctionSpec, HEARTBEAT_SECS, INVOCATION_MARGIN_MS, MAX_INPUT_BYTES, MappingSpec,
    RECENT_JOBS, SWEEP_BATCH, SWEEP_MARGIN_MS,
};
use simulator::retries::{SDK_TRIES, SDK_WAIT, STEP_TRIES, STEP_WAIT, STORE_TRIES, STORE_WAIT};
use simulator::{Deployment, Figures, scenarios};
use store::RetryPolicy;
use store::queue::{QueueNames, definitions};

use crate::support::template::Template;

/// The tolerance between the simulator and the figures in docs/SCALING.md, which were counted on a machine with other
/// work.
const TOLERANCE: f64 = 0.15;

#[test]
fn the_simulated_deployment_is_the_templates() {
    let (template, simulated) = (Template::read(), Deployment::default());
    let function = |id: &str| {
        let properties = template.function(id).properties;
        let number = |name: &str| properties[name].as_u64().unwrap();
        FunctionSpec { memory_mb: number("MemorySize").try_into().unwrap(), timeout_secs: number("Timeout") }
    };
    assert_eq!(simulated.batch, function("BatchFunction"));
    assert_eq!(simulated.extract, function("ExtractFunction"));
    assert_eq!(simulated.worker, function("WorkerFunction"));
    assert_eq!(simulated.settle, function("SettleFunction"));

    let number = |value: &Value| template.text(value).parse::<u32>().unwrap();
    let queues = definitions(&QueueNames::default());
    let mapping = |id: &str, event: &str, queue: &str| {
        let events = template.function(id).properties;
        let properties = &events["Events"][event]["Properties"];
        assert!(properties["MaximumBatchingWindowInSeconds"].is_null(), "no window is simulated");
        let queue = queues.iter().find(|definition| definition.name == queue).unwrap();
        MappingSpec {
            batch: number(&properties["BatchSize"]),
            concurrency: number(&properties["ScalingConfig"]["MaximumConcurrency"]),
            visibility_secs: queue.visibility_secs.into(),
            receives: queue.redrive.as_ref().unwrap().max_receives,
        }
    };
    assert_eq!(simulated.units, mapping("WorkerFunction", "Units", "runo-units"));
    assert_eq!(simulated.settlements, mapping("SettleFunction", "Settle", "runo-settle"));
    let reserved = |id: &str| template.function(id).properties["ReservedConcurrentExecutions"]["Fn::If"][1].clone();
    assert_eq!(
        template.0["Parameters"]["ReserveConcurrency"]["Default"].as_str(),
        Some("true").filter(|_| simulated.reserve)
    );
    assert_eq!(number(&reserved("WorkerFunction")), simulated.units.concurrency);
    assert_eq!(number(&reserved("SettleFunction")), simulated.reserved_settle);
    assert_eq!(number(&reserved("NotifyFunction")), simulated.reserved_notify);
    let parameter = |name: &str| number(&template.0["Parameters"][name]["Default"]);
    assert_eq!(simulated.throttle_rate, parameter("ThrottleRate"));
    assert_eq!(simulated.throttle_burst, parameter("ThrottleBurst"));
    assert_eq!(simulated.fetch_concurrency, parameter("FetchConcurrency"));
}

#[test]
fn the_simulated_settings_are_the_engines() {
    let (settings, simulated) = (Settings::default(), Deployment::default());
    let from_settings = Deployment {
        fetch_concurrency: settings.fetch_concurrency,
        default_concurrency: settings.default_concurrency,
        queue_concurrency: settings.queue_concurrency,
        units_per_message: settings.units_per_message,
        lease_secs: settings.lease_secs,
        stall_secs: settings.stall_secs,
        sweep_secs: settings.sweep_secs,
        hold_secs: settings.hold_secs,
        deadline_secs: settings.deadline_secs,
        linger_ms: settings.linger_ms,
        detached_linger_ms: settings.detached_linger_ms,
        driver_faults: settings.driver_faults,
        timeout_ms: domain::job::Options::default().timeout_ms,
        ..simulated
    };
    assert_eq!(simulated, from_settings);
    assert_eq!((STEP_TRIES, STEP_WAIT), (settings.max_step_tries, settings.retry_base_ms * 1_000));
    let store = RetryPolicy::default();
    assert_eq!((STORE_TRIES, STORE_WAIT), (store.max_tries, store.base_ms * 1_000));
    assert_eq!(DUE_SHARDS, u64::from(store::keys::DUE_SHARDS));
    let thousands = |ms: u64| format!("{}_{:03}", ms / 1_000, ms % 1_000);
    for (file, text) in [
        (
            "store/src/client.rs",
            format!(".with_max_attempts({SDK_TRIES}).with_initial_backoff(Duration::from_millis({}))", SDK_WAIT / MS),
        ),
        ("engine/src/sweep.rs", format!("const MAX_DUE_PER_SHARD: i32 = {SWEEP_BATCH};")),
        ("engine/src/heartbeat.rs", format!("const INTERVAL: Duration = Duration::from_secs({HEARTBEAT_SECS});")),
        ("engine/src/accept.rs", format!("const MAX_TRIES: u32 = {ACCEPT_TRIES};")),
        ("store/src/accept.rs", format!("const MAX_INPUT_BYTES: usize = {} * 1024;", MAX_INPUT_BYTES / 1_024)),
        ("api/src/schedules.rs", format!("const SWEEP_MARGIN_MS: i64 = {};", thousands(SWEEP_MARGIN_MS))),
        ("api/src/calls.rs", format!("const INVOCATION_MARGIN_MS: i64 = {};", thousands(INVOCATION_MARGIN_MS))),
        ("runtime/src/assignment.rs", format!("NonZeroUsize::new({RECENT_JOBS}).unwrap()")),
    ] {
        let code = fs::read_to_string(format!("{}/../shared/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(code.contains(&text), "shared/{file} is simulated as {text}");
    }
}

/// The figures of the simulator's scenario that `budget::real_times` counts under this name.
pub fn alone(name: &str) -> Figures {
    let scenario = scenarios::alone().into_iter().find(|scenario| scenario.name == name);
    let scenario = scenario.unwrap_or_else(|| panic!("no scenario {name}"));
    simulator::simulate(scenario.deployment, scenario.load, 1)
}

#[test]
fn a_single_job_costs_what_was_counted() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/SCALING.md")).unwrap();
    let table = text.split("| At real times |").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut compared = 0;
    for scenario in scenarios::alone() {
        let row = table.lines().find(|line| line.contains(&format!("| {} |", scenario.name)));
        let row = row.unwrap_or_else(|| panic!("docs/SCALING.md has no row {}", scenario.name));
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (pages, counted): (u64, f64) = (cells[2].parse().unwrap(), cells[4].parse().unwrap());
        let figures = alone(scenario.name);
        let simulated = figures.writes_a_page();
        println!("{}: {simulated:.2} simulated, {counted} counted", scenario.name);
        assert_eq!(figures.units_done, pages);
        assert!((simulated / counted - 1.0).abs() <= TOLERANCE, "{}: {simulated} and {counted}", scenario.name);
        compared += 1;
    }
    assert_eq!(compared, 4);
}
