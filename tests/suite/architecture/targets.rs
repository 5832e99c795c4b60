//! Targets whose manifest says that they have no tests, so that no test program is built for them. A test there would
//! never run, and nothing would report that.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{packages, sources};

/// The source files of a library or program, with their text.
fn files(target: &Value) -> Vec<(PathBuf, String)> {
    let file = Path::new(target["src_path"].as_str().unwrap());
    let folder = file.parent().unwrap();
    let mut files = Vec::new();
    sources(folder, &mut files);
    let is_library = file.ends_with("src/lib.rs");
    let is_program = |path: &Path| path == folder.join("main.rs") || path.starts_with(folder.join("bin"));
    files.retain(|(path, _)| if is_library { !is_program(path) } else { path == file });
    files
}

fn has_test(text: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
}

/// Whether a doc comment has a block of code that rustdoc would run.
fn has_doc_test(text: &str) -> bool {
    let mut in_block = false;
    text.lines().map(str::trim_start).any(|line| {
        let comment = line.strip_prefix("///").or(line.strip_prefix("//!"));
        let Some(language) = comment.and_then(|text| text.trim_start().strip_prefix("```")) else { return false };
        in_block = !in_block;
        in_block && ["", "rust", "no_run", "should_panic"].iter().any(|runs| *runs == language.trim())
    })
}

#[test]
fn targets_without_a_test_program_have_no_tests() {
    let (mut untested, mut faults) = (0, Vec::new());
    for package in packages() {
        for target in package["targets"].as_array().unwrap() {
            let kind = target["kind"][0].as_str().unwrap();
            if !["lib", "bin"].contains(&kind) {
                continue;
            }
            untested += usize::from(target["test"] == false);
            for (path, text) in files(target) {
                if target["test"] == false && has_test(&text) {
                    faults.push(format!("{}: has a test; remove `test = false` from its manifest", path.display()));
                }
                if kind == "lib" && target["doctest"] == false && has_doc_test(&text) {
                    faults.push(format!(
                        "{}: has a doc test; remove `doctest = false` from its manifest",
                        path.display()
                    ));
                }
            }
        }
    }
    assert!(untested > 20, "the targets were found: {untested}");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn tests_in_a_source_are_detected() {
    assert!(has_test("mod tests {\n    #[tokio::test(start_paused = true)]\n    async fn one() {}\n}\n"));
    assert!(!has_test("/// Says `#[test]`.\nfn one() {}\n"));
    assert!(has_doc_test("//! ```text\n//! a\n//! ```\n//! ```\n//! one();\n//! ```\n"));
    assert!(!has_doc_test("/// ```text\n/// a\n/// ```\nfn one() {}\n"));
}
