//! Reads towns with their postal codes, in the formats of many countries.

use crate::concept::Concept;

/// An address in parts; missing parts are empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AddressParts {
    pub(super) street: String,
    pub(super) city: String,
    pub(super) region: String,
    pub(super) code: String,
    pub(super) country: String,
}

impl AddressParts {
    /// Returns the part that a concept asks for.
    pub(super) fn part(self, concept: Option<Concept>) -> String {
        match concept {
            Some(Concept::Address) => self.street,
            Some(Concept::City | Concept::JobLocation) => self.city,
            Some(Concept::Region) => self.region,
            Some(Concept::PostalCode) => self.code,
            Some(Concept::Country) => self.country,
            _ => String::new(),
        }
    }
}

/// Reads "Rua das Flores, 250 - Centro, Curitiba - PR, 80020-090": the code stands alone after the town with its state.
pub(super) fn read_brazilian_address(pieces: &[&str]) -> Option<AddressParts> {
    let [rest @ .., place, code] = pieces else { return None };
    let code = code.strip_prefix("CEP").unwrap_or(code).trim();
    let (city, region) = place.rsplit_once(" - ").or_else(|| place.rsplit_once('/'))?;
    let state = region.trim();
    if !is_hyphenated_code(code) || code.len() != 9 || state.len() != 2 || !is_town_name(city.trim()) {
        return None;
    }
    let street = rest.join(", ");
    Some(AddressParts {
        street,
        city: city.trim().into(),
        region: state.into(),
        code: code.into(),
        ..AddressParts::default()
    })
}

/// Returns whether a text may be the name of a town.
pub(super) fn is_town_name(text: &str) -> bool {
    text.starts_with(char::is_uppercase)
        && text.split(' ').count() <= 4
        && text.chars().all(|c| c.is_alphabetic() || " -.'’".contains(c))
}

/// Reads `OR 97477`, `Oregon 97477`, `ON K1A 0B1`, `26789 Leer`, `1012 AB Amsterdam`, `York YO1 7HH`.
pub(super) fn read_town(piece: &str) -> Option<AddressParts> {
    // `10121 Torino (TO)`
    let bracket = piece.strip_suffix(')').and_then(|p| p.rsplit_once(" ("));
    if let Some((town_with_code, province)) = bracket.filter(|(_, p)| p.len() == 2) {
        return read_town(town_with_code).map(|parts| AddressParts { region: province.to_owned(), ..parts });
    }
    // `〒650-0001 神戸市…`
    if let Some(rest) = piece.strip_prefix('〒') {
        let code: String = rest.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
        return (code.len() == 8).then(|| AddressParts { code, ..AddressParts::default() });
    }
    let words: Vec<&str> = piece.split_whitespace().collect();
    let name = |words: &[&str]| -> Option<String> {
        let fits = words.iter().all(|w| w.chars().all(|c| c.is_alphabetic() || "-.'’".contains(c)));
        (fits && (1..=4).contains(&words.len()) && words[0].starts_with(char::is_uppercase)).then(|| words.join(" "))
    };
    let digits = |w: &str, n: usize| w.len() == n && w.bytes().all(|b| b.is_ascii_digit());
    let is_zip_code = |w: &str| digits(w, 5) || (w.len() == 10 && digits(&w[..5], 5) && w.as_bytes()[5] == b'-');
    let capitals = |w: &str| w.len() == 2 && w.bytes().all(|b| b.is_ascii_uppercase());
    let parts = |city: String, region: &str, code: String| AddressParts {
        city,
        region: region.to_owned(),
        code,
        ..AddressParts::default()
    };
    match words[..] {
        [state, code] if capitals(state) && code.is_ascii() && is_zip_code(code) => {
            Some(parts(String::new(), state, code.into()))
        }
        [ref city @ .., state, code] if !city.is_empty() && capitals(state) && code.is_ascii() && is_zip_code(code) => {
            Some(parts(name(city)?, state, code.into()))
        }
        [ref rest @ .., a, b] if is_letter_code(a, b) => match rest {
            [] => Some(parts(String::new(), "", format!("{a} {b}"))),
            [province] if capitals(province) => Some(parts(String::new(), province, format!("{a} {b}"))),
            city => Some(parts(name(city)?, "", format!("{a} {b}"))),
        },
        [number, letters, ref city @ ..] if digits(number, 4) && capitals(letters) && !city.is_empty() => {
            Some(parts(name(city)?, "", format!("{number} {letters}")))
        }
        // `80-831 Gdańsk`, `1000-001 Lisboa`, `01310-100 São Paulo`
        [code, ref city @ ..] if is_hyphenated_code(code) && !city.is_empty() => {
            Some(parts(name(city)?, "", code.into()))
        }
        // `110 00 Praha`, `114 55 Stockholm`
        [a, b, ref city @ ..] if digits(a, 3) && digits(b, 2) && !city.is_empty() => {
            Some(parts(name(city)?, "", format!("{a} {b}")))
        }
        [code, ref city @ ..] if (digits(code, 5) || digits(code, 4)) && !city.is_empty() => {
            // A year or a count is not followed by a name.
            let city = name(city)?;
            (digits(code, 5) || !code.starts_with(['1', '2'])).then(|| parts(city, "", code.into()))
        }
        _ => None,
    }
}

/// Returns whether a word is a code in two groups of digits, as in Poland, Portugal and Brazil.
fn is_hyphenated_code(word: &str) -> bool {
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    word.split_once('-')
        .is_some_and(|(a, b)| digits(a) && digits(b) && matches!((a.len(), b.len()), (2, 3) | (4, 3) | (5, 3)))
}

/// Returns whether two words are the halves of a British or Canadian code: `YO1 7HH`, `K1A 0B1`.
fn is_letter_code(a: &str, b: &str) -> bool {
    let shape = |w: &str| {
        w.bytes()
            .map(|b| {
                if b.is_ascii_digit() {
                    '9'
                } else if b.is_ascii_uppercase() {
                    'A'
                } else {
                    '?'
                }
            })
            .collect()
    };
    let (a, b): (String, String) = (shape(a), shape(b));
    (matches!(a.as_str(), "A9" | "A99" | "AA9" | "AA99" | "A9A" | "AA9A") && b == "9AA") || (a == "A9A" && b == "9A9")
}
