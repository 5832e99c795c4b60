//! The documentation against the sources: the tests that it names exist, relative links resolve, and each route,
//! option, error code and metric is described. A failure names what is missing, and where.

mod commands;
mod guides;
mod index;
mod paths;
mod places;
mod snippets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use api::routes::ROUTES;
use serde_json::Value;

use crate::openapi::document;

/// Folders that are built, fetched or recorded, not written.
const EXCLUDED_FOLDERS: [&str; 4] = ["target", "node_modules", "corpus", "dist"];
/// Table columns that name tests.
const TEST_COLUMNS: [&str; 2] = ["Test", "What fails if it is forgotten"];
/// The folder of tests whose name has no prefix.
const SUITE: &str = "tests/suite";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The files below a folder with this ending: paths from the root, and texts.
fn files(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if entry.file_type().unwrap().is_dir() {
                if !name.starts_with('.') && !EXCLUDED_FOLDERS.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                let text = fs::read_to_string(root().join(&path)).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// The lines outside code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The headings below the title, as written.
fn headings(text: &str) -> Vec<&str> {
    prose(text).filter_map(|line| line.strip_prefix("## ").or(line.strip_prefix("### "))).collect()
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_relative_link_resolves() {
    let mut faults = Vec::new();
    let mut seen = 0;
    for (path, text) in files("", ".md") {
        let targets = prose(&text).flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")) {
            seen += 1;
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let to = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let target_path = root().join(&to);
            let found = if heading.is_empty() {
                target_path.exists()
            } else {
                let text = fs::read_to_string(target_path).unwrap_or_default();
                prose(&text).any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#').trim()) == heading)
            };
            if !found {
                faults.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(seen > 50, "the links were found");
    assert!(faults.is_empty(), "links that do not resolve: {faults:#?}");
}

/// The folder of the tests whose names follow `prefix:`. A package's name is such a prefix.
fn folder_of(prefix: &str) -> Option<PathBuf> {
    let folder = match prefix {
        "pages" => "shared/fetch/tests/pages",
        "suite" => "shared/extraction/tests/suite",
        "browser" => "shared/render/tests/browser",
        "protocol" => "tests/model/protocol",
        "tests" => SUITE,
        _ => {
            let name = format!("name = \"{prefix}\"");
            let is_package = |(_, text): &(PathBuf, String)| text.lines().any(|line| line == name);
            let manifests = ["shared", "tools", "functions"].iter().flat_map(|part| files(part, "Cargo.toml"));
            return manifests.filter(is_package).find_map(|(path, _)| path.parent().map(Path::to_path_buf));
        }
    };
    Some(folder.into())
}

/// The tests and modules that a cell names, each with its folder.
fn named_tests(cell: &str) -> Vec<(PathBuf, String)> {
    let mut folder = PathBuf::from(SUITE);
    let mut found = Vec::new();
    // `crate` `module::test` means "crate: module::test".
    let cell = cell.replace("` `", ": `");
    for word in cell.split(|c: char| !(c.is_ascii_alphanumeric() || "_:*-./…".contains(c))) {
        let word = word.trim_start_matches("…::");
        if let Some(prefix) = word.strip_suffix(':').filter(|prefix| !prefix.ends_with(':')) {
            folder = folder_of(prefix).unwrap_or(folder);
        } else if word.contains(".py::") {
            found.push(("clients/python/tests".into(), word.to_owned()));
        } else if word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:*".contains(c))
            && (word.contains("::") || word.contains('_'))
        {
            found.push((folder.clone(), word.to_owned()));
        }
    }
    found
}

/// The modules and tests of a source file.
struct Source {
    path: PathBuf,
    /// Its folders, its own name and its inner modules.
    modules: BTreeSet<String>,
    tests: BTreeSet<String>,
}

impl Source {
    fn new((path, text): (PathBuf, String)) -> Source {
        let mut modules: BTreeSet<String> =
            path.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        let (mut tests, mut since) = (BTreeSet::new(), usize::MAX);
        for line in text.lines().map(str::trim_start) {
            since = if line.starts_with("#[") && line.contains("test") { 0 } else { since.saturating_add(1) };
            let item = line.strip_prefix("async ").unwrap_or(line);
            if let Some((name, _)) = item.strip_prefix("fn ").and_then(|rest| rest.split_once('(')) {
                // Further attributes may come between the test attribute and the function.
                if since <= 4 {
                    tests.insert(name.to_owned());
                }
                since = usize::MAX;
            } else if let Some(name) = item.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
                modules.insert(name.to_owned());
            }
        }
        Source { path, modules, tests }
    }
}

/// Whether a test `a::b::name` exists, or tests in a module `a::b`, `a::b::tests`, `a::b::` or `a::b::*`.
fn exists(sources: &[Source], folder: &Path, path: &str) -> bool {
    if let Some((file, name)) = path.split_once("::").filter(|(file, _)| file.ends_with(".py")) {
        return read(&folder.join(file).to_string_lossy()).contains(&format!("def {name}("));
    }
    let mut modules: Vec<&str> = path.split("::").collect();
    let name = modules.pop().unwrap();
    modules.retain(|module| *module != "tests");
    let within = |source: &&Source| {
        source.path.starts_with(folder) && modules.iter().all(|module| source.modules.contains(*module))
    };
    sources.iter().filter(within).any(|source| match name {
        "" | "*" | "tests" => !source.tests.is_empty(),
        name => source.tests.contains(name) || source.modules.contains(name) && !source.tests.is_empty(),
    })
}

/// The cells of the columns that name tests, of every table that has one.
fn test_cells(text: &str) -> Vec<&str> {
    let (mut column, mut found) = (None, Vec::new());
    let mut in_table = false;
    for line in prose(text) {
        let Some(row) = line.strip_prefix("| ") else {
            in_table = line.starts_with('|') && in_table;
            continue;
        };
        let row: Vec<&str> = row.trim_end().trim_end_matches('|').split(" | ").map(str::trim).collect();
        if !in_table {
            column = row.iter().position(|cell| TEST_COLUMNS.contains(cell)).map(|at| (at, row.len()));
            in_table = true;
        } else if let Some((at, columns)) = column {
            assert_eq!(row.len(), columns, "a cell contains a vertical bar: {line}");
            found.push(row[at]);
        }
    }
    found
}

#[test]
fn every_test_that_is_named_exists() {
    let parts = ["shared", "tools", "functions", "tests"];
    let sources: Vec<_> = parts.iter().flat_map(|part| files(part, ".rs")).map(Source::new).collect();
    let (mut faults, mut seen) = (Vec::new(), 0);
    for document in ["docs/TESTING.md", "docs/SECURITY.md", "CONTRIBUTING.md"] {
        let text = read(document);
        let cells = test_cells(&text);
        assert!(!cells.is_empty(), "{document} has a table that names tests");
        for (folder, path) in cells.into_iter().flat_map(named_tests) {
            seen += 1;
            if !exists(&sources, &folder, &path) && !exists(&sources, SUITE.as_ref(), &path) {
                faults.push(format!("{document}: {path} in {}", folder.display()));
            }
        }
    }
    assert!(seen > 300, "the tests' names were found: {seen}");
    assert!(faults.is_empty(), "tests that do not exist: {faults:#?}");
}

#[test]
fn missing_tests_are_detected() {
    let table = "| Threat | Test | Seen |\n|---|---|---|\n| a | fetch: guard::tests::nobody, b_c; rights::* | yes |\n";
    let names: Vec<_> = test_cells(table).into_iter().flat_map(named_tests).collect();
    let name = |folder: &str, path: &str| (PathBuf::from(folder), path.to_owned());
    let fetch_names = [name("shared/fetch", "guard::tests::nobody"), name("shared/fetch", "b_c")];
    assert_eq!(names, [&fetch_names[..], &[name("shared/fetch", "rights::*")]].concat());
    let source = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn here() {}\n    fn helper() {}\n}\n";
    let sources = [Source::new((PathBuf::from("shared/fetch/src/guard.rs"), source.to_owned()))];
    for (path, expected) in [
        ("guard::tests::here", true),
        ("guard::tests", true),
        ("guard::tests::her", false),
        ("guard::tests::helper", false),
        ("other::tests::here", false),
        ("guard::*", true),
        ("guard", true),
        ("here", true),
    ] {
        assert_eq!(exists(&sources, "shared/fetch".as_ref(), path), expected, "{path}");
        assert!(!exists(&sources, "shared/store".as_ref(), path), "{path}");
    }
    assert_eq!(anchor("`POST /v1/batch`: 2 kinds"), "post-v1batch-2-kinds");
}

#[test]
fn every_route_is_in_the_contract() {
    let contract = read("docs/API.md");
    for route in &ROUTES {
        let named = format!("`{} {}`", route.method, route.path);
        assert!(contract.contains(&named), "docs/API.md does not name {named}");
    }
}

/// The names of the members of a schema in the OpenAPI document.
fn members(document: &Value, pointer: &str) -> BTreeSet<String> {
    let members = document.pointer(&format!("{pointer}/properties")).and_then(Value::as_object);
    members.unwrap_or_else(|| panic!("{pointer}")).keys().cloned().collect()
}

/// Every option, and every member of `crawl`.
fn options() -> BTreeSet<String> {
    let document = document();
    let mut all = members(&document, "/components/schemas/CrawlRequest/properties/crawl");
    for name in ["ExtractRequest", "BatchRequest", "CrawlRequest"] {
        all.extend(members(&document, &format!("/components/schemas/{name}/properties/options")));
    }
    all
}

#[test]
fn every_option_is_in_the_contract() {
    let contract = read("docs/API.md");
    let all = options();
    let without: Vec<_> = all.iter().filter(|name| !contract.contains(&format!("\n| `{name}` |"))).collect();
    assert!(without.is_empty(), "docs/API.md has no row for {without:?}");
}

#[test]
fn every_error_code_is_in_the_contract() {
    let (contract, document) = (read("docs/API.md"), document());
    let codes = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let table = contract.split("## Errors").nth(1).unwrap();
    let without: Vec<_> = codes.iter().filter(|code| !table.contains(code.as_str().unwrap())).collect();
    assert!(codes.len() > 20 && without.is_empty(), "docs/API.md does not describe {without:?}");
}

#[test]
fn every_metric_is_described() {
    let (names, text) = (read("shared/api/src/telemetry/emf.rs"), read("docs/OPERATIONS.md"));
    let names: Vec<&str> = names
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Metric::")?.split_once("=> \"")?.1.strip_suffix("\","))
        .collect();
    let without: Vec<_> = names.iter().filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(names.len() > 10 && without.is_empty(), "docs/OPERATIONS.md does not describe {without:?}");
}

/// Every name in code type in the glossary appears in the code.
#[test]
fn every_name_of_the_glossary_is_used() {
    let glossary = read("docs/GLOSSARY.md");
    let texts: Vec<String> = files("shared", ".rs").into_iter().map(|(_, text)| text).collect();
    let used: BTreeSet<&str> =
        texts.iter().flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))).collect();
    let code = prose(&glossary).flat_map(|line| line.split('`').skip(1).step_by(2));
    let names = code.filter(|code| code.chars().all(|c| c.is_ascii_alphanumeric() || "_:#".contains(c)));
    let names: BTreeSet<&str> =
        names.filter_map(|name| name.rsplit("::").next()).map(|name| name.trim_end_matches('#')).collect();
    let unused: Vec<_> = names.difference(&used).collect();
    assert!(names.len() > 30 && unused.is_empty(), "names of docs/GLOSSARY.md that are not in the code: {unused:?}");
}
