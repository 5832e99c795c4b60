//! Names of months and words for days relative to today, in many languages. They are data, in `calendar.txt`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// `calendar.txt`, parsed once.
struct Calendar {
    /// Months by name in any language; `None` if languages disagree.
    months: HashMap<String, Option<i64>>,
    /// Months by language, then name.
    by_language: HashMap<&'static str, HashMap<String, i64>>,
    phrases: HashMap<&'static str, Vec<&'static str>>,
    /// Names that contain a space, each with its form without the space.
    names_with_spaces: Vec<(String, String)>,
}

/// Added to the number of a month of the Persian calendar.
const PERSIAN_OFFSET: i64 = 100;

static CALENDAR: LazyLock<Calendar> = LazyLock::new(|| {
    let (mut months, mut by_language, mut phrases) = (HashMap::new(), HashMap::new(), HashMap::new());
    let mut short: HashMap<String, Option<i64>> = HashMap::new();
    let mut names_with_spaces = Vec::new();
    for line in include_str!("calendar.txt").lines().filter(|l| !l.starts_with('#')) {
        let Some((key, rest)) = line.split_once(':') else { continue };
        if key.len() > 2 {
            phrases.insert(key, rest.split(',').map(str::trim).collect());
            continue;
        }
        let from = if key == "pc" { PERSIAN_OFFSET } else { 0 };
        let language = if key == "pc" { "fa" } else { key };
        let own: &mut HashMap<String, i64> = by_language.entry(language).or_default();
        for (month, names) in (from + 1..).zip(rest.split_whitespace()) {
            for name in names.split('/').map(fold_accents) {
                if name.contains('_') {
                    names_with_spaces.push((name.replace('_', " "), name.replace('_', "")));
                }
                let name = name.replace('_', "");
                own.insert(name.clone(), month);
                // "Mac" is a word in other languages.
                if matches!(key, "ms" | "sw") {
                    continue;
                }
                let letters: Vec<char> = name.chars().collect();
                for length in 3..letters.len() {
                    let prefix: String = letters[..length].iter().collect();
                    // "jui" begins two months, so it names neither. English comes first in the table and has priority.
                    if key == "en" {
                        months.entry(prefix.clone()).or_insert(Some(month));
                    }
                    let known = short.entry(prefix).or_insert(Some(month));
                    if *known != Some(month) {
                        *known = None;
                    }
                }
                let known = months.entry(name).or_insert(Some(month));
                if *known != Some(month) {
                    *known = None;
                }
            }
        }
    }
    for (name, month) in short {
        months.entry(name).or_insert(month);
    }
    Calendar { months, by_language, phrases, names_with_spaces }
});

/// Returns a word without the accents that capitals and keyboards leave out: `ΜΑΪΟΥ`, `fevrier`, `KASIM`.
fn fold_accents(word: &str) -> String {
    let plain = |c: char| match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ì'..='ï' | 'ī' | 'į' | 'ı' => 'i',
        'ò'..='ö' | 'ő' => 'o',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'ų' => 'u',
        'ç' | 'ć' | 'č' => 'c',
        'ñ' | 'ń' => 'n',
        'ř' => 'r',
        'ś' | 'ş' | 'š' | 'ș' => 's',
        'ź' | 'ż' | 'ž' => 'z',
        'ý' => 'y',
        'ğ' => 'g',
        'ł' => 'l',
        'ά' => 'α',
        'έ' => 'ε',
        'ή' => 'η',
        'ί' | 'ϊ' | 'ΐ' => 'ι',
        'ό' => 'ο',
        'ύ' | 'ϋ' | 'ΰ' => 'υ',
        'ώ' => 'ω',
        'ς' => 'σ',
        other => other,
    };
    // The dot that remains when a Turkish capital İ becomes lower case.
    word.chars().filter(|c| *c != '\u{307}').map(plain).collect()
}

/// Returns the words of one kind: `ago`, `weeks` and so on.
pub(super) fn phrases(key: &str) -> &'static [&'static str] {
    CALENDAR.phrases.get(key).map(Vec::as_slice).unwrap_or_default()
}

/// Returns a text in which each name of a month is a single word.
pub(super) fn with_joined_months(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    let names = if text.is_ascii() { &[][..] } else { &CALENDAR.names_with_spaces };
    for (name, joined) in names {
        if text.contains(name.as_str()) {
            text = Cow::Owned(text.replace(name.as_str(), joined));
        }
    }
    text
}

/// A month that a word names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Month {
    /// 1 to 12.
    pub(super) number: i64,
    /// Whether it is one of the Persian calendar.
    pub(super) persian: bool,
}

/// Returns the month that a word names in the locale's language, otherwise in any language of the table.
pub(super) fn month_in_locale(word: &str, locale: &str) -> Option<Month> {
    let word = fold_accents(word.trim_end_matches('.'));
    if word.chars().count() < 3 && word.is_ascii() {
        return None;
    }
    let language = super::number_context::language(locale);
    let own = CALENDAR.by_language.get(language.as_str());
    // Hebrew joins "in" to the word: במאי.
    let bare = word.strip_prefix('ב').unwrap_or(&word);
    let month = [word.as_str(), bare]
        .into_iter()
        .find_map(|w| own.and_then(|own| own.get(w)).copied().or_else(|| CALENDAR.months.get(w).copied().flatten()))?;
    Some(Month { number: (month - 1) % PERSIAN_OFFSET + 1, persian: month > PERSIAN_OFFSET })
}

/// Returns the month that a word names, in any language of the table.
pub(crate) fn month_named(word: &str) -> Option<i64> {
    month_in_locale(word, "").map(|month| month.number)
}

#[cfg(test)]
mod tests {
    use super::{month_in_locale, month_named};

    #[test]
    fn every_language_has_twelve_months() {
        for line in include_str!("calendar.txt").lines().filter(|l| l.as_bytes().get(2) == Some(&b':')) {
            assert_eq!(line.split_whitespace().count(), 13, "{line}");
        }
        assert_eq!((month_named("listopada"), month_named("mac")), (None, None));
        let of = |word: &str, locale: &str| month_in_locale(word, locale).map(|m| m.number);
        assert_eq!((of("listopada", "hr-HR"), of("listopada", "pl-PL")), (Some(10), Some(11)));
        assert_eq!((of("μαϊου", "el"), of("kasim", "tr"), of("mac", "ms")), (Some(5), Some(11), Some(3)));
        assert_eq!((month_named("jui"), month_named("sept"), month_named("of")), (None, Some(9), None));
    }
}
