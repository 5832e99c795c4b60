//! What a process provides to all its work: clock, ids, settings and metrics; permits; rows with one retry policy; and
//! a cache of jobs. It knows nothing of pages, nor of the steps in a job's life.

pub mod assignment;
pub mod clock;
pub mod context;
pub mod metrics;
pub mod rows;
pub mod semaphores;
pub mod settings;

pub use assignment::{Assignment, JobReader};
pub use context::Context;
pub use rows::Rows;
pub use semaphores::Semaphores;
pub use settings::Settings;
