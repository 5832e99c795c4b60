//! Finds the machine's browser.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Names of Chromium executables on the path.
const EXECUTABLES: [&str; 8] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "chromium-headless-shell",
    "microsoft-edge",
    "brave-browser",
];

/// Locations on macOS, where browsers are not on the path.
const MACOS_EXECUTABLES: [&str; 3] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
];

/// Launchers of Debian and its relatives, and the executables that they finally start. The launchers add the machine's
/// flags and extensions first.
const LAUNCHER_TARGETS: [(&str, &str); 3] = [
    ("/usr/bin/chromium", "/usr/lib/chromium/chromium"),
    ("/usr/bin/chromium-browser", "/usr/lib/chromium-browser/chromium-browser"),
    ("/usr/bin/chromium-headless-shell", "/usr/lib/chromium/headless_shell"),
];

/// Returns the browser to use: the one that the operator names, or the first on the path. Returns `None` if the
/// operator says `off`, and on Windows, because the browser is controlled over a pipe.
pub fn find(named: Option<&str>, path: Option<&OsStr>) -> Option<PathBuf> {
    if !cfg!(unix) {
        return None;
    }
    let exists = |path: &PathBuf| path.is_file();
    match named {
        Some("off") => None,
        Some(name) if !name.is_empty() => Some(PathBuf::from(name)).filter(exists),
        _ => {
            let folders: Vec<PathBuf> = path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
            let on_path = EXECUTABLES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
            on_path.chain(MACOS_EXECUTABLES.iter().map(PathBuf::from)).find(exists).map(launcher_target)
        }
    }
}

/// Returns the executable that a launcher starts.
fn launcher_target(launcher: PathBuf) -> PathBuf {
    let program =
        LAUNCHER_TARGETS.iter().find(|(from, _)| launcher == Path::new(from)).map(|(_, to)| PathBuf::from(to));
    program.filter(|program| program.is_file()).unwrap_or(launcher)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_is_the_named_one_or_the_first_on_the_path() {
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
