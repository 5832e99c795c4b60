//! Names of months and words for days that count from today, in many languages. They are data, in `calendar.txt`.

use std::collections::HashMap;
use std::sync::LazyLock;

/// `calendar.txt`, read once.
struct Calendar {
    months: HashMap<String, i64>,
    phrases: HashMap<&'static str, Vec<&'static str>>,
}

static CALENDAR: LazyLock<Calendar> = LazyLock::new(|| {
    let (mut months, mut phrases) = (HashMap::new(), HashMap::new());
    let mut short: HashMap<String, Option<i64>> = HashMap::new();
    for line in include_str!("calendar.txt").lines().filter(|l| !l.starts_with('#')) {
        let Some((key, rest)) = line.split_once(':') else { continue };
        if key.len() > 2 {
            phrases.insert(key, rest.split(',').map(str::trim).collect());
            continue;
        }
        for (month, names) in (1..).zip(rest.split_whitespace()) {
            for name in names.split('/') {
                months.insert(name.to_owned(), month);
                let letters: Vec<char> = name.chars().collect();
                for length in 3..letters.len() {
                    // "jui" begins two months: it names none. English comes first in the table and stands.
                    if key == "en" {
                        months.insert(letters[..length].iter().collect(), month);
                    }
                    let known = short.entry(letters[..length].iter().collect()).or_insert(Some(month));
                    if *known != Some(month) {
                        *known = None;
                    }
                }
            }
        }
    }
    for (name, month) in short {
        if let Some(month) = month {
            months.entry(name).or_insert(month);
        }
    }
    Calendar { months, phrases }
});

/// The words of one kind: `ago`, `weeks` and so on.
pub(super) fn phrases(key: &str) -> &'static [&'static str] {
    CALENDAR.phrases.get(key).map(Vec::as_slice).unwrap_or_default()
}

/// The month that a word names, in any language of the table.
pub(crate) fn month_named(word: &str) -> Option<i64> {
    let word = word.trim_end_matches('.');
    if word.chars().count() < 3 && word.is_ascii() {
        return None;
    }
    CALENDAR.months.get(word).copied()
}

#[cfg(test)]
mod tests {
    use super::month_named;

    #[test]
    fn every_language_has_twelve_months() {
        for line in include_str!("calendar.txt").lines().filter(|l| l.as_bytes().get(2) == Some(&b':')) {
            assert_eq!(line.split_whitespace().count(), 13, "{line}");
        }
        assert_eq!((month_named("jui"), month_named("sept"), month_named("of")), (None, Some(9), None));
    }
}
