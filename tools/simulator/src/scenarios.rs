//! The scenarios of docs/SCALING.md.

use crate::assumptions::Latencies;
use crate::deployment::{Deployment, MappingSpec};
use crate::load::{CallKind, Load, PageDuration};

/// A load on a deployment.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// The deployment.
    pub deployment: Deployment,
    /// The load.
    pub load: Load,
}

/// Jobs alone, with the store in the same process, as `tests/suite/budget/real_times.rs` counts.
pub fn alone() -> Vec<Scenario> {
    let deployment = Deployment { latencies: Latencies::LOCAL, ..Deployment::default().unthrottled() };
    let load = Load { url_bytes: 36, page_duration: PageDuration::HALF_A_SECOND, ..Load::default() };
    let one = |name, load| Scenario { name, deployment, load };
    vec![
        one("batch in a handler, 8 at once", Load { units: 160, concurrency: Some(8), ..load }),
        one("batch in a handler, 32 at once", Load { units: 480, concurrency: Some(32), ..load }),
        one(
            "detached batch, run by workers",
            Load { units: 128, concurrency: Some(32), call_kind: CallKind::Detached, ..load },
        ),
        one("extract, without its cache row", Load { units: 1, call_kind: CallKind::Extract, ..load }),
    ]
}

/// A million URLs by each kind of call, as in the cost table.
pub fn million() -> Vec<Scenario> {
    // Warm tables, so that cost is measured and not saturation.
    let deployment = Deployment { warm: 40_000, ..Deployment::default() };
    let load = Load { accounts: 100, jobs: 10, units: 1_000, at_once: Some(1), over_secs: 60, ..Load::default() };
    let alike = PageDuration::HALF_A_SECOND;
    let one = |name, load| Scenario { name, deployment, load };
    let held = Load { concurrency: Some(8), ..load };
    let detached = Load { call_kind: CallKind::Detached, at_once: None, over_secs: 600, ..load };
    vec![
        one("1,000 sync batches of 1,000, 8 at once, pages of 0.5 s each", Load { page_duration: alike, ..held }),
        one("the same, pages of 0.5 s on average", held),
        one(
            "1,000 sync batches of 1,000, 32 at once, 0.5 s each",
            Load { concurrency: Some(32), page_duration: alike, ..load },
        ),
        one("the same, 0.5 s on average", Load { concurrency: Some(32), ..load }),
        one("1,000 async batches of 1,000, detached, 0.5 s each", Load { page_duration: alike, ..detached }),
        one("the same, 0.5 s on average", detached),
        Scenario {
            name: "100,000 extracts over an hour, 0.5 s on average",
            deployment,
            load: Load {
                accounts: 100,
                jobs: 1_000,
                units: 1,
                call_kind: CallKind::Extract,
                over_secs: 3_600,
                ..Load::default()
            },
        },
    ]
}

/// Ten million URLs of a thousand accounts, and a million at once on warm tables.
pub fn ten_million() -> Vec<Scenario> {
    let deployment = Deployment::default();
    let load = Load { accounts: 1_000, jobs: 10, units: 1_000, over_secs: 600, ..Load::default() };
    let detached = Load { call_kind: CallKind::Detached, ..load };
    let workers =
        |concurrency, warm| Deployment { units: MappingSpec { concurrency, ..deployment.units }, warm, ..deployment };
    let held = Load { concurrency: Some(8), at_once: Some(1), over_secs: 60, ..load };
    let minute = Load { jobs: 1, over_secs: 60, ..load };
    vec![
        Scenario { name: "detached, the template as it is", deployment, load: detached },
        Scenario { name: "detached, `WorkerConcurrency` 400, new tables", deployment: workers(400, 0), load: detached },
        Scenario { name: "held, one job per account at a time, new tables", deployment, load: held },
        Scenario {
            name: "one job per account (1 M), detached, `WorkerConcurrency` 400, warm tables",
            deployment: workers(400, 40_000),
            load: Load { call_kind: CallKind::Detached, ..minute },
        },
        Scenario {
            name: "one job per account (1 M), held, warm tables",
            deployment: Deployment { warm: 40_000, ..deployment },
            load: Load { jobs: 1, ..held },
        },
    ]
}

/// One account that makes `a_second` extracts per second. Its month's row is part of every transaction.
pub fn hot_account(a_second: u32) -> Scenario {
    let deployment = Deployment { warm: 20_000, ..Deployment::default().unthrottled() };
    let load = Load { jobs: 20 * a_second, units: 1, call_kind: CallKind::Extract, over_secs: 20, ..Load::default() };
    let load = Load { per_minute: u64::MAX, ..load };
    Scenario { name: "one account's extracts", deployment, load }
}
