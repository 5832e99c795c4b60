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

use std::time::{Duration, Instant};

/// Waits until `done` returns true. Panics after two minutes and 2,400 tries: tries are counted, too, so that time in
/// which the process is suspended does not count.
pub async fn until<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    let (start, mut tries) = (Instant::now(), 0);
    while !done().await {
        tries += 1;
        assert!(tries < 2_400 || start.elapsed() < Duration::from_secs(120), "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
