//! One version in every package, so that a release cannot ship a client that names another.

use std::path::Path;

/// Files that name the version, each with the text around it.
const PLACES: [(&str, &str); 7] = [
    ("clients/python/pyproject.toml", "\nversion = \"{}\"\n"),
    ("clients/python/src/runo/_send.py", "\nVERSION = \"{}\"\n"),
    ("clients/typescript/package.json", "\n  \"version\": \"{}\",\n"),
    ("clients/typescript/package-lock.json", "\"name\": \"runo\",\n      \"version\": \"{}\","),
    ("clients/typescript/src/sender.ts", "const VERSION = \"{}\";"),
    ("clients/typescript/README.md", "/runo-{}.tgz"),
    ("CHANGELOG.md", "\n## [{}] - "),
];

#[test]
fn every_package_has_the_version_of_the_workspace() {
    for (file, around) in PLACES {
        let expected = around.replace("{}", env!("CARGO_PKG_VERSION"));
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap();
        assert!(text.contains(&expected), "{file} does not have the workspace's version: {expected:?}");
    }
}
