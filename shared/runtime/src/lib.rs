//! What a process lends all its work: the clock, ids, settings and metrics; permits; rows with one retry policy; and the
//! jobs that it has read. It knows of no page and of no step in a job's life.

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
