//! Starts child processes, waits for them, and reads the costs of their process trees from Linux's /proc. Does not know
//! what the processes do.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tokio::sync::mpsc;

use crate::Fault;

/// Time that a process has to end after it was asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval at which a running process is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Proxy variables, which are removed: everything is on loopback.
const PROXIES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// Resources that a process tree has used.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// User and system time in seconds, of running processes and of ended ones that were waited for.
    pub(crate) cpu_s: f64,
    /// Resident size now, in MB (10^6 bytes).
    pub(crate) rss_mb: f64,
    /// Sum of each process's peak resident size, in MB.
    pub(crate) peak_mb: f64,
}

/// One line of /proc/PID/stat (proc_pid_stat(5)): the parent, whether the process has ended, and its clock ticks,
/// including those of children it waited for.
#[derive(Debug, PartialEq)]
struct Stat {
    parent: u32,
    ended: bool,
    ticks: u64,
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name is in parentheses and may contain any character, even parentheses.
    let rest: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |at: usize| rest.get(at)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        ended: matches!(*rest.first()?, "Z" | "X"),
        ticks: number(11)? + number(12)? + number(13)? + number(14)?,
    })
}

/// Returns the number of kilobytes in the line of /proc/PID/status for `key`.
fn parse_kb(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Checks whether costs can be read on this system.
///
/// # Errors
/// There is no /proc.
pub(crate) fn check_platform() -> Result<(), Fault> {
    if Path::new("/proc/self/stat").exists() {
        return Ok(());
    }
    Err("CPU time and memory are read from /proc, which this system does not have; measure on Linux".into())
}

fn stats() -> BTreeMap<u32, Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    let of = |pid: u32| Some((pid, parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?));
    entries.flatten().filter_map(|e| of(e.file_name().to_str()?.parse().ok()?)).collect()
}

/// Returns `root` and all its descendants.
fn tree(all: &BTreeMap<u32, Stat>, root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(all.iter().filter(|(_, s)| s.parent == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found
}

fn usage(root: u32) -> Usage {
    let all = stats();
    let mut sum = Usage::default();
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    for pid in tree(&all, root) {
        sum.cpu_s += all.get(&pid).map_or(0.0, |s| s.ticks as f64) / per_second;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        sum.rss_mb += parse_kb(&status, "VmRSS").unwrap_or(0.0) * 1024.0 / 1e6;
        sum.peak_mb += parse_kb(&status, "VmHWM").unwrap_or(0.0) * 1024.0 / 1e6;
    }
    sum
}

/// A child process. When dropped, it is asked to end, then killed.
pub(crate) struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<String>,
    peak_mb: f64,
}

impl Process {
    /// Starts the process. Its standard input stays open until [`Process::finish`] or the end of this process.
    ///
    /// # Errors
    /// The process cannot be started.
    pub(crate) fn start(name: &str, mut command: Command) -> Result<Process, Fault> {
        for proxy in PROXIES {
            command.env_remove(proxy);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{name}: {} cannot be started: {e}", command.get_program().display()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (send, lines) = mpsc::unbounded_channel();
        if let Some(output) = output {
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
        }
        Ok(Process { name: name.to_owned(), child, input, lines, peak_mb: 0.0 })
    }

    /// Waits for a line that begins with `prefix` and returns the rest of it.
    ///
    /// # Errors
    /// The process prints no such line in time, or ends.
    pub(crate) async fn line(&mut self, prefix: &str, timeout: Duration) -> Result<String, Fault> {
        let wait = async {
            while let Some(line) = self.lines.recv().await {
                if let Some(rest) = line.strip_prefix(prefix) {
                    return Ok(rest.to_owned());
                }
            }
            Err(format!("{} ended without printing \"{prefix}\"", self.name).into())
        };
        match tokio::time::timeout(timeout, wait).await {
            Ok(found) => found,
            Err(_) => Err(format!("{} did not print \"{prefix}\" within {timeout:?}", self.name).into()),
        }
    }

    /// Returns what the process and its descendants have used so far.
    pub(crate) fn usage(&self) -> Usage {
        usage(self.child.id())
    }

    /// Waits until the process ends by itself. Returns what it used in all, and whether it succeeded.
    ///
    /// # Errors
    /// The process does not end in time.
    pub(crate) async fn finish(mut self, timeout: Duration) -> Result<(Usage, bool), Fault> {
        drop(self.input.take());
        let start = Instant::now();
        while start.elapsed() < timeout {
            let now = self.usage();
            self.peak_mb = self.peak_mb.max(now.peak_mb);
            // The process stays in /proc, with its times, until it is waited for.
            if stats().get(&self.child.id()).is_none_or(|s| s.ended) {
                let last = self.usage();
                let success = self.child.wait()?.success();
                return Ok((Usage { peak_mb: self.peak_mb, ..last }, success));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Err(format!("{} did not end within {timeout:?}", self.name).into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        if matches!(self.child.try_wait(), Ok(None)) {
            if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, Signal::TERM);
            }
            let start = Instant::now();
            while start.elapsed() < STOP_TIMEOUT && matches!(self.child.try_wait(), Ok(None)) {
                thread::sleep(POLL_INTERVAL);
            }
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Prints a line to the parent process.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn write_line(line: &str) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Waits until the parent process closes our input or is gone.
pub(crate) fn input_ended() {
    let mut rest = Vec::new();
    let _ = std::io::stdin().lock().read_to_end(&mut rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name_is() {
        let line = "4242 (a) b (c)) S 17 4242 4242 0 -1 4194560 900 50 0 0 123 45 6 7 20 0 3 0 100 1000 200";
        assert_eq!(parse_stat(line), Some(Stat { parent: 17, ended: false, ticks: 123 + 45 + 6 + 7 }));
        assert!(parse_stat(&line.replace(") S ", ") Z ")).unwrap().ended);
        assert_eq!(parse_stat("4242 (short) S 17"), None);
    }

    #[test]
    fn a_status_gives_kilobytes() {
        let status = "Name:\tlocal\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\n";
        assert_eq!((parse_kb(status, "VmHWM"), parse_kb(status, "VmRSS")), (Some(2048.0), Some(1024.0)));
        assert_eq!(parse_kb(status, "Vm"), None);
    }

    #[test]
    fn a_tree_has_all_descendants_and_no_other_process() {
        let of = |parent| Stat { parent, ended: false, ticks: 0 };
        let all = BTreeMap::from([(1, of(0)), (5, of(1)), (6, of(5)), (7, of(6)), (8, of(1))]);
        assert_eq!(tree(&all, 5), [5, 6, 7]);
    }
}
