//! Sets up the log: its format and levels.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::env::{Env, process_env};

/// Starts the log: one JSON line per event in a function, readable lines elsewhere. `RUST_LOG` sets the level, for all
/// (`debug`) or by module (`warn,engine=debug`). Whatever it sets, `trace` lines are not logged: those of other crates
/// contain URLs, headers and rows, and our crates have none.
pub fn start_log(json: bool) {
    let asked = Env(&process_env).text("RUST_LOG").unwrap_or_else(|| "info".into());
    // Not an `EnvFilter`: its spans and regular expressions add half a megabyte to each function.
    let levels = asked.parse::<Targets>().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let cap = Targets::new().with_default(LevelFilter::DEBUG);
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
