//! Words that pages of every kind use, whatever the field: what stands before a name, what joins two days, what links
//! say. The lists are data, in `phrases.txt`; a test fails if a list has no words or words have no list. Depends on
//! neither pages nor concepts.

use std::collections::HashSet;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};

macro_rules! phrases {
    ($($(#[$doc:meta])* $name:ident = $id:literal;)*) => {
        /// A list of words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Phrases { $($(#[$doc])* $name),* }

        impl Phrases {
            /// The ids of the lists in the table, in the order of the enum.
            const IDS: &'static [&'static str] = &[$($id),*];
        }
    };
}

phrases! {
    /// Words before a person or a place: "by", "at".
    Prepositions = "prepositions";
    /// Words inside names, such as "of" and "de".
    WordsInNames = "words in names";
    /// Beginnings of words for asking, answering and posting, before a day or a name.
    PostedBy = "posted by";
    /// Phrases that say who made a thing: "written by".
    MadeBy = "made by";
    /// Phrases that say who made a picture.
    DrawnBy = "drawn by";
    /// Verbs of somebody who has things or services for others.
    OfferVerbs = "offer verbs";
    /// Words between a verb and its day: "created in 1998".
    DayPrepositions = "day prepositions";
    /// Words and signs that join the ends of a range.
    RangeSeparators = "range separators";
    /// Words that label something of a known kind on a page, but have another meaning as a field's name.
    LabelsOnly = "labels only";
    /// What icons stand for, by the words of their classes or by their signs; the key is a label.
    Icons = "icons";
    /// Words that labels add after or before what they name: "available", "of operation".
    Qualifiers = "qualifiers";
    /// Last words of names that do not say what is meant.
    GenericLastWords = "generic last words";
    /// Words in a field's name for the lower end of a range.
    LowerEnd = "lower end";
    /// Words in a field's name for the upper end of a range.
    UpperEnd = "upper end";
    /// Phrases before the place where something is: "located in".
    LocatedIn = "located in";
    /// Regions by the letters that addresses use for them.
    Regions = "regions";
    /// Countries, as written in the last line of an address.
    Countries = "countries";
    /// Titles before a person's name that are not part of it.
    PersonTitles = "person titles";
    /// Particles that begin a last name of several words.
    Particles = "particles";
    /// Words that occur only in names of organisations.
    Organisations = "organisations";
    /// Words that begin the name of a department.
    Departments = "departments";
    /// Words for trades and offices of people.
    Occupations = "occupations";
    /// What pictures are made with, what they are made on, and the words between the two.
    Paints = "paints";
    PaintedOn = "painted on";
    Surfaces = "surfaces";
    /// Words for the period that money is paid for: "a year".
    PayPeriods = "pay periods";
    /// Units of durations.
    TimeUnits = "time units";
    /// Texts of links that lead to what the key, a word of a field, names.
    LinkTexts = "link texts";
    /// Words before the address of a thing's own site.
    WebsitePrefixes = "website prefixes";
    /// Answers that mean yes as a whole text, or as its first word set apart.
    AnswersYes = "answers yes";
    /// Answers that mean no in the same way.
    AnswersNo = "answers no";
    /// Phrases for a thing that is not available.
    Unavailable = "unavailable";
    /// Other phrases that mean no wherever they stand.
    NegativeStates = "negative states";
    /// Phrases for a thing that is available.
    Available = "available";
    /// Other phrases that mean yes wherever they stand, unless denied or for a later time.
    PositiveStates = "positive states";
    /// Words that deny what follows.
    Negations = "negations";
    /// Words that deny what precedes them.
    TrailingNegations = "trailing negations";
    /// Words for a later time.
    LaterTimes = "later times";
    /// Words before an unavailable state that is not reached yet: "almost sold out".
    AlmostWords = "almost words";
    /// Requests and offers for people who cannot buy a thing now, such as a notice when it is back.
    RestockRequests = "restock requests";
    /// Words beside the remaining number of pieces: "left".
    RemainingWords = "remaining words";
    /// Phrases for a small remaining quantity, without a number.
    FewRemaining = "few remaining";
    /// Words beside a count of pieces.
    StockWords = "stock words";
    /// Texts of buttons that buy a thing or put it into a cart.
    BuyButtons = "buy buttons";
    /// Words before an amount that was paid earlier, or is paid elsewhere.
    FormerAmounts = "former amounts";
    /// Words before the amount to pay.
    AmountDue = "amount due";
    /// Words before an amount other than the price: a saving, shipping, a deposit, a reduced fare.
    NotThePrice = "not the price";
    /// Words of the same meaning after an amount.
    NotThePriceAfter = "not the price after";
    /// Words before the price, or before one of several prices: "price", "from".
    PricePrefixes = "price prefixes";
    /// Words after an amount per measure or per month.
    PerUnit = "per unit";
    /// Words beside an amount without tax.
    Untaxed = "untaxed";
    /// Words before an amount that is paid in several instalments.
    Instalments = "instalments";
    /// Words that mark digits without a currency as a number to call.
    PhoneWords = "phone words";
    /// Words that begin a line naming its author.
    BylinePrefixes = "byline prefixes";
    /// Other words before such a name, which also begin other lines.
    NamePrefixes = "name prefixes";
    /// Words that are never part of a name.
    NotInNames = "not in names";
    /// Roles of writers, after their names.
    WriterRoles = "writer roles";
    /// Words that mark a day as the day of a change.
    Changed = "changed";
    /// Words that mark a day as the day of publication.
    Published = "published";
    /// Words that mark a day as unrelated to the page.
    OtherDays = "other days";
    /// Words around an amount that mark it as something other than the price.
    OtherAmounts = "other amounts";
    /// Phrases in place of a price that is given on request.
    OnRequest = "on request";
    /// Words in place of a price of zero.
    ZeroPrice = "zero price";
    /// Beginnings of words for reviews and votes, which are counted.
    Reviews = "reviews";
    /// Words for those who rate.
    Raters = "raters";
    /// What follows a rating, most likely first.
    BestRating = "best rating";
    /// Titles without meaning.
    MeaninglessTitles = "meaningless titles";
    /// Words in an address that mark a picture as decoration.
    Decoration = "decoration";
    /// Words for "all" before the plural of a label: a link to everything, not a value.
    WordsForAll = "words for all";
    /// Words that begin a price that is the lowest of several.
    LowestPricePrefixes = "lowest price prefixes";
    /// Headings above things other than the subject of the page.
    Related = "related";
    /// What links say around the name of a brand; the star stands for the name.
    BrandLinkTexts = "brand link texts";
    /// Texts in place of a missing value.
    NoValue = "no value";
    /// Texts in place of a missing name or code.
    MissingNames = "missing names";
    /// Words that begin a request to choose a value.
    ChoicePrompts = "choice prompts";
    /// Texts that shops show after a code: buttons that copy it.
    CodeButtons = "code buttons";
    /// Words between a person's role and the employer.
    WorksAt = "works at";
}

/// One list.
#[derive(Default)]
struct List {
    /// Its words by the key of their line: a language, or what the words say something about.
    lines: Vec<(&'static str, Vec<&'static str>)>,
    all: Vec<&'static str>,
    set: HashSet<&'static str>,
    /// Finds all of them in one pass. `None` only if they are too many to compile, which a test rules out.
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
        // One list per variant of the enum.
        &LISTS[self as usize]
    }

    /// Yields every word of the list, in any language.
    pub(crate) fn all(self) -> impl Iterator<Item = &'static str> {
        self.list().all.iter().copied()
    }

    /// Yields the words of one line.
    pub(crate) fn of_key(self, key: &str) -> impl Iterator<Item = &'static str> {
        self.list().lines.iter().filter(move |(k, _)| *k == key).flat_map(|(_, words)| words.iter().copied())
    }

    /// Yields the keys of the lines that have a matching word.
    pub(crate) fn keys(self, is: impl Fn(&str) -> bool) -> impl Iterator<Item = &'static str> {
        self.list().lines.iter().filter(move |(_, words)| words.iter().any(|w| is(w))).map(|(key, _)| *key)
    }

    /// Returns whether a word, in lower case, is in the list.
    pub(crate) fn has(self, word: &str) -> bool {
        self.list().set.contains(word)
    }

    /// Yields the ranges where phrases of the list stand as whole words in a text in lower case, in the order of their
    /// ends, overlapping ones included.
    pub(crate) fn find_all(self, text: &str) -> impl Iterator<Item = (usize, usize)> {
        let finder = self.list().finder.get_or_init(|| finder(self.all()));
        let found = finder.iter().flat_map(move |finder| finder.find_overlapping_iter(text));
        found.map(|found| (found.start(), found.end())).filter(move |(from, to)| is_whole_word(text, *from, *to))
    }

    /// Returns whether a phrase of the list stands as a whole word in a text in lower case.
    pub(crate) fn occurs_in(self, text: &str) -> bool {
        self.find_all(text).next().is_some()
    }

    /// Returns where the first phrase of the list stands as a whole word in a text in lower case, and its length.
    /// Prefers the longest of those that start there.
    pub(crate) fn find(self, text: &str) -> Option<(usize, usize)> {
        let found = self.find_all(text).map(|(from, to)| (from, to - from));
        found.min_by_key(|(at, length)| (*at, std::cmp::Reverse(*length)))
    }

    /// Returns the length of the longest phrase of the list that begins a text in lower case, as a whole word.
    pub(crate) fn prefix_len(self, text: &str) -> Option<usize> {
        self.find_all(text).filter(|(from, _)| *from == 0).map(|(_, to)| to).max()
    }

    /// Returns whether a text in lower case ends in a phrase of the list, as a whole word.
    pub(crate) fn is_suffix_of(self, text: &str) -> bool {
        self.find_all(text).any(|(_, to)| to == text.len())
    }
}

/// Builds an automaton that finds all of some phrases in one pass. A contiguous one is built ten times as fast as the
/// default, which counts at a cold start.
pub(crate) fn finder(phrases: impl IntoIterator<Item = &'static str>) -> Option<AhoCorasick> {
    AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(phrases).ok()
}

/// Returns whether a character belongs to a script that does not separate words.
pub(crate) fn is_unspaced_script(c: char) -> bool {
    c > '\u{2e7f}' || ('\u{e00}'..='\u{eff}').contains(&c)
}

/// Returns whether a range of a text is bounded like a word. Signs and scripts without spaces need no boundary.
pub(crate) fn is_whole_word(text: &str, from: usize, to: usize) -> bool {
    let touches = |inner: Option<char>, outer: Option<char>| {
        let is_letter = |c: char| c.is_alphanumeric() && !is_unspaced_script(c);
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
        assert_eq!(heads, Phrases::IDS, "the table must have the lists in the order of the enum");
        for list in LISTS.iter() {
            assert!(!list.lines.is_empty() && list.lines.iter().all(|(_, words)| !words.is_empty()));
            assert!(finder(list.all.iter().copied()).is_some());
        }
    }

    #[test]
    fn words_are_found_whole() {
        assert_eq!(Phrases::LocatedIn.find("a mill located in leer"), Some((7, 10)));
        assert_eq!(Phrases::LocatedIn.find("dislocated inside"), None);
        assert_eq!(Phrases::LinkTexts.of_key("apply").next(), Some("apply"));
        assert!(Phrases::Particles.has("von") && !Phrases::Particles.has("Von"));
        assert!(
            Phrases::Unavailable.occurs_in("申し訳ありません在庫切れです")
                && !Phrases::Available.occurs_in("within stockholm")
        );
        assert_eq!((Phrases::PerUnit.prefix_len("per month"), Phrases::PerUnit.prefix_len("person")), (Some(3), None));
        assert!(Phrases::FormerAmounts.is_suffix_of("it was") && !Phrases::FormerAmounts.is_suffix_of("it was not"));
    }
}
