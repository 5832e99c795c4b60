//! The resources that a large body takes: memory, and a task that decodes it. Knows no accounts: the caller of the
//! fetcher knows whose page it is.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

/// Maximum size in bytes of a body that needs no permit for its memory, after content decoding.
pub const SMALL_BODY: usize = 512 * 1024;
/// Maximum size in bytes of a body that needs one permit; a larger one needs two.
pub const MEDIUM_BODY: usize = 3 * 1024 * 1024;

/// Grants resources to bodies that grow large.
pub trait BodyResources: Send + Sync {
    /// Waits until there is memory for a body of up to `bytes`. Nothing more of the body is read meanwhile, so the site
    /// gets backpressure. The reader calls it with [`SMALL_BODY`], [`MEDIUM_BODY`] and the maximum size of a body in
    /// turn, so all bodies acquire memory in the same order.
    fn acquire_memory(&self, bytes: usize) -> BoxFuture<'_, ()>;

    /// Returns whether a task of [`BodyResources::spawn`] is to decode the rest of the body. Called before every 128 KB
    /// of the first [`SMALL_BODY`] bytes; such a task always decodes the bytes after them.
    fn offloads_decoding(&self) -> bool;

    /// Spawns work where it does not delay tasks that wait for the network.
    fn spawn(&self, work: BoxFuture<'static, ()>) -> JoinHandle<()>;
}

/// A shared handle to the resources.
pub type SharedBodyResources = Arc<dyn BodyResources>;
