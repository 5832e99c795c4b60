//! All files in `site/` are served, are small enough, and refer to nothing else.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use super::*;

/// Most bytes of a first load, compressed.
const FIRST_LOAD: usize = 100 * 1024;
/// Maximum number of lines of a file of our own.
const MAX_LINES: usize = 350;
/// Third-party files, unchanged from their packages except for one line (docs/adr/0014-console-of-plain-modules.md).
const VENDORED: [&str; 5] = ["preact.js", "preact-hooks.js", "htm.js", "uplot.js", "uplot.css"];

fn names() -> BTreeSet<&'static str> {
    files::FILES.iter().map(|(name, _, _)| *name).collect()
}

fn text(name: &str) -> String {
    String::from_utf8(file(version(), name).unwrap_or_else(|| panic!("{name}")).plain().to_vec()).unwrap()
}

/// Returns the names between `before` and a closing quote.
fn named<'t>(text: &'t str, before: &str) -> Vec<&'t str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// Returns what a module imports statically, and on demand.
fn imports(name: &str) -> (Vec<String>, Vec<String>) {
    let text = text(name);
    let of = |before: &str| named(&text, before).into_iter().map(str::to_owned).collect::<Vec<_>>();
    ([of("from \"./"), of("from\"./"), of("import \"./")].concat(), of("import(\"./"))
}

#[test]
fn every_file_of_the_folder_is_served() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("site");
    let there: BTreeSet<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let served: BTreeSet<String> = names().into_iter().chain(["index.html"]).map(str::to_owned).collect();
    assert_eq!(served, there);
}

/// The size of the page and of everything loaded with it: its styles, and its modules with their imports.
#[test]
fn a_first_load_is_small() {
    let html = String::from_utf8(page(false).plain().to_vec()).unwrap();
    let path = format!("console/{}/", version());
    let mut wanted: Vec<String> = named(&html, &path).into_iter().map(str::to_owned).collect();
    let (mut loaded, mut on_demand) = (BTreeSet::new(), BTreeSet::new());
    while let Some(name) = wanted.pop() {
        assert!(names().contains(name.as_str()), "{name} is not there");
        if loaded.insert(name.clone()) && name.ends_with(".js") {
            let (now, later) = imports(&name);
            wanted.extend(now);
            on_demand.extend(later);
        }
    }
    let sum: usize = loaded.iter().map(|name| file(version(), name).unwrap().gzip().len()).sum();
    let first = sum + page(false).gzip().len();
    assert!(loaded.len() > 10 && loaded.contains("preact.js"), "{loaded:?}");
    assert!(!on_demand.is_empty() && on_demand.iter().all(|name| names().contains(name.as_str())), "{on_demand:?}");
    assert!(first < FIRST_LOAD, "{first} bytes");
    // The page names all modules, so that a browser need not discover them one after the other.
    let preloaded: BTreeSet<String> = named(&html, &path).into_iter().map(str::to_owned).collect();
    assert_eq!(preloaded, loaded, "index.html names every module that is loaded with it");
}

#[test]
fn compressed_files_have_the_same_content() {
    for name in names() {
        let found = file(version(), name).unwrap();
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&found.gzip()[..]).read_to_end(&mut plain).unwrap();
        assert_eq!(plain, found.plain(), "{name}");
    }
}

#[test]
fn files_of_another_version_are_not_found() {
    assert_eq!(version().len(), VERSION_LENGTH);
    assert!(file(version(), "app.js").is_some());
    assert!(file("000000000000", "app.js").is_none());
    assert!(file(version(), "index.html").is_none() && file(version(), "../src/lib.rs").is_none());
    let html = |explains| String::from_utf8(page(explains).plain().to_vec()).unwrap();
    assert!(!html(true).contains("{{") && html(true).contains(version()));
    assert_ne!(html(true), html(false));
}

/// The page must work under a policy without `unsafe-*`: no inline script, style or handler, and nothing from other
/// origins. Modules do not convert text to markup.
#[test]
fn nothing_is_inline_or_from_other_origins() {
    let html = PAGE.to_lowercase();
    for forbidden in ["<style", "style=", " on", "http:", "https:", "javascript:"] {
        assert!(!html.contains(forbidden), "index.html has {forbidden}");
    }
    assert_eq!(html.matches("<script").count(), html.matches("<script type=\"module\" src=").count());
    for name in names().into_iter().filter(|name| !VENDORED.contains(name)) {
        let text = text(name);
        assert!(name == "licences.txt" || text.lines().count() <= MAX_LINES, "{name} has more than {MAX_LINES} lines");
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            "new Function",
            "localStorage.setItem(\"key",
        ] {
            assert!(!text.contains(forbidden), "{name} has {forbidden}");
        }
        assert!(!text.contains("url(http") && !text.contains("@import"), "{name} loads from elsewhere");
    }
}

#[test]
fn the_licences_of_third_party_files_are_included() {
    let text = text("licences.txt");
    for (name, notice) in [("preact", "Jason Miller"), ("htm", "Apache License"), ("uPlot", "Leon Sorokin")] {
        assert!(text.contains(name) && text.contains(notice), "{name}");
    }
}
