//! What deny.toml says about packages: licences of those that this platform uses; sources and bans of all. cargo-deny also checks the
//! licences of other platforms, and known vulnerabilities (.github/workflows/audit.yml). It takes minutes to compile.

use std::fs;

use serde_json::Value;
use spdx::{Expression, ParseMode};

use super::{cargo, packages_with};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The text of a section of deny.toml.
fn section(name: &str) -> String {
    let text = fs::read_to_string(format!("{ROOT}/deny.toml")).unwrap();
    let (_, rest) = text.split_once(&format!("\n[{name}]\n")).unwrap_or_else(|| panic!("deny.toml has no [{name}]"));
    rest.split("\n[").next().unwrap().to_owned()
}

/// Every package that this platform uses.
fn all_packages() -> Vec<Value> {
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let packages = packages_with(&["--locked", "--filter-platform", host]);
    assert!(packages.len() > 300, "{} packages", packages.len());
    packages
}

fn allows(allowed: &[&str], license: &str) -> bool {
    // Older manifests separate licences by a slash.
    Expression::parse_mode(license, ParseMode::LAX)
        .is_ok_and(|expression| expression.evaluate(|required| allowed.contains(&required.to_string().as_str())))
}

#[test]
fn every_package_has_an_allowed_licence() {
    let licenses = section("licenses");
    let list = licenses.split_once("allow = [").unwrap().1.split_once(']').unwrap().0;
    let allowed: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert!(allows(&allowed, "MIT/Apache-2.0") && allows(&allowed, "GPL-3.0-only OR MIT"));
    assert!(
        !allows(&allowed, "Nonsense") && !allows(&allowed, "GPL-3.0-only") && !allows(&allowed, "MIT AND GPL-3.0-only")
    );
    let mut faults = Vec::new();
    for package in all_packages() {
        let (name, license) = (package["name"].as_str().unwrap(), package["license"].as_str());
        if !license.is_some_and(|license| allows(&allowed, license)) {
            faults.push(format!("{name} has the licence {license:?}, which deny.toml does not allow"));
        }
        let is_ours = package["source"].is_null();
        let wildcards =
            package["dependencies"].as_array().unwrap().iter().filter(|d| d["req"] == "*" && d["path"].is_null());
        faults.extend(wildcards.filter(|_| is_ours).map(|d| format!("{name} accepts any version of {}", d["name"])));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Over Cargo.lock, which has the packages of all platforms.
#[test]
fn packages_come_from_crates_io_and_only_the_named_ones_use_a_banned_one() {
    let lock = fs::read_to_string(format!("{ROOT}/Cargo.lock")).unwrap();
    let packages: Vec<(&str, Vec<&str>)> = lock
        .split("\n[[package]]\n")
        .skip(1)
        .map(|package| {
            let used = package.lines().filter_map(|line| line.strip_prefix(" \"")?.split(['"', ' ']).next());
            (package.split('"').nth(1).unwrap(), used.collect())
        })
        .collect();
    let sources = lock.lines().filter_map(|line| line.strip_prefix("source = "));
    assert!(sources.clone().count() > 300, "sources are found");
    let mut faults: Vec<String> = sources.filter(|s| s.trim_matches('"') != CRATES_IO).map(str::to_owned).collect();
    let bans = section("bans");
    for ban in bans.lines().filter_map(|line| line.trim().strip_prefix("{ crate = ")) {
        // The package, then the packages that may use it.
        let names: Vec<&str> = ban.split('"').skip(1).step_by(2).collect();
        let users: Vec<&str> =
            packages.iter().filter(|(_, used)| used.contains(&names[0])).map(|(name, _)| *name).collect();
        assert_eq!(users.is_empty(), names.len() == 1, "{names:?} are used by {users:?}");
        faults.extend(
            users.iter().filter(|user| !names[1..].contains(user)).map(|user| format!("{user} uses {}", names[0])),
        );
    }
    assert!(faults.is_empty(), "deny.toml does not allow: {faults:#?}");
}
