//! The arithmetic of a generated site: which pages exist, how they are linked, and which page a request is for.
//! Expectations come from here, never from HTML and never from the code under test.

use std::collections::BTreeSet;
use std::ops::Range;

/// Pages numbered breadth first: page n links to pages n·b+1 … n·b+b, if they exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tree {
    pub pages: usize,
    pub branching: usize,
}

impl Tree {
    pub fn children(&self, n: usize) -> Range<usize> {
        let first = (n * self.branching + 1).min(self.pages);
        first..(first + self.branching).min(self.pages)
    }

    pub fn parent(&self, n: usize) -> Option<usize> {
        n.checked_sub(1).map(|m| m / self.branching)
    }

    /// Hops from page 0.
    pub fn depth(&self, n: usize) -> usize {
        self.parent(n).map_or(0, |parent| self.depth(parent) + 1)
    }

    /// The names of all pages.
    pub fn all(&self) -> BTreeSet<String> {
        self.reached(usize::MAX, |_| true)
    }

    /// The names of the pages that a crawl from page 0 fetches: at most `max_depth` hops away, reached only over pages
    /// that it `may` fetch. Page 0 is always among them.
    pub fn reached(&self, max_depth: usize, may: impl Fn(usize) -> bool) -> BTreeSet<String> {
        let path_is_free = |n: usize| {
            let mut at = n;
            while let Some(parent) = self.parent(at) {
                if !may(at) {
                    return false;
                }
                at = parent;
            }
            true
        };
        (0..self.pages).filter(|n| self.depth(*n) <= max_depth && path_is_free(*n)).map(item).collect()
    }
}

/// The name of page n, which is also its address in its simplest spelling.
pub fn item(n: usize) -> String {
    format!("/item/{n}")
}

/// The number of spellings that [`spelling`] knows.
pub const SPELLINGS: usize = 14;

/// Page n's address in one of its spellings. `here` is the path of the page that links to it.
pub fn spelling(kind: usize, n: usize, here: &str, authority: &str) -> String {
    let port = authority.rsplit_once(':').map_or("80", |(_, port)| port);
    match kind % SPELLINGS {
        0 => format!("http://{authority}/item/{n}"),
        1 => format!("/item/{n}"),
        2 => format!("{}item/{n}", "../".repeat(here.matches('/').count() - 1)),
        3 => format!("/item/{n}#part-{n}"),
        4 => format!("/%69te%6D/{n}"),
        5 => format!("/item/./x/../{n}"),
        6 => format!("/item/{n}/"),
        7 => format!("/item/{n}/index.html"),
        8 => format!("/item/{n}?utm_source=list&utm_medium=x&gclid=1"),
        9 => format!("//{authority}/item/{n}"),
        10 => format!("HTTP://{authority}/item/{n}"),
        11 => format!("http://127.0.0.1:0{port}/item/{n}"),
        12 => format!(" /item/{n}\n"),
        _ => format!("/item/{n}/?fbclid=z&utm_term=q#top"),
    }
}

/// The page that a request target (path and query, as sent) is for: every spelling maps to the page's name.
pub fn page_name(target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = decoded(path);
    let is_index = |step: &str| ["index.html", "index.htm", "index.php"].contains(&step);
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty() && !is_index(step)).collect();
    let is_tracking = |pair: &str| ["utm_", "gclid=", "fbclid="].iter().any(|name| pair.starts_with(name));
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !is_tracking(pair)).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("/{}{query}", steps.join("/"))
}

/// A path without percent-encoding; the sites here use letters and digits only.
fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(2);
        text.push(char::from(u8::from_str_radix(code, 16).unwrap()));
        text.push_str(rest);
    }
    text
}

#[test]
fn a_tree_follows_its_numbers() {
    let tree = Tree { pages: 40, branching: 3 };
    assert_eq!((tree.children(0), tree.children(2), tree.children(12)), (1..4, 7..10, 37..40));
    assert!(tree.children(13).is_empty() && tree.children(39).is_empty());
    let all: Vec<usize> = (0..40).flat_map(|n| tree.children(n)).collect();
    assert_eq!(all, (1..40).collect::<Vec<_>>(), "every page but the first has one parent");
    assert!((1..40).all(|n| tree.children(tree.parent(n).unwrap()).contains(&n)));
    assert_eq!([0, 3, 12, 13, 39].map(|n| tree.depth(n)), [0, 1, 2, 3, 3]);
    assert_eq!(tree.all().len(), 40);
    assert_eq!([0, 1, 2].map(|depth| tree.reached(depth, |_| true).len()), [1, 4, 13]);
    // Without page 2 its three children and their nine are not found either.
    assert_eq!(tree.reached(20, |n| n != 2).len(), 40 - 1 - 3 - 9);
    let uneven = Tree { pages: 1_000, branching: 10 };
    assert_eq!((uneven.all().len(), uneven.children(99), uneven.depth(999)), (1_000, 991..1_000, 3));
}

#[test]
fn every_spelling_maps_to_its_page() {
    let authority = "127.0.0.1:4321";
    for here in ["/item/3", "/item/3/", "/item/3/index.html", "/"] {
        let base = reqwest::Url::parse(&format!("http://{authority}{here}")).unwrap();
        let mut shown = BTreeSet::new();
        for kind in 0..SPELLINGS {
            let url = base.join(spelling(kind, 17, here, authority).trim()).unwrap();
            assert_eq!(url.port(), Some(4321));
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            assert_eq!(page_name(&format!("{}{query}", url.path())), "/item/17", "{kind} on {here}: {url}");
            shown.insert(url.to_string());
        }
        assert_eq!(shown.len(), 7, "the other spellings are equal once parsed: {shown:?}");
    }
    assert_eq!(page_name("/%69tem/%30/index.php?"), "/item/0");
    assert_eq!(page_name("/calendar?month=3"), "/calendar?month=3");
    assert_ne!(page_name("/session/1?sid=a"), page_name("/session/1?sid=b"));
}
