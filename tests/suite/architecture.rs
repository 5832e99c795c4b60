//! The dependency rule: dependencies point inward only, as `cargo metadata` reports them. Files and types stay small.

mod cycles;
mod licences;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The maximum number of lines of a source file.
const MAX_LINES: usize = 350;
/// The maximum number of methods of a type, over all files of its crate.
const MAX_METHODS: usize = 25;

/// The workspace crates that each workspace crate may depend on.
const ALLOWED: [(&str, &[&str]); 29] = [
    ("domain", &[]),
    ("extraction", &["domain"]),
    ("fetch", &["domain"]),
    ("render", &["domain", "fetch"]),
    ("language-model", &["domain"]),
    ("store", &["domain"]),
    ("permits", &["domain", "fetch"]),
    ("reader", &["domain", "extraction", "permits"]),
    ("runtime", &["domain", "permits", "store"]),
    ("visits", &["domain", "extraction", "fetch", "language-model", "permits", "reader", "render", "runtime", "store"]),
    ("engine", &["domain", "fetch", "language-model", "render", "runtime", "store", "visits"]),
    ("web-console", &["domain"]),
    (
        "api",
        &[
            "domain",
            "engine",
            "extraction",
            "fetch",
            "language-model",
            "reader",
            "render",
            "runtime",
            "store",
            "visits",
            "web-console",
        ],
    ),
    ("extract", &["api"]),
    ("batch", &["api"]),
    ("crawl", &["api"]),
    ("jobs", &["api"]),
    ("mcp-tools", &[]),
    ("mcp", &["api", "mcp-tools"]),
    ("worker", &["api", "domain"]),
    ("settle", &["api", "domain"]),
    ("notify", &["api"]),
    ("renderer", &["api", "fetch", "render"]),
    (
        "local",
        &[
            "api", "batch", "crawl", "domain", "engine", "extract", "fetch", "jobs", "mcp", "notify", "render",
            "runtime", "settle", "store", "worker",
        ],
    ),
    ("admin", &["api", "domain", "engine", "local", "runtime", "store"]),
    ("bench", &["api", "domain", "extraction", "fetch", "language-model", "local", "runtime", "store", "visits"]),
    // The simulator decides nothing itself: production's state machine makes its decisions.
    ("simulator", &["domain"]),
    // The client knows the contract and nothing else of the service. The command line knows the client and the agents'
    // tools, which know nothing of the service either.
    ("runo-client", &[]),
    ("runo-cli", &["mcp-tools", "runo-client"]),
];
/// Packages with only tests. They may depend on any crate, reserved ones included; no crate depends on them.
const TEST_PACKAGES: [&str; 2] = ["model", "tests"];
/// External crates that only the named crates may depend on. (bench: Runo is measured against a bare loop of reqwest
/// and scraper; the site that both read is served by hyper.)
const RESERVED: [(&str, &[&str]); 15] = [
    ("aws-sdk-dynamodb", &["store"]),
    ("aws-sdk-lambda", &["store"]),
    ("aws-sdk-sqs", &["store"]),
    ("aws-config", &["store"]),
    ("reqwest", &["bench", "fetch", "language-model", "runo-client"]),
    ("scraper", &["bench", "extraction"]),
    ("rmcp", &["mcp", "mcp-tools"]),
    ("lambda_runtime", &["notify", "renderer", "settle", "worker"]),
    ("dynoxide-rs", &["local"]),
    ("rustack-auth", &["local"]),
    ("rustack-sqs-core", &["local"]),
    ("rustack-sqs-http", &["local"]),
    ("rustack-sqs-model", &["local"]),
    ("hyper", &["bench", "local"]),
    ("tracing-subscriber", &["api"]),
];
/// Crates that a pure crate may not depend on.
const IMPURE: [&str; 12] = [
    "tokio",
    "reqwest",
    "http",
    "hyper",
    "lambda_http",
    "aws-config",
    "getrandom",
    "rand",
    "fastrand",
    "tracing",
    "futures-util",
    "tokio-util",
];

/// Runs cargo in the workspace and returns its output.
fn cargo(arguments: &[&str]) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The packages that "cargo metadata" describes with these options.
fn packages_with(options: &[&str]) -> Vec<Value> {
    let metadata = cargo(&[&["metadata", "--format-version", "1"], options].concat());
    let mut metadata: Value = serde_json::from_str(&metadata).unwrap();
    let Value::Array(packages) = metadata["packages"].take() else { panic!("cargo metadata lists the packages") };
    packages
}

/// The packages of the workspace.
fn packages() -> Vec<Value> {
    packages_with(&["--no-deps", "--offline"])
}

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    packages()
        .iter()
        .map(|package| {
            let normal = package["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"].is_null());
            let names = normal.map(|d| d["name"].as_str().unwrap().to_owned()).collect();
            (package["name"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

#[test]
fn dependencies_point_inward() {
    let all = dependencies();
    let inside: BTreeSet<&String> = all.keys().collect();
    for (name, dependencies) in all.iter().filter(|(name, _)| !TEST_PACKAGES.contains(&name.as_str())) {
        let allowed = ALLOWED.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("{name} is not in the table")).1;
        for dependency in dependencies.iter().filter(|d| inside.contains(d)) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
        for (reserved, owners) in RESERVED {
            let owner = owners.contains(&name.as_str());
            assert!(owner || !dependencies.contains(reserved), "{name} must not depend on {reserved}");
        }
        if ["domain", "extraction"].contains(&name.as_str()) {
            let impure = IMPURE.iter().find(|d| dependencies.contains(**d));
            assert_eq!(impure, None, "{name} must stay pure");
        }
    }
    assert!(all.len() >= 12);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Rust files below a folder, with their text.
fn sources(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            into.push((path, text));
        }
    }
}

/// Returns the type if this line begins an inherent `impl` block. Expects rustfmt's layout.
fn inherent_impl_type(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    let rest = match rest.strip_prefix('<') {
        Some(parameters) => {
            let mut depth = 1;
            let end = parameters.find(|c| {
                depth += i32::from(c == '<') - i32::from(c == '>');
                depth == 0
            });
            &parameters[end? + 1..]
        }
        None => rest,
    };
    let name = rest.strip_prefix(' ')?;
    let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
    (!rest.contains(" for ")).then_some(&name[..end])
}

/// Counts the methods of each type in its inherent blocks.
fn count_methods(text: &str) -> BTreeMap<&str, usize> {
    let (mut counts, mut block) = (BTreeMap::new(), None);
    for line in text.lines() {
        if line.starts_with("impl") {
            block = inherent_impl_type(line);
        } else if line == "}" {
            block = None;
        } else if let Some(name) = block
            && let Some(item) = line.strip_prefix("    ").filter(|item| !item.starts_with(' '))
            && (item.starts_with("fn ")
                || item.starts_with("pub") && item.contains(" fn ")
                || item.starts_with("async fn "))
        {
            *counts.entry(name).or_default() += 1;
        }
    }
    counts
}

#[test]
fn methods_are_counted_over_all_blocks_of_a_type() {
    let text = "impl<A: Is<B>> One<A> {\n    pub(crate) async fn a() {\n        fn inner() {}\n    }\n\n    fn b() {}\n}\n\
        impl Debug for One<u8> {\n    fn fmt() {}\n}\nimpl Two {\n    const N: u8 = 1;\n    pub const fn c() {}\n}\n\
        impl One<u8> {\n    async fn d() {}\n}\nfn free() {}\n";
    assert_eq!(count_methods(text), BTreeMap::from([("One", 3), ("Two", 1)]));
}

#[test]
fn types_and_files_stay_small() {
    let mut files = Vec::new();
    ["shared", "functions", "tools", "clients/rust", "tests"]
        .iter()
        .for_each(|part| sources(&root().join(part), &mut files));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (path, text) in &files {
        let path = path.strip_prefix(root()).unwrap();
        assert!(text.lines().count() <= MAX_LINES, "{} has more than {MAX_LINES} lines", path.display());
        let mut parts = path.iter().map(|part| part.to_str().unwrap());
        let (Some(part @ ("shared" | "functions")), Some(krate)) = (parts.next(), parts.next()) else { continue };
        for (name, count) in count_methods(text) {
            *counts.entry(format!("{part}/{krate} {name}")).or_default() += count;
        }
    }
    assert!(counts.len() > 100, "the sources were found");
    for (name, count) in counts {
        assert!(count <= MAX_METHODS, "{name} has {count} methods: split it by what its callers need");
    }
}
