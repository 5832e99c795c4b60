//! A deployment under load, simulated event by event: jobs, their runners and messages within the
//! limits that AWS publishes.
//!
//! [`domain::machine`] and [`domain::machine::lane`], the code of production, make the decisions: every page that is
//! prepared, started and ended, every commit, every take-over, every lane's next message. What runners, workers, the
//! sweeper and the retries do around them is written here as in `engine`, `store` and `api`. Limits are in [`limits`],
//! each with its source; what AWS does not publish is in [`assumptions`]. A run is deterministic: the same seed gives
//! the same figures.
//!
//! Not simulated: crawls (their pace is their host's), DELETE, deadlines, webhooks, models, browsers, failures of AWS,
//! and the processor time of pages.

pub mod assumptions;
pub mod bucket;
pub mod deployment;
mod drive;
mod effects;
pub mod event_queue;
pub mod figures;
mod handler;
mod invocations;
mod keys;
pub mod lambda;
pub mod limits;
pub mod load;
pub mod prices;
pub mod queue;
pub mod random;
mod report;
pub mod retries;
mod rows;
mod runner;
pub mod scenarios;
mod slab;
mod steps;
mod sweeper;
pub mod tables;
mod tasks;
mod worker;
mod world;

pub use deployment::Deployment;
pub use figures::Figures;
pub use load::{CallKind, Load, PageDuration};

use world::World;

/// Maximum duration of a run, in simulated seconds: a day and an hour, after which every deadline has passed.
const MAX_SECS: u64 = 25 * 3_600;

/// Runs a load on a deployment.
pub fn simulate(deployment: Deployment, load: Load, seed: u64) -> Figures {
    World::new(deployment, load, seed).run(MAX_SECS)
}
