//! What deny.toml says about packages, where this machine's packages show it: licences, sources, bans. cargo-deny checks the same for
//! all platforms, and known vulnerabilities (.github/workflows/audit.yml); it takes minutes to compile.

use std::fs;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The text of a section of deny.toml.
fn section(name: &str) -> String {
    let text = fs::read_to_string(format!("{ROOT}/deny.toml")).unwrap();
    let (_, rest) = text.split_once(&format!("\n[{name}]\n")).unwrap();
    rest.split("\n[").next().unwrap().to_owned()
}

/// Every package that this platform uses, as cargo describes it.
fn packages() -> Vec<Value> {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host])
        .current_dir(ROOT)
        .output()
        .unwrap();
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let used: Vec<String> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|n| n["id"].to_string()).collect();
    let Value::Array(packages) = metadata["packages"].take() else { panic!("cargo metadata lists the packages") };
    let packages: Vec<Value> = packages.into_iter().filter(|p| used.contains(&p["id"].to_string())).collect();
    assert!(packages.len() > 300, "{} packages", packages.len());
    packages
}

fn allows(allowed: &[&str], license: &str) -> bool {
    // Older manifests separate licences by a slash.
    let expression = Expression::parse_mode(license, ParseMode::LAX).unwrap();
    expression.evaluate(|required| allowed.contains(&required.to_string().as_str()))
}

#[test]
fn every_package_has_an_allowed_licence_and_source() {
    let licenses = section("licenses");
    let list = licenses.split_once("allow = [").unwrap().1.split_once(']').unwrap().0;
    let allowed: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert!(allows(&allowed, "MIT/Apache-2.0") && allows(&allowed, "GPL-3.0-only OR MIT"));
    assert!(!allows(&allowed, "GPL-3.0-only") && !allows(&allowed, "MIT AND GPL-3.0-only"));
    let mut faults = Vec::new();
    for package in packages() {
        let (name, license) = (package["name"].as_str().unwrap(), package["license"].as_str());
        if !license.is_some_and(|license| allows(&allowed, license)) {
            faults.push(format!("{name} has the licence {license:?}, which deny.toml does not allow"));
        }
        if package["source"].as_str().is_some_and(|source| source != CRATES_IO) {
            faults.push(format!("{name} is not from crates.io: {}", package["source"]));
        }
        let is_ours = package["source"].is_null();
        let wildcards =
            package["dependencies"].as_array().unwrap().iter().filter(|d| d["req"] == "*" && d["path"].is_null());
        faults.extend(wildcards.filter(|_| is_ours).map(|d| format!("{name} accepts any version of {}", d["name"])));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// On any platform: Cargo.lock has the packages of all.
#[test]
fn banned_packages_are_not_used() {
    let lock = fs::read_to_string(format!("{ROOT}/Cargo.lock")).unwrap();
    let bans = section("bans");
    let banned: Vec<&str> =
        bans.lines().filter_map(|line| line.trim().strip_prefix("{ crate = \"")?.strip_suffix("\" },")).collect();
    assert!(banned.contains(&"openssl-sys") && !banned.contains(&"reqwest"), "{banned:?}");
    for name in banned {
        assert!(!lock.contains(&format!("\nname = \"{name}\"\n")), "{name} is in Cargo.lock; deny.toml bans it");
    }
}
