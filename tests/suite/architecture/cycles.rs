//! Files of a crate do not use each other in a cycle.
//!
//! Reads the paths in `use` declarations, expressions, types and patterns. A re-exported name counts as one of the file
//! that defines it. A submodule is a part of the modules that contain it, so its uses of them do not count.
//! Does not see method calls, paths in macro calls, modules written inside a file, and test modules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Item, ItemMod, ItemUse, UseTree, Visibility};

use super::{root, sources};

/// A path of modules and names, from the root of the crate.
type Name = Vec<String>;

#[derive(Default)]
struct Modules {
    /// Each module with its file.
    files: BTreeMap<Name, PathBuf>,
    /// Names that `use` declarations give to paths.
    aliases: BTreeMap<Name, Name>,
    /// Modules with the paths that they mention, as they write them.
    mentions: Vec<(Name, Name)>,
    /// The module that is being read.
    current: Name,
}

impl Modules {
    /// Reads the file of the module `current`. The files of its submodules are in `folder`.
    fn read(&mut self, texts: &BTreeMap<PathBuf, String>, file: &Path, folder: &Path) {
        let parsed = syn::parse_file(&texts[file]).unwrap();
        self.files.insert(self.current.clone(), file.to_owned());
        self.visit_file(&parsed);
        for item in &parsed.items {
            let Item::Mod(ItemMod { attrs, ident, content: None, .. }) = item else { continue };
            if attrs.iter().any(|a| a.path().is_ident("cfg") && a.parse_args::<syn::Ident>().is_ok_and(|i| i == "test"))
            {
                continue;
            }
            let inner = folder.join(ident.to_string());
            let file = Some(inner.with_extension("rs")).filter(|file| texts.contains_key(file));
            self.current.push(ident.to_string());
            self.read(texts, &file.unwrap_or_else(|| inner.join("mod.rs")), &inner);
            self.current.pop();
        }
    }

    fn import(&mut self, tree: &UseTree, mut path: Name, exported: bool) {
        let (from, to) = match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                return self.import(&part.tree, path, exported);
            }
            UseTree::Group(group) => return group.items.iter().for_each(|t| self.import(t, path.clone(), exported)),
            UseTree::Name(name) => (&name.ident, &name.ident),
            UseTree::Rename(rename) => (&rename.ident, &rename.rename),
            _ => return self.mentions.push((self.current.clone(), path)),
        };
        path.extend(Some(from.to_string()).filter(|from| from != "self"));
        let alias = if to == "self" { path[path.len() - 1].clone() } else { to.to_string() };
        self.aliases.insert([&self.current[..], &[alias]].concat(), absolute(&self.current, &path));
        if !exported {
            self.mentions.push((self.current.clone(), path));
        }
    }

    /// Returns the innermost module that a path leads into.
    fn owner(&self, path: &[String]) -> &Name {
        let starts = (0..=path.len()).rev().map(|end| path.split_at(end));
        let found = starts.into_iter().find_map(|(start, rest)| {
            let target = self.aliases.get(start).filter(|target| !target.starts_with(start));
            target
                .map(|target| self.owner(&[target, rest].concat()))
                .or(self.files.get_key_value(start).map(|(m, _)| m))
        });
        found.unwrap()
    }

    /// Returns each file with the files that it uses.
    fn edges(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let mut edges: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        for (current, path) in &self.mentions {
            let full = absolute(current, path);
            let owner = self.owner(&full);
            // A single name is an item of this file or a variable, unless it is an alias.
            if (path.len() > 1 || self.aliases.contains_key(&full)) && !current.starts_with(owner) {
                edges.entry(&self.files[current]).or_default().insert(&self.files[owner]);
            }
        }
        edges
    }
}

impl<'a> Visit<'a> for Modules {
    fn visit_item_use(&mut self, item: &'a ItemUse) {
        self.import(&item.tree, Name::new(), !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.mentions.push((self.current.clone(), path.segments.iter().map(|part| part.ident.to_string()).collect()));
        visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, _: &'a ItemMod) {}

    fn visit_visibility(&mut self, _: &'a Visibility) {}
}

/// Resolves `crate`, `self` and `super` at the start of a path that the module `current` mentions.
fn absolute(current: &[String], path: &[String]) -> Name {
    let ups = path.iter().take_while(|part| *part == "super").count();
    match path[0].as_str() {
        "crate" => path[1..].to_vec(),
        "self" => [current, &path[1..]].concat(),
        _ => [&current[..current.len() - ups], &path[ups..]].concat(),
    }
}

/// Returns the uses between the files of a crate that are part of a cycle.
fn cycles(texts: &BTreeMap<PathBuf, String>, file: &Path) -> Vec<String> {
    let mut modules = Modules::default();
    modules.read(texts, file, file.parent().unwrap());
    let edges = modules.edges();
    let leads_back = |from: &Path, to: &Path| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![to]);
        while let Some(next) = open.pop() {
            open.extend(edges.get(next).into_iter().flatten().filter(|to| seen.insert(**to)));
        }
        seen.contains(from)
    };
    let all = edges.iter().flat_map(|(from, to)| to.iter().map(move |to| (*from, *to)));
    let back = all.filter(|(from, to)| leads_back(from, to));
    back.map(|(from, to)| format!("{} uses {}", from.display(), to.display())).collect()
}

#[test]
fn cycles_are_found_through_aliases_and_re_exports() {
    let files = |leaf: &str| {
        [("lib.rs", "mod a;\nmod b;\nmod c;"), ("a.rs", "use crate::b::{self, Inner as I};"), ("c.rs", "")]
            .into_iter()
            .chain([("b/mod.rs", "mod inner;\npub use inner::Inner;\nfn f() {}"), ("b/inner.rs", leaf)])
            .map(|(name, text)| (PathBuf::from(name), text.to_owned()))
            .collect()
    };
    let found = |leaf: &str| cycles(&files(leaf), Path::new("lib.rs"));
    assert_eq!(found("fn g() { super::super::a::f() }"), ["a.rs uses b/inner.rs", "b/inner.rs uses a.rs"]);
    for without in
        ["use super::f;\nuse crate::c;", "fn g(a: u8) { a; c::d() }", "#[cfg(test)]\nmod t { use crate::a; }"]
    {
        assert_eq!(found(without), [""; 0], "{without}");
    }
}

#[test]
fn files_do_not_use_each_other_in_a_cycle() {
    let mut files = Vec::new();
    ["shared", "functions", "tools", "clients/rust", "tests"].iter().for_each(|p| sources(&root().join(p), &mut files));
    let texts: BTreeMap<PathBuf, String> = files.into_iter().collect();
    let roots = texts.keys().filter(|file| file.ends_with("lib.rs") || file.ends_with("main.rs"));
    for file in roots {
        let found = cycles(&texts, file);
        let folder = file.strip_prefix(root()).unwrap().parent().unwrap().to_str().unwrap();
        assert!(found.is_empty(), "{folder}:\n{}", found.join("\n"));
    }
}
