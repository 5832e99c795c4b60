//! The dependency rule, over what cargo itself says the dependencies are. Arrows point inward only.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each workspace crate may depend on inside the workspace.
const ALLOWED: [(&str, &[&str]); 20] = [
    ("domain", &[]),
    ("extraction", &["domain"]),
    ("fetch", &["domain"]),
    ("render", &["domain", "fetch"]),
    ("language-model", &["domain"]),
    ("store", &["domain"]),
    ("engine", &["domain", "extraction", "fetch", "language-model", "render", "store"]),
    ("api", &["domain", "engine", "extraction", "fetch", "language-model", "render", "store"]),
    ("extract", &["api"]),
    ("batch", &["api"]),
    ("crawl", &["api"]),
    ("jobs", &["api"]),
    ("worker", &["api", "domain"]),
    ("settle", &["api", "domain"]),
    ("renderer", &["api", "fetch", "render"]),
    (
        "local",
        &[
            "api", "batch", "crawl", "domain", "engine", "extract", "fetch", "jobs", "render", "settle", "store",
            "worker",
        ],
    ),
    ("admin", &["api", "domain", "engine", "local", "store"]),
    ("bench", &["api", "domain", "engine", "extraction", "fetch", "language-model", "local", "store"]),
    ("tests", &[]),
    ("model", &[]),
];
/// External crates that only the named ones may depend on. (bench: the bare loop that Runo is measured against is
/// reqwest and scraper with nothing around them, and the site that both read is hyper.)
const RESERVED: [(&str, &[&str]); 14] = [
    ("aws-sdk-dynamodb", &["store"]),
    ("aws-sdk-lambda", &["store"]),
    ("aws-sdk-sqs", &["store"]),
    ("aws-config", &["store"]),
    ("reqwest", &["bench", "fetch", "language-model"]),
    ("scraper", &["bench", "extraction"]),
    ("lambda_runtime", &["renderer", "settle", "worker"]),
    ("dynoxide-rs", &["local"]),
    ("rustack-auth", &["local"]),
    ("rustack-sqs-core", &["local"]),
    ("rustack-sqs-http", &["local"]),
    ("rustack-sqs-model", &["local"]),
    ("hyper", &["bench", "local"]),
    ("tracing-subscriber", &["api"]),
];
/// What a pure crate may not depend on.
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

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let normal = package["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"].is_null());
            let names = normal.map(|d| d["name"].as_str().unwrap().to_owned()).collect();
            (package["name"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

#[test]
fn arrows_point_inward() {
    let all = dependencies();
    let inside: BTreeSet<&String> = all.keys().collect();
    for (name, dependencies) in &all {
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
            assert_eq!(impure, None, "{name} is pure");
        }
    }
    assert!(all.len() >= 12);
}
