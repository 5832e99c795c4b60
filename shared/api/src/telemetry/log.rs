//! Sets up the log: its format and levels.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::env::{Env, process_env};

/// Targets that may log at any level: our crates and our own targets.
const OWN_TARGETS: [&str; 20] = [
    "admin",
    "api",
    "batch",
    "crawl",
    "domain",
    "engine",
    "extract",
    "extraction",
    "fetch",
    "jobs",
    "language_model",
    "local",
    "metrics",
    "notify",
    "render",
    "renderer",
    "request",
    "settle",
    "store",
    "worker",
];

/// Starts the log: one JSON line per event in a function, readable lines elsewhere. `RUST_LOG` sets the level, for all
/// (`debug`) or by module (`warn,engine=debug`). Whatever it sets, other crates log no more than `debug`, because their
/// `trace` lines contain query strings, headers and rows.
pub fn start_log(json: bool) {
    let asked = Env(&process_env).text("RUST_LOG").unwrap_or_else(|| "info".into());
    // Not an `EnvFilter`: its spans and regular expressions add half a megabyte to each function.
    let levels = asked.parse::<Targets>().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    // At `trace`, other crates log URLs, headers and rows.
    let own = OWN_TARGETS.iter().map(|target| (*target, LevelFilter::TRACE));
    let cap = Targets::new().with_default(LevelFilter::DEBUG).with_targets(own);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A second start (in tests) has no effect.
    let log = tracing_subscriber::registry().with(levels).with(cap);
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let _ = if json {
        log.with(lines.json()).try_init()
    } else {
        log.with(lines.with_target(false).with_ansi(ansi)).try_init()
    };
}
