//! What people read: nothing that a page or a service says moves their cursor or colours their terminal.

/// Says something on standard error. Whether anybody listens does not matter.
pub(crate) fn tell(text: &str) {
    eprintln!("{}", lines(text));
}

/// A text on one line: white space collapsed, and what a terminal would take for a command replaced.
pub(crate) fn line(text: &str) -> String {
    text.split_whitespace().map(plain).collect::<Vec<_>>().join(" ")
}

fn lines(text: &str) -> String {
    text.lines().map(|line| plain(line.trim_end())).collect::<Vec<_>>().join("\n")
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if commands(c) { '\u{fffd}' } else { c }).collect()
}

/// Control characters, and marks that turn the direction of what follows.
fn commands(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A number as people write it.
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
    fn what_moves_a_cursor_is_not_shown() {
        assert_eq!(line("a\u{1b}[2J\u{9b}1m\nb\u{202e}c\r\t d"), "a\u{fffd}[2J\u{fffd}1m b\u{fffd}c d");
        assert_eq!(lines("one\r\ntwo\u{7}"), "one\ntwo\u{fffd}");
    }

    #[test]
    fn numbers_have_their_commas() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    }
}
