//! Keys of the values in slabs. Their types do not name the values' types, so that values can hold each other's keys.

use crate::rows::JobKey;
use crate::slab::Key;

/// Key of an execution environment.
pub type ProcessKey = Key<ProcessTag>;
/// Key of an invocation.
pub type InvocationKey = Key<InvocationTag>;
/// Key of a task.
pub type TaskKey = Key<TaskTag>;
/// Key of a runner.
pub type RunnerKey = Key<RunnerTag>;

/// The type of [`ProcessKey`].
#[derive(Debug)]
pub enum ProcessTag {}
/// The type of [`InvocationKey`].
#[derive(Debug)]
pub enum InvocationTag {}
/// The type of [`TaskKey`].
#[derive(Debug)]
pub enum TaskTag {}
/// The type of [`RunnerKey`].
#[derive(Debug)]
pub enum RunnerTag {}

/// A job, and where its rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobRef {
    /// The job's key; refers to nothing before it is accepted.
    pub key: JobKey,
    /// The hash of its partition key.
    pub collection: u64,
    /// The account.
    pub account: u32,
}
