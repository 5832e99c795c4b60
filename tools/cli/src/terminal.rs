//! Text on a terminal. Nothing from a page or the service can move the cursor or colour the terminal.

/// Prints `text` to standard error, without control characters.
pub(crate) fn notice(text: &str) {
    eprintln!("{}", lines(text));
}

/// Returns `text` on one line: white space collapsed, characters that control a terminal replaced.
pub(crate) fn line(text: &str) -> String {
    text.split_whitespace().map(replace_control).collect::<Vec<_>>().join(" ")
}

fn lines(text: &str) -> String {
    text.lines().map(|line| replace_control(line.trim_end())).collect::<Vec<_>>().join("\n")
}

fn replace_control(text: &str) -> String {
    text.chars().map(|c| if is_control(c) { '\u{fffd}' } else { c }).collect()
}

/// Whether `c` is a control character or a mark that changes the text direction.
fn is_control(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Formats a number with thousands separators.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_control_characters_are_replaced() {
        assert_eq!(line("a\u{1b}[2J\u{9b}1m\nb\u{202e}c\r\t d"), "a\u{fffd}[2J\u{fffd}1m b\u{fffd}c d");
        assert_eq!(lines("one\r\ntwo\u{7}"), "one\ntwo\u{fffd}");
    }

    #[test]
    fn numbers_have_thousands_separators() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    }
}
