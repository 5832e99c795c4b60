//! What field names mean. The table is data, in `vocabulary.txt`; this reads it once, splits names into words and
//! finds the concept of a name or of a label on a page.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a field name may mean. Each member is a line of the table.
#[derive(Debug, Default)]
pub(crate) struct Concept {
    pub(crate) id: &'static str,
    pub(crate) names: Vec<&'static str>,
    pub(crate) paths: Vec<&'static str>,
    pub(crate) metas: Vec<&'static str>,
    pub(crate) labels: Vec<String>,
    pub(crate) marks: Vec<&'static str>,
    pub(crate) not: Vec<&'static str>,
    pub(crate) page: &'static str,
    pub(crate) shape: &'static str,
}

impl Concept {
    /// Whether its values are addresses, which are given absolute.
    pub(crate) fn is_address(&self) -> bool {
        matches!(self.id, "image" | "url")
    }
}

struct Vocabulary {
    concepts: Vec<Concept>,
    by_name: HashMap<String, usize>,
    /// Names of several words, in the singular, longest first.
    phrases: Vec<(String, usize)>,
}

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let concepts = read(include_str!("vocabulary.txt"));
    let mut by_name = HashMap::new();
    for (at, concept) in concepts.iter().enumerate() {
        for name in &concept.names {
            by_name.entry((*name).to_owned()).or_insert(at);
        }
        for name in &concept.names {
            by_name.entry(singular(name).into_owned()).or_insert(at);
        }
    }
    let several = |(at, c): (usize, &Concept)| -> Vec<(String, usize)> {
        c.names.iter().filter(|n| n.contains(' ')).map(|n| (format!(" {} ", singular(n)), at)).collect()
    };
    let mut phrases: Vec<(String, usize)> = concepts.iter().enumerate().flat_map(several).collect();
    phrases.sort_by_key(|(phrase, _)| std::cmp::Reverse(phrase.len()));
    Vocabulary { concepts, by_name, phrases }
});

/// Every concept.
pub(crate) fn concepts() -> &'static [Concept] {
    &VOCABULARY.concepts
}

/// Reads the table. Lines that are neither a head, a member nor a comment are passed over; a test sees to it that
/// there are none.
fn read(table: &'static str) -> Vec<Concept> {
    let mut out: Vec<Concept> = Vec::new();
    for line in table.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        if let Some(id) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            out.push(Concept { id, ..Concept::default() });
        } else if let (Some(concept), Some((member, value))) = (out.last_mut(), line.split_once(':')) {
            let list = || value.split(',').map(str::trim).filter(|v| !v.is_empty());
            match member {
                "names" => concept.names = list().collect(),
                "paths" => concept.paths = list().collect(),
                "metas" => concept.metas = list().collect(),
                "labels" => concept.labels = list().map(words).collect(),
                "marks" => concept.marks = list().collect(),
                "not" => concept.not = list().collect(),
                "page" => concept.page = value.trim(),
                "shape" => concept.shape = value.trim(),
                _ => {}
            }
        }
    }
    out
}

/// Words that only say what kind of page it is: `productName`, `articleTitle`, `the_price`.
const KINDS: [&str; 33] = [
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
/// Words at the end that say how a value is written, not what it is.
const TAILS: [&str; 30] = [
    "minute", "min", "hour", "second", "usd", "eur", "gbp", "in", "text", "value", "string", "number", "name", "kg",
    "gram", "cm", "mm", "percent", "raw", "iso", "display", "list", "flag", "status", "utc", "at", "on", "total",
    "info", "day",
];

/// A name as lower-case words with single spaces: `datePublished`, `date_published` and `Date published` are one.
pub(crate) fn words(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut before: Option<char> = None;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if !c.is_alphanumeric() {
            // An apostrophe joins: "let's".
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

/// Each word in the singular, as far as a rule of thumb goes.
pub(crate) fn singular(words: &str) -> Cow<'_, str> {
    // Most labels have no word that ends in "s": they are what they are.
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

fn find(words: &str) -> Option<&'static Concept> {
    let vocabulary = &*VOCABULARY;
    let at = vocabulary.by_name.get(words).or_else(|| vocabulary.by_name.get(&*singular(words)))?;
    vocabulary.concepts.get(*at)
}

/// What a field name means, if the table knows it: as it stands, then without words that only say what kind of page
/// it is or how the value is written.
pub(crate) fn concept_of(name: &str) -> Option<&'static Concept> {
    let whole = words(name);
    let mut head = whole.as_str();
    loop {
        let mut tail = head;
        loop {
            if let Some(found) = find(tail) {
                return Some(found);
            }
            match tail.rsplit_once(' ') {
                Some((rest, last)) if TAILS.contains(&&*singular(last)) => tail = rest,
                Some(_) | None => break,
            }
        }
        match head.split_once(' ') {
            Some((first, rest)) if KINDS.contains(&first) => head = rest,
            Some(_) | None => return None,
        }
    }
}

/// The concept with the longest name of at least two words that stands in a hint.
pub(crate) fn concept_in(hint: &str) -> Option<&'static Concept> {
    let hint = format!(" {} ", singular(&words(hint)));
    let found = VOCABULARY.phrases.iter().find(|(phrase, _)| hint.contains(phrase.as_str()))?;
    concepts().get(found.1)
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
            assert_eq!(concept_of(name).unwrap_or_else(|| panic!("{name}")).id, id, "{name}");
        }
        assert!(concept_of("flux capacitor").is_none());
        assert_eq!(concept_in("the original price, struck through").map(|c| c.id), Some("old price"));
    }

    #[test]
    fn the_table_is_read_whole() {
        let table = include_str!("vocabulary.txt");
        let known = ["names", "paths", "metas", "labels", "marks", "not", "page", "shape"];
        for line in table.lines().filter(|l| !l.trim().is_empty() && !l.starts_with(['#', '['])) {
            let member = line.split_once(':').unwrap_or_else(|| panic!("{line}")).0;
            assert!(known.contains(&member), "{line}");
        }
        assert_eq!(concepts().len(), table.lines().filter(|l| l.starts_with('[')).count());
    }

    #[test]
    fn no_name_means_two_things() {
        let mut seen = std::collections::HashSet::new();
        for name in concepts().iter().flat_map(|c| &c.names) {
            assert!(seen.insert(name), "{name}");
        }
    }
}
