//! What field names mean. The table is data, in `vocabulary.txt`; this module reads it once, splits names into words
//! and finds the concept of a name or of a label on a page.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::concept::{Concept, Trait};
use crate::phrases::Phrases;
use crate::spelling::spellings;

/// The words of a concept. Each member is a line of the table.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) names: Vec<&'static str>,
    pub(crate) paths: Vec<&'static str>,
    pub(crate) metas: Vec<&'static str>,
    pub(crate) labels: Vec<String>,
    pub(crate) marks: Vec<&'static str>,
    pub(crate) excluded: Vec<&'static str>,
    pub(crate) values: Vec<String>,
    /// Names and labels again as sets for look-ups: a page has hundreds of labels.
    name_set: HashSet<&'static str>,
    label_set: HashSet<String>,
}

impl Words {
    /// Returns whether a label in words is one of the names.
    pub(crate) fn is_name(&self, label: &str) -> bool {
        self.name_set.contains(label)
    }

    /// Returns whether a label in words is one of the further labels.
    pub(crate) fn is_label(&self, label: &str) -> bool {
        self.label_set.contains(label)
    }
}

impl Concept {
    /// Returns the words that name the concept.
    pub(crate) fn words(self) -> &'static Words {
        &VOCABULARY.words[self as usize]
    }
}

struct Vocabulary {
    /// One entry per concept, in the order of [`Concept::ALL`].
    words: Vec<Words>,
    by_name: HashMap<String, Concept>,
    /// Paths of schema.org, and their last terms of several words. `None` marks a term that concepts share.
    by_path: HashMap<&'static str, Concept>,
    by_term: HashMap<String, Option<Concept>>,
    /// Names of several words, in the singular, longest first.
    phrases: Vec<(String, Concept)>,
}

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let mut read = read(include_str!("vocabulary.txt"));
    let words: Vec<Words> = Concept::ALL.iter().map(|c| read.remove(c.properties().id).unwrap_or_default()).collect();
    let mut by_name = HashMap::new();
    let mut phrases = Vec::new();
    let (mut by_path, mut by_term) = (HashMap::new(), HashMap::new());
    for (concept, words) in Concept::ALL.iter().zip(&words) {
        for name in &words.names {
            by_name.entry((*name).to_owned()).or_insert(*concept);
        }
        for name in &words.names {
            by_name.entry(singular(name).into_owned()).or_insert(*concept);
        }
        for path in &words.paths {
            by_path.entry(*path).or_insert(*concept);
            let term = self::words(path.rsplit('.').next().unwrap_or(path));
            // An end of a range, such as `minValue`, does not say which range it belongs to.
            let end = term.split(' ').next().is_some_and(|w| Phrases::LowerEnd.has(w) || Phrases::UpperEnd.has(w));
            if term.contains(' ') && !end {
                let only = by_term.entry(term).or_insert(Some(*concept));
                *only = only.filter(|c| c == concept);
            }
        }
        let several = words.names.iter().filter(|n| n.contains(' '));
        phrases.extend(several.map(|n| (format!(" {} ", singular(n)), *concept)));
    }
    phrases.sort_by_key(|(phrase, _)| std::cmp::Reverse(phrase.len()));
    Vocabulary { words, by_name, by_path, by_term, phrases }
});

/// Labels that belong to a single concept, in all their spellings: callers also name fields in their own language.
/// `None` where concepts share a label. Built separately, because many schemas have no such name.
static BY_LABEL: LazyLock<HashMap<String, Option<Concept>>> = LazyLock::new(|| {
    let mut by_label = HashMap::new();
    for concept in Concept::ALL {
        let labels = concept.words().labels.iter();
        for label in labels.filter(|l| l.chars().count() > 2 && !Phrases::LabelsOnly.has(l)).flat_map(|l| spellings(l))
        {
            let only = by_label.entry(label).or_insert(Some(*concept));
            *only = only.filter(|c| c == concept);
        }
    }
    by_label
});

/// Reads the table: words by the id of their concept. Skips lines that are neither a head, a member nor a comment; a
/// test ensures that there are none.
fn read(table: &'static str) -> HashMap<&'static str, Words> {
    let mut out: HashMap<&'static str, Words> = HashMap::new();
    let mut id = "";
    for line in table.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        if let Some(head) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            id = head;
        } else if let Some((member, value)) = line.split_once(':') {
            let words = out.entry(id).or_default();
            let list = || value.split(',').map(str::trim).filter(|v| !v.is_empty());
            match member {
                "names" => {
                    words.names = list().collect();
                    words.name_set = words.names.iter().copied().collect();
                }
                "paths" => words.paths = list().collect(),
                "metas" => words.metas = list().collect(),
                "labels" => {
                    words.labels = list().map(self::words).collect();
                    words.label_set = words.labels.iter().cloned().collect();
                }
                "marks" => words.marks = list().collect(),
                "values" => words.values = list().map(self::words).collect(),
                "not" => words.excluded = list().collect(),
                _ => {}
            }
        }
    }
    out
}

/// Words that only say what kind of page it is: `productName`, `articleTitle`, `the_price`.
const PAGE_KINDS: [&str; 38] = [
    "entity",
    "contact",
    "agent",
    "business",
    "office",
    "product",
    "item",
    "article",
    "post",
    "recipe",
    "page",
    "the",
    "main",
    "my",
    "book",
    "event",
    "job",
    "story",
    "news",
    "full",
    "og",
    "blog",
    "offer",
    "listing",
    "property",
    "movie",
    "film",
    "video",
    "hotel",
    "restaurant",
    "company",
    "person",
    "is",
    "has",
    "get",
    "current",
    "primary",
    "offers",
];
/// Last words that say how a value is written, not what it is.
const VALUE_SUFFIXES: [&str; 31] = [
    "year", "minute", "min", "hour", "second", "usd", "eur", "gbp", "in", "text", "value", "string", "number", "name",
    "kg", "gram", "cm", "mm", "percent", "raw", "iso", "display", "list", "flag", "status", "utc", "at", "on", "total",
    "info", "day",
];

/// Returns a name as lower-case words with single spaces: `datePublished`, `date_published` and `Date published` become
/// the same.
pub(crate) fn words(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut before: Option<char> = None;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if !c.is_alphanumeric() {
            // An apostrophe joins words: "let's".
            before = before.filter(|_| matches!(c, '\'' | '’'));
            continue;
        }
        let starts = match before {
            None => true,
            // priceUSD → price usd; HTMLTitle → html title
            Some(p) => {
                c.is_uppercase()
                    && (p.is_lowercase() || chars.peek().is_some_and(|n| n.is_lowercase() && p.is_uppercase()))
            }
        };
        if starts && !out.is_empty() {
            out.push(' ');
        }
        out.extend(c.to_lowercase());
        before = Some(c);
    }
    out
}

/// Puts each word into the singular, by a rule of thumb.
pub(crate) fn singular(words: &str) -> Cow<'_, str> {
    // Most labels have no word that ends in "s" and stay as they are.
    if !words.ends_with('s') && !words.contains("s ") {
        return Cow::Borrowed(words);
    }
    let stem = |w: &str| match w {
        w if w.len() > 4 && w.ends_with("ies") => format!("{}y", &w[..w.len() - 3]),
        w if w.len() > 3 && w.ends_with('s') && !w.ends_with("ss") && !w.ends_with("us") && !w.ends_with("is") => {
            w[..w.len() - 1].to_owned()
        }
        w => w.to_owned(),
    };
    Cow::Owned(words.split(' ').map(stem).collect::<Vec<_>>().join(" "))
}

fn find(words: &str) -> Option<Concept> {
    let by_name = &VOCABULARY.by_name;
    by_name.get(words).or_else(|| by_name.get(&*singular(words))).copied()
}

/// Returns what a field name means, if the table knows it: first the whole name, then without words that only say what
/// kind of page it is or how the value is written.
pub(crate) fn concept_of(name: &str) -> Option<Concept> {
    // The name and link of an offer are not those of the page's subject.
    let is_part = |c: &Concept| c.has(Trait::AmbiguousOwner) && name.to_lowercase().starts_with("offers.");
    plain_concept(name).filter(|c| !is_part(c)).or_else(|| {
        // A path of schema.org, or a term of one: `address.addressLocality`, `addressLocality`.
        let term = name.rsplit('.').next().unwrap_or(name);
        let by_term = || VOCABULARY.by_term.get(&words(term)).copied().flatten();
        let dotted =
            || if name.contains('.') { plain_concept(term).filter(|c| !c.has(Trait::AmbiguousOwner)) } else { None };
        let own = |c: &Concept| !name.contains('.') || !c.has(Trait::AmbiguousOwner);
        let by_label = || BY_LABEL.get(&words(term)).copied().flatten().filter(own);
        VOCABULARY.by_path.get(name).copied().or_else(by_term).or_else(dotted).or_else(by_label)
    })
}

/// Returns whether a name is a path of schema.org that the table knows.
pub(crate) fn is_known_path(name: &str) -> bool {
    VOCABULARY.by_path.contains_key(name)
}

/// Returns whether a name is dotted and has no meaning as everyday words: it spells out a path.
pub(crate) fn is_path(name: &str) -> bool {
    name.contains('.') && plain_concept(name).is_none()
}

fn plain_concept(name: &str) -> Option<Concept> {
    let whole = words(name);
    let mut head = whole.as_str();
    loop {
        let mut tail = head;
        loop {
            if let Some(found) = find(tail) {
                return Some(found);
            }
            match tail.rsplit_once(' ') {
                Some((rest, last)) if VALUE_SUFFIXES.contains(&&*singular(last)) => tail = rest,
                Some(_) | None => break,
            }
        }
        match head.split_once(' ') {
            Some((first, rest)) if PAGE_KINDS.contains(&first) => head = rest,
            Some(_) | None => return None,
        }
    }
}

/// Returns the concept with the longest name of at least two words that occurs in a hint.
pub(crate) fn concept_in(hint: &str) -> Option<Concept> {
    let hint = format!(" {} ", singular(&words(hint)));
    VOCABULARY.phrases.iter().find(|(phrase, _)| hint.contains(phrase.as_str())).map(|(_, concept)| *concept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_and_stemmed() {
        assert_eq!(words("datePublished"), "date published");
        assert_eq!(words("HTMLTitle_of-page"), "html title of page");
        assert_eq!(words("priceUSD"), "price usd");
        for (name, id) in [
            ("productName", "title"),
            ("Prices", "price"),
            ("priceUsd", "price"),
            ("reviewsCount", "review count"),
            ("published_at", "published"),
            ("inStock", "stock"),
            ("recipe_ingredients", "ingredient"),
            ("calories", "calory"),
            ("categories", "category"),
            ("prepTimeMinutes", "prep time"),
            ("cook_time_in_minutes", "cook time"),
            ("offers.price", "price"),
            ("authorName", "author"),
            ("jobTitle", "job title"),
            ("originalPrice", "old price"),
        ] {
            assert_eq!(concept_of(name).unwrap_or_else(|| panic!("{name}")).properties().id, id, "{name}");
        }
        assert!(concept_of("flux capacitor").is_none());
        assert_eq!(concept_in("the original price, struck through").map(|c| c.properties().id), Some("old price"));
    }

    #[test]
    fn the_table_is_read_whole() {
        let table = include_str!("vocabulary.txt");
        let known = ["names", "paths", "metas", "labels", "marks", "values", "not"];
        for line in table.lines().filter(|l| !l.trim().is_empty() && !l.starts_with(['#', '['])) {
            let member = line.split_once(':').unwrap_or_else(|| panic!("{line}")).0;
            assert!(known.contains(&member), "{line}");
        }
        let heads: Vec<&str> =
            table.lines().filter_map(|l| l.strip_prefix('[').and_then(|l| l.strip_suffix(']'))).collect();
        let ids: Vec<&str> = Concept::ALL.iter().map(|c| c.properties().id).collect();
        assert_eq!(heads, ids, "every concept must have its words, in the order of the table");
        for words in Concept::ALL.iter().map(|c| c.words()) {
            assert!(!words.names.is_empty());
        }
    }

    #[test]
    fn no_name_means_two_things() {
        let mut seen = std::collections::HashSet::new();
        for name in Concept::ALL.iter().flat_map(|c| &c.words().names) {
            assert!(seen.insert(name), "{name}");
        }
    }
}
