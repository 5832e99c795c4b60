//! The real binaries, as cargo builds them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Builds the workspace's binaries once (cargo does nothing where they are fresh) and returns the path of one.
#[allow(clippy::disallowed_methods)] // a test reads the environment that cargo gave it
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        // This test is in <target>/<profile>/deps.
        let test_binary = std::env::current_exe().unwrap();
        let folder = test_binary.ancestors().nth(2).unwrap().to_owned();
        let target = folder.parent().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--workspace", "--bins", "--target-dir"]).arg(target);
        // "cargo test" describes this package to its tests. Some build scripts run again if that changes, and then most crates.
        for (variable, _) in std::env::vars_os() {
            if variable.to_str().is_some_and(|v| v.starts_with("CARGO_PKG_") || v.starts_with("CARGO_MANIFEST_")) {
                cargo.env_remove(variable);
            }
        }
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).status().unwrap();
        assert!(status.success(), "cargo build failed");
        folder
    });
    folder.join(name)
}
