//! Measures the memory of a browser's processes, on systems that report it: Linux does.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// The memory of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessMemory {
    pub(crate) pid: u32,
    /// Resident bytes.
    pub(crate) bytes: u64,
    /// Whether it is a page process (a renderer in Chromium's terms), which runs the scripts of pages.
    pub(crate) is_page: bool,
}

/// Returns a process and all its descendants.
pub(crate) fn process_tree(root: u32) -> Vec<ProcessMemory> {
    let mut found = Vec::new();
    let mut pending = vec![root];
    while let Some(pid) = pending.pop() {
        let Some(bytes) = resident_bytes(pid) else { continue };
        found.push(ProcessMemory { pid, bytes, is_page: is_page_process(pid) });
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        pending.extend(children.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    found
}

/// Returns the processes to kill: page processes that hold more than `max_page` bytes, or, if there are none and all
/// processes together hold more than `max_total`, the largest page process.
pub(crate) fn processes_to_kill(tree: &[ProcessMemory], max_page: u64, max_total: u64) -> Vec<u32> {
    let pages = || tree.iter().filter(|process| process.is_page);
    let large: Vec<u32> = pages().filter(|process| process.bytes > max_page).map(|process| process.pid).collect();
    if !large.is_empty() || tree.iter().map(|process| process.bytes).sum::<u64>() <= max_total {
        return large;
    }
    pages().max_by_key(|process| process.bytes).map(|process| process.pid).into_iter().collect()
}

/// Kills a process of the browser.
pub(crate) fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn resident_bytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn is_page_process(pid: u32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|b| matches!(b, 0 | b' ')).any(|word| word == b"--type=renderer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_killed() {
        let process = |pid, mb: u64, is_page| ProcessMemory { pid, bytes: mb << 20, is_page };
        let tree = [process(1, 900, false), process(2, 300, true), process(3, 700, true)];
        assert_eq!(processes_to_kill(&tree, 1 << 30, 4 << 30), [0; 0]);
        assert_eq!(processes_to_kill(&tree, 600 << 20, 1 << 30), [3]);
        assert_eq!(processes_to_kill(&tree, 1 << 30, 1 << 30), [3]);
        assert_eq!(processes_to_kill(&tree[..1], 1 << 20, 1 << 20), [0; 0]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_and_its_children_are_seen() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let seen = process_tree(std::process::id());
        // The kernel lists children under the thread that started them, which may not be the first thread.
        assert!(seen.iter().any(|process| process.pid == std::process::id() && process.bytes > 0));
        let own = process_tree(child.id());
        assert!(!own.is_empty() && own.iter().all(|process| process.pid == child.id() && !process.is_page), "{own:?}");
        kill(child.id());
        assert!(!child.wait().unwrap().success());
        assert_eq!(process_tree(child.id()), []);
    }
}
