//! Measures the memory of a browser's processes, on systems that report it: Linux does.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// The memory of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) pid: u32,
    /// Resident bytes.
    pub(crate) bytes: u64,
    /// Whether it is a renderer process, which runs the scripts of pages.
    pub(crate) page: bool,
}

/// Returns a process and all its descendants.
pub(crate) fn tree(root: u32) -> Vec<Held> {
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        let Some(bytes) = resident(pid) else { continue };
        found.push(Held { pid, bytes, page: is_page(pid) });
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        open.extend(children.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    found
}

/// Returns the processes to kill: page processes that hold more than `a_page` bytes, or, if there are none and all
/// processes together hold more than `all`, the largest page process.
pub(crate) fn too_large(tree: &[Held], a_page: u64, all: u64) -> Vec<u32> {
    let pages = || tree.iter().filter(|held| held.page);
    let large: Vec<u32> = pages().filter(|held| held.bytes > a_page).map(|held| held.pid).collect();
    if !large.is_empty() || tree.iter().map(|held| held.bytes).sum::<u64>() <= all {
        return large;
    }
    pages().max_by_key(|held| held.bytes).map(|held| held.pid).into_iter().collect()
}

/// Kills a process of the browser.
pub(crate) fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn resident(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn is_page(pid: u32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|b| matches!(b, 0 | b' ')).any(|word| word == b"--type=renderer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_killed() {
        let held = |pid, mb: u64, page| Held { pid, bytes: mb << 20, page };
        let tree = [held(1, 900, false), held(2, 300, true), held(3, 700, true)];
        assert_eq!(too_large(&tree, 1 << 30, 4 << 30), [0; 0]);
        assert_eq!(too_large(&tree, 600 << 20, 1 << 30), [3]);
        assert_eq!(too_large(&tree, 1 << 30, 1 << 30), [3]);
        assert_eq!(too_large(&tree[..1], 1 << 20, 1 << 20), [0; 0]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_and_its_children_are_seen() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let seen = tree(std::process::id());
        // The kernel lists children under the thread that started them, which may not be the first thread.
        assert!(seen.iter().any(|held| held.pid == std::process::id() && held.bytes > 0));
        assert!(tree(child.id()).iter().all(|held| held.pid == child.id() && !held.page));
        kill(child.id());
        assert!(!child.wait().unwrap().success());
        assert_eq!(tree(child.id()), []);
    }
}
