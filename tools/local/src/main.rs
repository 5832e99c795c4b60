//! `cargo run`: the whole of Runo in one process, until Ctrl-C.

use std::process::ExitCode;

/// How long work that cannot be stopped (a running parser) may continue after everything else has ended.
const SHUTDOWN_TIMEOUT: std::time::Duration = std::time::Duration::from_millis(200);

/// Settings of glibc's allocator: large allocations are mapped separately, so that they return to the system when
/// freed. By default it raises the threshold to the size last freed, mixes large bodies with small texts, and returns
/// neither: a process that received large pages of two accounts kept 100 to 240 MB, and 40 MB with this.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const TUNABLES: &str = "glibc.malloc.mmap_threshold=262144:glibc.malloc.trim_threshold=1048576";

/// The image's programs are linked with musl, whose allocator has one lock for all threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[allow(clippy::print_stderr)] // there is no log yet
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
        Err(error) => {
            eprintln!("the server could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(local::main());
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    code
}

/// Executes this program again in the same process with [`TUNABLES`], which are read only once, before `main`. Does
/// nothing if the operator has set `GLIBC_TUNABLES`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn tune_allocator() {
    use std::os::unix::process::CommandExt;
    const NAME: &str = "GLIBC_TUNABLES";
    let mut arguments = std::env::args_os();
    let (Some(name), None, Ok(program)) = (arguments.next(), api::env::process_env(NAME), std::env::current_exe())
    else {
        return;
    };
    // Returns only on failure; the program then continues without them.
    let _ = std::process::Command::new(program).arg0(name).args(arguments).env(NAME, TUNABLES).exec();
}
