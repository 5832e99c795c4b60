//! `cargo run`: the whole of Runo in one process, until Ctrl-C.

use std::process::ExitCode;

/// How long what cannot be stopped (a parser at work) may go on after everything else has ended.
const LAST_WAIT: std::time::Duration = std::time::Duration::from_millis(200);

/// What glibc's allocator is told: to map what is large by itself, so that it goes back to the system when it is freed.
/// Left alone it raises the mark to what was freed last, keeps large bodies among small texts, and gives neither back: a
/// process that two accounts sent large pages kept 100 to 240 MB, and 40 with this.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const TUNABLES: &str = "glibc.malloc.mmap_threshold=262144:glibc.malloc.trim_threshold=1048576";

fn main() -> ExitCode {
    if let Some(code) = api::app::read_page_if_asked() {
        return code;
    }
    if std::env::args_os().nth(1).is_some_and(|argument| argument == local::health::ARGUMENT) {
        return local::health::main();
    }
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    tune_allocator();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(_) => return ExitCode::FAILURE,
    };
    let code = runtime.block_on(local::main());
    runtime.shutdown_timeout(LAST_WAIT);
    code
}

/// Begins anew, in the same process, with [`TUNABLES`]: they are read once, before `main`. An operator's own stay.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn tune_allocator() {
    use std::os::unix::process::CommandExt;
    const NAME: &str = "GLIBC_TUNABLES";
    let mut arguments = std::env::args_os();
    let (Some(name), None, Ok(program)) = (arguments.next(), api::config::process_env(NAME), std::env::current_exe())
    else {
        return;
    };
    // Comes back only where that failed: then it goes on as it is.
    let _ = std::process::Command::new(program).arg0(name).args(arguments).env(NAME, TUNABLES).exec();
}
