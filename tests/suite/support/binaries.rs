//! The real binaries, as cargo builds them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Builds the workspace's binaries once (cargo does nothing where they are fresh) and returns the path of one.
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        // This test is in <target>/<profile>/deps.
        let test_binary = std::env::current_exe().unwrap();
        let folder = test_binary.ancestors().nth(2).unwrap().to_owned();
        let target = folder.parent().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--workspace", "--bins", "--target-dir"]).arg(target);
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).status().unwrap();
        assert!(status.success(), "cargo build failed");
        folder
    });
    folder.join(name)
}
