//! Where a machine has its browser.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Names by which a Chromium is on the path.
const NAMES: [&str; 8] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "chromium-headless-shell",
    "microsoft-edge",
    "brave-browser",
];

/// Where it is on a Mac, where nothing of it is on the path.
const MAC: [&str; 3] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
];

/// What Debian's and its relatives' launchers start in the end. They add flags and extensions of the machine's first.
const BEHIND: [(&str, &str); 3] = [
    ("/usr/bin/chromium", "/usr/lib/chromium/chromium"),
    ("/usr/bin/chromium-browser", "/usr/lib/chromium-browser/chromium-browser"),
    ("/usr/bin/chromium-headless-shell", "/usr/lib/chromium/headless_shell"),
];

/// The browser to use: the one that the operator names, or the first on the path. None where the operator says `off`.
/// Reached by pipe, so that there is none on Windows.
pub fn find(named: Option<&str>, path: Option<&OsStr>) -> Option<PathBuf> {
    if !cfg!(unix) {
        return None;
    }
    let there = |path: &PathBuf| path.is_file();
    match named {
        Some("off") => None,
        Some(name) if !name.is_empty() => Some(PathBuf::from(name)).filter(there),
        _ => {
            let folders: Vec<PathBuf> = path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
            let on_path = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
            on_path.chain(MAC.iter().map(PathBuf::from)).find(there).map(behind)
        }
    }
}

/// The program behind a launcher.
fn behind(launcher: PathBuf) -> PathBuf {
    let program = BEHIND.iter().find(|(from, _)| launcher == Path::new(from)).map(|(_, to)| PathBuf::from(to));
    program.filter(|program| program.is_file()).unwrap_or(launcher)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_on_the_path_is_it() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = std::env::join_paths([a.path(), b.path()]).unwrap();
        std::fs::write(a.path().join("google-chrome"), "").unwrap();
        std::fs::write(b.path().join("chromium"), "").unwrap();
        assert_eq!(find(None, Some(&path)), Some(b.path().join("chromium")));
        assert_eq!(find(Some("off"), Some(&path)), None);
        let named = a.path().join("google-chrome");
        assert_eq!(find(named.to_str(), Some(&path)), Some(named));
        assert_eq!(find(Some("/nowhere/chromium"), Some(&path)), None);
    }
}
