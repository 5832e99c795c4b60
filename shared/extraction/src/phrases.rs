//! Words that pages of every kind use, whatever the field: what stands before a name, what joins two days, what links
//! say. The lists are data, in `phrases.txt`; a list without words, or words without a list, does not pass the tests. It knows neither pages nor concepts.

use std::collections::HashSet;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};

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
    /// The beginnings of words for asking, answering and posting, before a day or a name.
    ToldBy = "told by";
    /// What says that somebody made a thing: "written by".
    MadeBy = "made by";
    /// What says the same of pictures alone.
    DrawnBy = "drawn by";
    /// Verbs of who has things or services for others.
    Offers = "offers";
    /// What stands between a deed and its day: "created in 1998".
    DayLeads = "day leads";
    /// What joins the ends of a range.
    RangeJoints = "range joints";
    /// Words that label something of a known kind on a page, but mean something of their own as a field's name.
    PlainWords = "plain words";
    /// What icons stand for, by the words of their classes or by their signs: the key is a label.
    Icons = "icons";
    /// What labels have behind or before what they name: "available", "of operation".
    Qualifiers = "qualifiers";
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
    /// What begins the name of a part of an organisation.
    Departments = "departments";
    /// Words of what people are by trade or office.
    Occupations = "occupations";
    /// What pictures are made with, on, and the word between the two.
    Paints = "paints";
    PaintedOn = "painted on";
    Surfaces = "surfaces";
    /// What says for which span money is paid: "a year".
    PayPeriods = "pay periods";
    /// Units of lengths of time.
    TimeUnits = "time units";
    /// What links say that lead to what a field's word, the key, names.
    Links = "links";
    /// What stands before the address of a thing's own site.
    OwnSite = "own site";
    /// What says yes where it is a whole text, or its first word and set apart.
    AnswersYes = "answers yes";
    /// What says no in the same way.
    AnswersNo = "answers no";
    /// What says that a thing cannot be had.
    Gone = "gone";
    /// What else says no wherever it stands.
    Refusals = "refusals";
    /// What says that a thing can be had.
    There = "there";
    /// What else says yes wherever it stands, unless it is denied or for a later time.
    Promises = "promises";
    /// Words that deny what follows.
    Denials = "denials";
    /// Words that deny what they follow.
    DenialsBehind = "denials behind";
    /// Words for a time to come.
    Soon = "soon";
    /// Words before a refusal that say that it is not there yet: "almost sold out".
    Nearly = "nearly";
    /// What is asked of or offered to those who cannot buy: a word when it is there again.
    Requests = "requests";
    /// What says that a few are there, beside their number.
    Left = "left";
    /// What says that few are there, without a number.
    Few = "few";
    /// What a count of pieces stands beside.
    Stock = "stock";
    /// What buttons say that put a thing into a cart or buy it.
    Buy = "buy";
    /// Words before an amount that was paid once, or is paid elsewhere.
    PaidOnce = "paid once";
    /// Words before an amount that is the one to pay.
    PaidNow = "paid now";
    /// Words before an amount that is saved, sent or added.
    NotThePrice = "not the price";
    /// The same words where they follow it.
    NotThePriceBehind = "not the price behind";
    /// Words before an amount of which there are cheaper and dearer ones.
    PriceBefore = "price before";
    /// What follows an amount that is one of a measure's, or of a month's.
    PerUnit = "per unit";
    /// Words beside an amount to which a tax is added.
    Untaxed = "untaxed";
    /// Words before an amount of which several are paid.
    Instalments = "instalments";
    /// Words of a text in which digits without a currency are to be called.
    Calls = "calls";
    /// What begins a line that names who wrote it.
    By = "by";
    /// What else stands before such a name, and begins other lines too.
    NameLeads = "name leads";
    /// Words of which no name is made.
    NoNames = "no names";
    /// What those who write are called, behind their names.
    Roles = "roles";
    /// What says that a day is the one of a change.
    Changed = "changed";
    /// What says that a day is the one of publication.
    Published = "published";
    /// What says that a day has nothing to do with the page.
    OtherDays = "other days";
    /// Words around an amount on a page that say that it is something else.
    OtherAmounts = "other amounts";
    /// What stands for a price that is told on request.
    OnRequest = "on request";
    /// What stands for a price of nothing.
    Free = "free";
    /// The beginnings of words for reviews and votes, which are counted.
    Reviews = "reviews";
    /// Who gives a rating.
    Raters = "raters";
    /// What follows a rating, likeliest first.
    BestRating = "best rating";
    /// Titles that say nothing.
    Unnamed = "unnamed";
    /// Words in an address that say that a picture is no content.
    Decoration = "decoration";
    /// Words for "all" before the plural of a label: a link to everything, no value.
    Every = "every";
    /// What begins a price that is the least of several.
    LeastOf = "least of";
    /// Headings above other things than the one that the page is about.
    Related = "related";
    /// What links say around the name of a brand, which the star stands for.
    Prompts = "prompts";
    /// What stands in the place of a value that nobody gave.
    NoValue = "no value";
    /// What stands in the place of a name or a code.
    Nameless = "nameless";
    /// What begins a text that asks to choose a value.
    Unchosen = "unchosen";
    /// What shops show behind a code: buttons that copy it.
    CodeTails = "code tails";
    /// What stands between what somebody is and whom for.
    WorksAt = "works at";
}

/// One list.
#[derive(Default)]
struct List {
    /// Its words by the key of their line, which is a language or what they are said of.
    lines: Vec<(&'static str, Vec<&'static str>)>,
    all: Vec<&'static str>,
    set: HashSet<&'static str>,
    /// Finds all of them in one pass. `None` only if they were too many to be compiled, which a test excludes.
    finder: OnceLock<Option<AhoCorasick>>,
}

static LISTS: LazyLock<Vec<List>> = LazyLock::new(|| {
    let mut lists: Vec<List> = std::iter::repeat_with(List::default).take(Phrases::IDS.len()).collect();
    let mut list = None;
    for line in include_str!("phrases.txt").lines().map(str::trim).filter(|l| !l.starts_with('#')) {
        if let Some(head) = line.strip_prefix('<').and_then(|l| l.strip_suffix('>')) {
            list = Phrases::IDS.iter().position(|id| *id == head);
        } else if let (Some((key, words)), Some(list)) = (line.split_once(':'), list.and_then(|at| lists.get_mut(at))) {
            let words: Vec<&'static str> = words.split(',').map(str::trim).filter(|w| !w.is_empty()).collect();
            list.all.extend(&words);
            list.set.extend(&words);
            list.lines.push((key, words));
        }
    }
    lists
});

impl Phrases {
    fn list(self) -> &'static List {
        // One for each of the enum.
        &LISTS[self as usize]
    }

    /// Every word of the list, in any language.
    pub(crate) fn all(self) -> impl Iterator<Item = &'static str> {
        self.list().all.iter().copied()
    }

    /// The words of one line.
    pub(crate) fn of(self, key: &str) -> impl Iterator<Item = &'static str> {
        self.list().lines.iter().filter(move |(k, _)| *k == key).flat_map(|(_, words)| words.iter().copied())
    }

    /// The keys of the lines that have a word of a kind.
    pub(crate) fn keys(self, is: impl Fn(&str) -> bool) -> impl Iterator<Item = &'static str> {
        self.list().lines.iter().filter(move |(_, words)| words.iter().any(|w| is(w))).map(|(key, _)| *key)
    }

    /// Whether a word, in lower case, is one of them.
    pub(crate) fn has(self, word: &str) -> bool {
        self.list().set.contains(word)
    }

    /// Where they stand in a text in lower case as words of their own, from where to where, in the order of their ends;
    /// those within each other too.
    pub(crate) fn places(self, text: &str) -> impl Iterator<Item = (usize, usize)> {
        let finder = self.list().finder.get_or_init(|| finder(self.all()));
        let found = finder.iter().flat_map(move |finder| finder.find_overlapping_iter(text));
        found.map(|found| (found.start(), found.end())).filter(move |(from, to)| is_whole(text, *from, *to))
    }

    /// Whether one of them stands in a text in lower case as a word of its own.
    pub(crate) fn stands_in(self, text: &str) -> bool {
        self.places(text).next().is_some()
    }

    /// Where the first of them stands in a text in lower case as words of their own, and its length; the longest
    /// where several start there.
    pub(crate) fn find(self, text: &str) -> Option<(usize, usize)> {
        let found = self.places(text).map(|(from, to)| (from, to - from));
        found.min_by_key(|(at, length)| (*at, std::cmp::Reverse(*length)))
    }

    /// The length of the longest of them that a text in lower case begins with, as a word of its own.
    pub(crate) fn begins(self, text: &str) -> Option<usize> {
        self.places(text).filter(|(from, _)| *from == 0).map(|(_, to)| to).max()
    }

    /// Whether a text in lower case ends in one of them, as a word of its own.
    pub(crate) fn ends(self, text: &str) -> bool {
        self.places(text).any(|(_, to)| to == text.len())
    }
}

/// Finds all of some phrases in one pass. A contiguous automaton is made ten times as fast as the default one, which a
/// function that starts pays for.
pub(crate) fn finder(phrases: impl IntoIterator<Item = &'static str>) -> Option<AhoCorasick> {
    AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(phrases).ok()
}

/// Whether a script runs its words together, so that they have no boundaries.
pub(crate) fn runs_on(c: char) -> bool {
    c > '\u{2e7f}' || ('\u{e00}'..='\u{eff}').contains(&c)
}

/// Whether what stands from one place to another is bounded as words are. Signs and scripts without spaces are not.
pub(crate) fn is_whole(text: &str, from: usize, to: usize) -> bool {
    let touches = |inner: Option<char>, outer: Option<char>| {
        let is_letter = |c: char| c.is_alphanumeric() && !runs_on(c);
        inner.is_some_and(is_letter) && outer.is_some_and(is_letter)
    };
    let (Some(before), Some(phrase), Some(behind)) = (text.get(..from), text.get(from..to), text.get(to..)) else {
        return false;
    };
    !touches(phrase.chars().next(), before.chars().next_back())
        && !touches(phrase.chars().next_back(), behind.chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_words_and_every_word_a_list() {
        let heads: Vec<&str> = include_str!("phrases.txt")
            .lines()
            .filter_map(|l| l.strip_prefix('<').and_then(|l| l.strip_suffix('>')))
            .collect();
        assert_eq!(heads, Phrases::IDS, "the table has the lists in the order of the enum");
        for list in LISTS.iter() {
            assert!(!list.lines.is_empty() && list.lines.iter().all(|(_, words)| !words.is_empty()));
            assert!(finder(list.all.iter().copied()).is_some());
        }
    }

    #[test]
    fn words_are_found_whole() {
        assert_eq!(Phrases::LocatedIn.find("a mill located in leer"), Some((7, 10)));
        assert_eq!(Phrases::LocatedIn.find("dislocated inside"), None);
        assert_eq!(Phrases::Links.of("apply").next(), Some("apply"));
        assert!(Phrases::Particles.has("von") && !Phrases::Particles.has("Von"));
        assert!(
            Phrases::Gone.stands_in("申し訳ありません在庫切れです") && !Phrases::There.stands_in("within stockholm")
        );
        assert_eq!((Phrases::PerUnit.begins("per month"), Phrases::PerUnit.begins("person")), (Some(3), None));
        assert!(Phrases::PaidOnce.ends("it was") && !Phrases::PaidOnce.ends("it was not"));
    }
}
