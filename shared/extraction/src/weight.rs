//! Estimates the weight of a page before it is parsed, in one pass over its bytes, so that callers can treat heavy
//! pages differently. Uses no budget: the budget counts the actual cost later.

/// Maximum size of a light page, in bytes.
const MAX_LIGHT_BYTES: usize = 3 * 1024 * 1024;
/// Maximum number of characters that begin an element, a value or a member on a light page.
const MAX_LIGHT_DELIMITERS: usize = 50_000;

/// Returns whether a page is likely to take more memory and time than most. A wrong "no" is found while the page is
/// read within [`Limits::LIGHT`](crate::budget::Limits::LIGHT); a wrong "yes" only makes it wait for another turn.
pub fn is_heavy(body: &[u8]) -> bool {
    body.len() > MAX_LIGHT_BYTES || count_delimiters(body) > MAX_LIGHT_DELIMITERS
}

/// Estimates the number of elements and texts in markup, or of values in JSON.
fn count_delimiters(body: &[u8]) -> usize {
    let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    if matches!(start.first(), Some(b'{' | b'[')) {
        body.iter().filter(|b| matches!(b, b'[' | b'{' | b',' | b':')).count()
    } else {
        body.iter().filter(|b| **b == b'<').count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_tags_and_values_make_a_page_heavy() {
        let heavy = [
            " ".repeat(MAX_LIGHT_BYTES + 1),
            "<p>".repeat(MAX_LIGHT_DELIMITERS + 1),
            "[".repeat(MAX_LIGHT_DELIMITERS + 1),
            format!("\u{feff} [{}0]", "0,".repeat(MAX_LIGHT_DELIMITERS)),
            format!("{{{}\"b\":0}}", "\"a\":0,".repeat(MAX_LIGHT_DELIMITERS / 2)),
        ];
        let light = [
            String::new(),
            "word, word: [1] ".repeat(MAX_LIGHT_DELIMITERS),
            "<p>x</p>".repeat(MAX_LIGHT_DELIMITERS / 2),
            format!("[{}0]", "0,".repeat(MAX_LIGHT_DELIMITERS / 2)),
        ];
        for page in heavy {
            assert!(is_heavy(page.as_bytes()), "{:.20}", page);
        }
        for page in light {
            assert!(!is_heavy(page.as_bytes()), "{:.20}", page);
        }
    }
}
