//! Runo from outside and from inside: whole flows over HTTP, the store's contract, crashes at every call, the
//! dependency rule. Everything listens on and targets loopback only.

// Helpers outside of test functions fail a test by panicking too.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod architecture;
mod audit;
mod budget;
mod cache;
mod cancel;
mod captures;
mod clients;
mod command_line;
mod console;
mod contract;
mod crash;
mod crash_model;
mod crawl;
mod crawl_budget;
mod credits;
mod docs;
mod events;
mod explain;
mod flows;
mod held;
mod hosts;
mod idempotency;
mod isolation;
mod jobs;
mod killed;
mod lambda;
mod listeners;
mod mcp;
mod model;
mod model_batch;
mod openapi;
mod operator;
mod process;
mod queue;
mod queued;
mod real_times;
mod refusals;
mod renderer;
mod rendering;
mod request_headers;
mod retries;
mod rights;
mod rust_client;
mod schedules;
mod secrets;
mod simulator;
mod streaming;
mod support;
mod telemetry;
mod template;
mod variables;
mod vision;
mod webhooks;
