//! Paths that documents show in code type: each one exists in the repository.

use std::fs;
use std::path::{Path, PathBuf};

use super::{files, prose, root};

/// The folders at the root whose paths are checked.
const FOLDERS: [&str; 9] = [".ci", ".github", "clients", "docs", "events", "functions", "fuzz", "shared", "tools"];

/// The paths from the root in the code type of a line. Commands have spaces, so they are no paths. A folder of tests is
/// checked too: `tests/suite`.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split('`').skip(1).step_by(2).filter(|code| !code.contains(' '));
    code.filter(|code| code.split_once('/').is_some_and(|(first, _)| first == "tests" || FOLDERS.contains(&first)))
}

/// Whether an entry's name matches a name with at most one `*`.
fn matches(name: &str, pattern: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return name == pattern };
    name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
}

/// Whether a path below a folder exists. Each name in it may have one `*`.
fn exists(folder: &Path, path: &str) -> bool {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    if first.is_empty() {
        return true;
    }
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| matches(name, first)))
        .map(|entry| entry.path())
        .collect();
    found.iter().any(|entry| exists(entry, rest))
}

#[test]
fn every_path_in_code_type_exists() {
    let (mut seen, mut missing) = (0, Vec::new());
    for (document, text) in files("", ".md") {
        for path in prose(&text).flat_map(paths) {
            seen += 1;
            if !exists(&root(), path) {
                missing.push(format!("{}: {path}", document.display()));
            }
        }
    }
    assert!(seen > 200, "the paths were found: {seen}");
    assert!(missing.is_empty(), "paths that do not exist: {missing:#?}");
}

#[test]
fn missing_paths_are_detected() {
    assert_eq!(
        paths("`tools/none.sh`, `cargo test` and `docs/*.md`").collect::<Vec<_>>(),
        ["tools/none.sh", "docs/*.md"]
    );
    for (path, there) in [
        ("tools/none.sh", false),
        ("docs/*.md", true),
        ("docs/*.none", false),
        ("shared/*/src", true),
        ("tests/suite/", true),
    ] {
        assert_eq!(exists(&root(), path), there, "{path}");
    }
}
