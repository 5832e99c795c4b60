//! Spellings of names, for comparing them: foreign words in ASCII, as field names have them, and letters and digits alone.

/// Yields a label as it is, and as it is written in ASCII field names: `größe`, `groesse`, `grosse`.
pub(crate) fn spellings(label: &str) -> impl Iterator<Item = String> + use<> {
    let written = |as_letters: fn(char) -> &'static str| -> String {
        label.chars().fold(String::new(), |mut out, c| {
            match as_letters(c) {
                "" => out.push(c),
                letters => out.push_str(letters),
            }
            out
        })
    };
    let mut out = vec![label.to_owned()];
    if !label.is_ascii() {
        out.push(written(|c| match c {
            'ä' => "ae",
            'ö' => "oe",
            'ü' => "ue",
            'ß' => "ss",
            _ => bare_letter(c),
        }));
        out.push(written(bare_letter));
    }
    out.into_iter()
}

/// Returns a letter without its accent, or an empty text if it has none.
fn bare_letter(c: char) -> &'static str {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => "a",
        'ç' | 'ć' | 'č' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' => "e",
        'ì' | 'í' | 'î' | 'ï' => "i",
        'ł' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => "o",
        'ř' => "r",
        'ś' | 'š' => "s",
        'ß' => "ss",
        'ù' | 'ú' | 'û' | 'ü' | 'ů' => "u",
        'ý' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    }
}

/// Returns the letters and digits of a text in lower case, for comparing names.
pub(crate) fn letters_and_digits(text: &str) -> String {
    let lower = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    // Where a word ends is lost with the spaces, so the sigma of its end becomes the ordinary one.
    lower.map(|c| if c == 'ς' { 'σ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umlauts_and_accents_have_ascii_spellings() {
        assert_eq!(spellings("größe").collect::<Vec<_>>(), ["größe", "groesse", "grosse"]);
        assert_eq!(spellings("numéro").collect::<Vec<_>>(), ["numéro", "numero", "numero"]);
        assert_eq!(spellings("name").collect::<Vec<_>>(), ["name"]);
    }

    #[test]
    fn names_are_compared_without_case_and_signs() {
        assert_eq!(letters_and_digits("A-B c (5)"), "abc5");
        assert_eq!(letters_and_digits("Ο ΔΡΟΜΟΣ (5)"), letters_and_digits("ο δρομος 5"));
    }
}
