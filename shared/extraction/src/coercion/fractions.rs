//! Reads fractions: `½`, `1½`, `1 1/2`. A score like `4/5` is not one.

/// Returns the value of a fraction character.
pub(super) fn fraction_char_value(c: char) -> Option<f64> {
    Some(match c {
        '½' => 0.5,
        '¼' => 0.25,
        '¾' => 0.75,
        '⅓' => 1.0 / 3.0,
        '⅔' => 2.0 / 3.0,
        '⅕' => 0.2,
        '⅖' => 0.4,
        '⅗' => 0.6,
        '⅘' => 0.8,
        '⅙' => 1.0 / 6.0,
        '⅛' => 0.125,
        '⅜' => 0.375,
        '⅝' => 0.625,
        '⅞' => 0.875,
        _ => return None,
    })
}

/// Returns the value of `1½`, `1 1/2` or `1/2`, and where it ends. A score like `4/5`, of which the first number is
/// meant, is distinguished by its denominator: cooks and carpenters use 2, 3, 4, 8 and 16, raters use 5, 10 and 100.
pub(super) fn read_fraction(
    chars: &[char],
    start: usize,
    end: usize,
    digits: &str,
    fraction: &str,
) -> (Option<f64>, usize) {
    if !fraction.is_empty() {
        return (None, end);
    }
    let whole: f64 = digits.parse().unwrap_or(0.0);
    let next = if chars.get(end) == Some(&' ') { end + 1 } else { end };
    if let Some(part) = chars.get(next).copied().and_then(fraction_char_value) {
        return (Some(whole + part), next + 1);
    }
    let part = |from: usize| -> Option<(f64, usize)> {
        let numerator = chars.get(from).and_then(|c| c.to_digit(10)).filter(|n| *n > 0)?;
        if !matches!(chars.get(from + 1), Some('/' | '⁄')) {
            return None;
        }
        let tail: String = chars.get(from + 2..)?.iter().take_while(|c| c.is_ascii_digit()).take(3).collect();
        let denominator: u32 = tail.parse().ok().filter(|d| [2, 3, 4, 8, 16].contains(d))?;
        (numerator < denominator && chars.get(from + 2 + tail.len()) != Some(&'/'))
            .then(|| (f64::from(numerator) / f64::from(denominator), from + 2 + tail.len()))
    };
    if end == start + 1
        && let Some((value, after)) = part(start)
    {
        return (Some(value), after);
    }
    if chars.get(end) == Some(&' ')
        && let Some((value, after)) = part(end + 1)
    {
        return (Some(whole + value), after);
    }
    (None, end)
}
