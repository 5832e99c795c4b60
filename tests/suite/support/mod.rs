//! Test support: scripted sites and servers, a stack, an HTTP client, injected faults, the real binaries.

pub mod binaries;
pub mod calls;
pub mod clocks;
pub mod cloud;
pub mod failures;
pub mod faults;
pub mod generated;
pub mod lambda_stub;
pub mod loopback;
pub mod model;
pub mod ports;
pub mod provider;
pub mod proxy;
pub mod raw;
pub mod receiver;
pub mod recorder;
pub mod rows;
pub mod runtime_api;
pub mod scripted;
pub mod server;
pub mod site;
pub mod sqs_event;
pub mod stack;
pub mod template;
pub mod test_bed;
pub mod test_queue;
pub mod units;

use std::time::Duration;

/// Waits until `done` returns true. Panics after 24,000 tries, which are two minutes or more: a process that the system
/// suspends does not lose tries.
pub async fn until<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    for _ in 0..24_000 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("timed out: {what}");
}
