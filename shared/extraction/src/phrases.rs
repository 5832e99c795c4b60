//! Words that pages of every kind use, whatever the field: what stands before a name, what joins two days, what links
//! say. The lists are data, in the second part of `vocabulary.txt`; a list without words, or words without a list, does
//! not pass the tests. It knows neither pages nor concepts.

use std::sync::LazyLock;

macro_rules! phrases {
    ($($(#[$doc:meta])* $name:ident = $id:literal;)*) => {
        /// A list of words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Phrases { $($(#[$doc])* $name),* }

        impl Phrases {
            /// The lists' names in the table, in the order of the enum.
            const IDS: &'static [&'static str] = &[$($id),*];
        }
    };
}

phrases! {
    /// What leads from what is told to who or where it is told of.
    Leads = "leads";
    /// What stands inside of names.
    Joiners = "joiners";
    /// What says that somebody made a thing: "written by".
    MadeBy = "made by";
    /// Verbs of who has things or services for others.
    Offers = "offers";
    /// What stands between a deed and its day: "created in 1998".
    DayLeads = "day leads";
    /// What joins the ends of a range.
    RangeJoints = "range joints";
    /// Last words of names that say nothing of what is meant.
    VagueHeads = "vague heads";
    /// What says that an end of a range is the lower one, in a field's name.
    LowerEnd = "lower end";
    /// The same of the upper one.
    UpperEnd = "upper end";
    /// What stands before the place where something is: "located in".
    LocatedIn = "located in";
    /// Regions by the letters that addresses have for them.
    Regions = "regions";
    /// Countries, as the last line of an address has them.
    Countries = "countries";
    /// What stands before a person's name and is no part of it.
    PersonTitles = "person titles";
    /// What begins a last name of several words.
    Particles = "particles";
    /// Words that only names of organisations have.
    Organisations = "organisations";
    /// What says for which span money is paid: "a year".
    PayPeriods = "pay periods";
    /// What links say that lead to what a field's word, the key, names.
    Links = "links";
    /// What stands before the address of a thing's own site.
    OwnSite = "own site";
}

/// One list: its words by the key of their line, which is a language or what they are said of.
type Lines = Vec<(&'static str, Vec<&'static str>)>;

static LISTS: LazyLock<Vec<Lines>> = LazyLock::new(|| {
    let mut lists = vec![Lines::new(); Phrases::IDS.len()];
    let mut list = None;
    for line in include_str!("vocabulary.txt").lines().map(str::trim).filter(|l| !l.starts_with('#')) {
        if let Some(head) = line.strip_prefix('<').and_then(|l| l.strip_suffix('>')) {
            list = Phrases::IDS.iter().position(|id| *id == head);
        } else if line.starts_with('[') {
            list = None;
        } else if let (Some((key, words)), Some(lines)) = (line.split_once(':'), list.and_then(|at| lists.get_mut(at)))
        {
            lines.push((key, words.split(',').map(str::trim).filter(|w| !w.is_empty()).collect()));
        }
    }
    lists
});

impl Phrases {
    fn lines(self) -> &'static [(&'static str, Vec<&'static str>)] {
        LISTS.get(self as usize).map_or(&[], Vec::as_slice)
    }

    /// Every word of the list, in any language.
    pub(crate) fn all(self) -> impl Iterator<Item = &'static str> {
        self.lines().iter().flat_map(|(_, words)| words.iter().copied())
    }

    /// The words of one line.
    pub(crate) fn of(self, key: &str) -> impl Iterator<Item = &'static str> {
        self.lines().iter().filter(move |(k, _)| *k == key).flat_map(|(_, words)| words.iter().copied())
    }

    /// Whether a word, in lower case, is one of them.
    pub(crate) fn has(self, word: &str) -> bool {
        self.all().any(|w| w == word)
    }

    /// Where the first of them stands in a text in lower case as words of their own, and its length; the longest
    /// where several start there.
    pub(crate) fn find(self, text: &str) -> Option<(usize, usize)> {
        let whole = |at: usize, word: &str| {
            !text[..at].ends_with(char::is_alphanumeric) && !text[at + word.len()..].starts_with(char::is_alphanumeric)
        };
        let found =
            self.all().filter_map(|w| text.match_indices(w).map(|(at, w)| (at, w.len())).find(|(at, _)| whole(*at, w)));
        found.min_by_key(|(at, length)| (*at, std::cmp::Reverse(*length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_words_and_every_word_a_list() {
        let heads: Vec<&str> = include_str!("vocabulary.txt")
            .lines()
            .filter_map(|l| l.strip_prefix('<').and_then(|l| l.strip_suffix('>')))
            .collect();
        assert_eq!(heads, Phrases::IDS, "the table has the lists in the order of the enum");
        assert!(LISTS.iter().all(|lines| !lines.is_empty() && lines.iter().all(|(_, words)| !words.is_empty())));
    }

    #[test]
    fn words_are_found_whole() {
        assert_eq!(Phrases::LocatedIn.find("a mill located in leer"), Some((7, 10)));
        assert_eq!(Phrases::LocatedIn.find("dislocated inside"), None);
        assert_eq!(Phrases::Links.of("apply").next(), Some("apply"));
        assert!(Phrases::Particles.has("von") && !Phrases::Particles.has("Von"));
    }
}
