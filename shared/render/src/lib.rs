//! Renders pages that show nothing without JavaScript in a real Chromium. A page is an untrusted program, so it is
//! confined: its only way out is a proxy of ours behind the guard of [`fetch`]; it has its own browser context, which
//! is disposed of with everything the page stored; and its time, bytes, requests and memory are limited.
//!
//! Knows nothing of jobs, rows or schemas. It is the only crate that knows the DevTools protocol. It implements the few
//! dozen commands it needs itself, because a generated client of the whole protocol takes minutes to compile.

pub mod find;

mod answer;
mod browser;
mod cdp;
mod config;
mod context;
mod error;
mod pool;
mod proxy;
mod readiness;
mod renderer;
mod request;
mod request_filter;
mod snapshot;
mod visit;

pub use answer::{Answer, MAX_ANSWER_BYTES};
pub use config::{Limits, RenderConfig, Sandbox};
pub use error::RenderError;
pub use renderer::{Render, Renderer};
pub use request::{Capture, Documents, Fields, Rendered, Request, WaitFor};
