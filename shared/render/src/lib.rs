//! Pages that show nothing without JavaScript, read by a real Chromium. A page is a stranger's program, so it gets a box:
//! one way out, which is a proxy of ours behind the guard of [`fetch`]; a browser context of its own, disposed of with all
//! that it kept; bounds on time, bytes, requests and memory.
//!
//! It knows nothing of jobs, rows or schemas. It is the only crate that knows the DevTools protocol, of which it speaks a
//! few dozen commands itself: a generated client of the whole protocol takes minutes to compile.

pub mod find;

mod ask;
mod browser;
mod cdp;
mod config;
mod context;
mod error;
mod parcel;
mod pool;
mod proxy;
mod ready;
mod renderer;
mod screen;
mod snapshot;
mod visit;

pub use ask::{Capture, Documents, Fields, Rendered, Request, WaitFor};
pub use config::{Limits, RenderConfig, Sandbox};
pub use error::RenderError;
pub use parcel::{Answer, MOST_BYTES};
pub use renderer::{Render, Renderer};
