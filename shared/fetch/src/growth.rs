//! Where a body that becomes large asks for room, and where the rest of it is decoded. Knows no account: whoever asks for
//! the page says who waits.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::request::BoxFuture;

/// Most bytes of a body that asks for nothing, after content decoding.
pub const SMALL_BODY: usize = 512 * 1024;
/// Most bytes of a body that asks for room once.
pub const MEDIUM_BODY: usize = 3 * 1024 * 1024;

/// Gives room to bodies that grow.
pub trait Growth: Send + Sync {
    /// Comes back once there is room for a body of up to `bytes`. While it does not, nothing more of the body is read,
    /// and the site is held up. Asked for [`MEDIUM_BODY`] first and for the most that a body may have then, so that
    /// who waits for the second never has what others need for the first.
    fn grow(&self, bytes: usize) -> BoxFuture<'_, ()>;

    /// Whether the task that asks for the page leaves decoding to [`Growth::spawn`] from here on. Asked before every
    /// 128 KB of the first [`SMALL_BODY`] bytes; what comes after those is always left to it.
    fn decodes_apart(&self) -> bool;

    /// Starts work where it holds up nobody who waits for the network.
    fn spawn(&self, work: BoxFuture<'static, ()>) -> JoinHandle<()>;
}

/// Gives room.
pub type Room = Arc<dyn Growth>;
