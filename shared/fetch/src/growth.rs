//! Asks for room for bodies that grow large, and decides where the rest of a body is decoded. Knows no accounts: the
//! caller that requests the page knows whose it is.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

/// Maximum size in bytes of a body that needs no room, after content decoding.
pub const SMALL_BODY: usize = 512 * 1024;
/// Maximum size in bytes of a body that asks for room once.
pub const MEDIUM_BODY: usize = 3 * 1024 * 1024;

/// Grants room to bodies that grow.
pub trait Growth: Send + Sync {
    /// Waits until there is room for a body of up to `bytes`. Nothing more of the body is read meanwhile, so the site
    /// feels backpressure. Called with [`MEDIUM_BODY`] first and with the body's maximum size later, so that a body
    /// that waits for the second never holds what others need for the first.
    fn grow(&self, bytes: usize) -> BoxFuture<'_, ()>;

    /// Returns whether the requesting task leaves decoding to [`Growth::spawn`] from here on. Called before every 128
    /// KB of the first [`SMALL_BODY`] bytes; the rest is always decoded there.
    fn decodes_apart(&self) -> bool;

    /// Spawns work where it does not delay tasks that wait for the network.
    fn spawn(&self, work: BoxFuture<'static, ()>) -> JoinHandle<()>;
}

/// A shared handle that grants room.
pub type Room = Arc<dyn Growth>;
