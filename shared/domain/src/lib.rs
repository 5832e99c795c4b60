//! The rules of Runo as data and pure functions: what a job is, how its units are started, ended and skipped, how
//! credits are reserved, charged and refunded, and which invariants hold over all rows at any time.
//!
//! This crate does no I/O: no clock, no randomness, no environment, no AWS, no HTTP. Time and nonces are arguments.

pub mod cache;
pub mod canonical;
pub mod credits;
pub mod digest;
pub mod error;
pub mod explained;
pub mod frontier;
pub mod glob;
pub mod ids;
pub mod invariants;
pub mod job;
pub mod lanes;
pub mod machine;
pub mod media;
pub mod model_batch;
pub mod nearest;
pub mod outcome;
pub mod pace;
pub mod plan;
pub mod progress;
pub mod request_headers;
pub mod result_size;
pub mod retry;
pub mod schema;
pub mod segment;
pub mod sweep;
pub mod synthetic;
pub mod time;
pub mod webhook;

pub use cache::{CacheKey, Cached};
pub use canonical::{CanonicalUrl, PageKey};
pub use credits::{Charge, Reservation, SplitError};
pub use error::{ErrorCode, UnitError};
pub use glob::{Glob, GlobError};
pub use ids::{AccountId, JobId, Nonce, Seq};
pub use job::{Endpoint, Job, JobSpec, JobState, Outcome};
pub use media::Media;
pub use outcome::{Captured, RenderMode, UnitOutcome};
pub use plan::Plan;
pub use schema::{Field, FieldType, Schema};
pub use time::{Month, Timestamp};
