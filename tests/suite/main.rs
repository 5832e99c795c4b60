//! System tests: whole calls over HTTP, the store's contract, a fault at every call, the dependency rule. Every
//! listener and every target is on loopback.

// Helpers outside of test functions also fail a test by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod admin;
mod architecture;
mod async_mode;
mod audit;
mod batch;
mod budget;
mod cancel;
mod captures;
mod command_line;
mod console;
mod crash;
mod crawl;
mod credits;
mod deadline;
mod docs;
mod explain;
mod extract;
mod held_calls;
mod hosts;
mod http_requests;
mod iam;
mod idempotency;
mod isolation;
mod jobs;
mod keys;
mod lambda;
mod lambda_events;
mod language_model;
mod listeners;
mod local_server;
mod mcp;
mod openapi;
mod ownership;
mod provider_batch;
mod random_schedules;
mod reader_process;
mod refusals;
mod render_function;
mod rendering;
mod request_headers;
mod result_cache;
mod retries;
mod rust_client;
mod secrets;
mod server_killed;
mod simulator;
mod sqs;
mod store_contract;
mod streaming;
mod support;
mod sweep;
mod telemetry;
mod template;
mod usage;
mod versions;
mod vision;
mod webhooks;
