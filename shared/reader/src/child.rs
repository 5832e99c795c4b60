//! The child process: reads one page and exits. The program becomes one when it is started with [`ARGUMENT`]. The child
//! has no network, no environment and no rights except to read its input. It limits its own resources before it reads
//! the page.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use extraction::budget::Budget;

use crate::protocol::{Limits, ReadRequest};

/// How many steps of `nice` its priority is lowered: beside a busy process it gets a quarter of a processor. There is
/// one such process at a time, and it must start and read a page within the unit's time on a busy machine too.
const NICE_STEPS: i32 = 5;

/// The argument that makes the program read a page.
pub const ARGUMENT: &str = "--read-page";

/// Reads a page from standard input and writes the reading to standard output.
///
/// # Errors
/// The input is malformed, or the output cannot be written.
pub fn serve() -> io::Result<()> {
    end_with_parent()?;
    permits::lower_thread_priority(NICE_STEPS);
    let mut input = io::stdin().lock();
    let request = ReadRequest::read(&mut input)?;
    limit(request.limits)?;
    let mut body = Vec::new();
    input.read_to_end(&mut body)?;
    let end = Instant::now() + Duration::from_millis(request.ms);
    let is_over = || Instant::now() >= end;
    let reading = request.task.read(&body, &Budget::with_deadline(&is_over));
    let mut output = io::stdout().lock();
    reading.write(&mut output)?;
    output.flush()
}

/// A child whose parent was killed is useless.
#[cfg(target_os = "linux")]
fn end_with_parent() -> io::Result<()> {
    use rustix::process::{Signal, set_parent_process_death_signal};
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// On other systems the limit on processor time ends the child.
#[cfg(not(target_os = "linux"))]
fn end_with_parent() -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn limit(limits: Limits) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let both = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::As, both(limits.memory))?;
    setrlimit(Resource::Cpu, both(limits.cpu_secs))?;
    Ok(setrlimit(Resource::Core, both(0))?)
}

#[cfg(not(unix))]
fn limit(_: Limits) -> io::Result<()> {
    Ok(())
}
