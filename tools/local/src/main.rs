//! `cargo run`: the whole of Runo in one process, until Ctrl-C.

use std::process::ExitCode;

/// How long what cannot be stopped (a parser at work) may go on after everything else has ended.
const LAST_WAIT: std::time::Duration = std::time::Duration::from_millis(200);

fn main() -> ExitCode {
    if let Some(code) = api::app::read_page_if_asked() {
        return code;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(_) => return ExitCode::FAILURE,
    };
    let code = runtime.block_on(local::main());
    runtime.shutdown_timeout(LAST_WAIT);
    code
}
