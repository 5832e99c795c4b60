//! Normalizes characters to what readers see: digits of every script, full-width forms, kinds of space and of minus.
//! Maps each character to one character, so that positions in a text stay valid.

/// The digit zero of each script whose digits pages use. Source: Unicode, general category Nd.
const ZEROS: [u32; 20] = [
    0x0660, 0x06f0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0e50, 0x0ed0, 0x0f20,
    0x1040, 0x17e0, 0x1810, 0x07c0, 0xa8d0, 0xff10,
];

/// Returns a digit of any script as an ASCII digit, and any other character unchanged.
pub(super) fn to_ascii_digit(c: char) -> char {
    let code = u32::from(c);
    if code < 0x660 {
        return c;
    }
    let value = ZEROS.iter().find_map(|zero| code.checked_sub(*zero).filter(|d| *d < 10));
    value.and_then(|d| char::from_digit(d, 10)).unwrap_or(c)
}

/// Returns a character of an amount in its plain form.
pub(super) fn normalize(c: char) -> char {
    match c {
        '\u{66b}' => '.',
        '\u{66c}' | '、' => ',',
        '\u{66a}' => '%',
        '\u{2212}' | '\u{fe63}' | '\u{2010}' | '\u{2011}' => '-',
        '\u{a0}' | '\u{202f}' | '\u{2000}'..='\u{200a}' | '\u{3000}' => ' ',
        '\u{2019}' | '\u{2bc}' | '\u{ff07}' => '\'',
        '￥' => '¥',
        '￡' => '£',
        '￠' => '¢',
        '￦' => '₩',
        // Full-width forms are in the order of ASCII: Unicode, Halfwidth and Fullwidth Forms.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        other => to_ascii_digit(other),
    }
}

/// Returns whether a character joins or separates its neighbours or selects a glyph. This matters for letters, never
/// for digits.
pub(super) fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Returns whether a character cannot mean anything in a value. Based on Unicode's default-ignorable property, without
/// characters that change words and signs: the joiners U+200C and U+200D, variation selectors, tags (flags) and the
/// grapheme joiner. The characters dropped break lines (soft hyphen, zero-width space, word joiner, byte-order mark) or
/// order the display (`Bidi_Control`, deprecated format controls), which is up to the program that displays the value.
pub(crate) fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'
            ..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_normalized_without_changing_words() {
        let normalized = |t: &str| t.chars().map(normalize).collect::<String>();
        for (text, want) in [
            ("１２．５％", "12.5%"),
            ("－￥５００", "-¥500"),
            ("（１，０００）", "(1,000)"),
            ("٣٫٥", "3.5"),
            ("۱۲۳", "123"),
            ("१२३", "123"),
            ("১২৩", "123"),
            ("๑๒๓", "123"),
            ("၁၂", "12"),
            ("−5", "-5"),
            ("1\u{a0}234\u{202f}567", "1 234 567"),
            ("4’350", "4'350"),
            ("abc", "abc"),
        ] {
            assert_eq!(normalized(text), want, "{text}");
        }
        for c in ['\u{200c}', '\u{200d}', '\u{fe0f}', '\u{34f}', '\u{e0067}', '\u{180b}'] {
            assert!(!is_ignorable(c), "{c:?}");
        }
        for c in ['\u{ad}', '\u{200b}', '\u{feff}', '\u{202e}', '\u{2066}', '\u{2060}', '\u{61c}', '\u{200e}'] {
            assert!(is_ignorable(c), "{c:?}");
        }
    }
}
