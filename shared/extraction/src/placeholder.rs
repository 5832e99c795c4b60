//! Placeholders that templates leave where they had no value: `{{name}}`, `$brand`, `undefined`, a dash. They never
//! mean anything, so they are not a value of any field. Depends on no field and no page.

use serde_json::Value;

use crate::phrases::Phrases;

/// Maximum length of a text that may be only a placeholder, in bytes.
const MAX_TEXT: usize = 120;
/// Delimiters of template expressions.
const DELIMITERS: [(&str, &str); 14] = [
    ("{{", "}}"),
    ("{%", "%}"),
    ("<%", "%>"),
    ("<?", "?>"),
    ("${", "}"),
    ("#{", "}"),
    ("@{", "}"),
    ("%{", "}"),
    ("[%", "%]"),
    ("[[", "]]"),
    ("*|", "|*"),
    ("[object ", "]"),
    ("__", "__"),
    ("%%", "%%"),
];

/// Returns whether a value is only a placeholder.
pub(crate) fn is_placeholder(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => is_text(text),
        _ => false,
    }
}

fn is_text(text: &str) -> bool {
    let text = text.trim();
    // "[brand]", "[PRODUCT_NAME]"
    let named = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-'));
    if text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).is_some_and(named) {
        return true;
    }
    if text.is_empty() || text.len() > MAX_TEXT {
        return false;
    }
    let first = text.chars().next().unwrap_or_default();
    if !text.chars().any(char::is_alphanumeric) {
        // Dashes, dots and question marks; other signs may carry meaning: ✓, €€, ★★★.
        return text
            .chars()
            .all(|c| matches!(c, '-' | '–' | '—' | '−' | '―' | '.' | '…' | '?' | '_' | '/' | ' ' | '#'))
            && text != "/"
            && text != "#";
    }
    if (first.is_alphanumeric() || matches!(first, '#' | '(')) && Phrases::NoValue.has(&text.to_lowercase()) {
        return true;
    }
    is_variable(text) || is_expressions(text)
}

/// Returns whether a text in place of a name or a code only says that there is none.
pub(crate) fn is_missing_name(text: &str) -> bool {
    let lower = text.to_lowercase();
    // Initials may be a name: "NA" means no brand, "Na" may be one.
    Phrases::MissingNames.has(&lower) && (text.len() != 2 || text == "NA" || !text.is_ascii())
        || Phrases::ChoicePrompts.prefix_len(&lower).is_some_and(|length| length < lower.len())
}

/// Returns whether a text is a single variable: `$product.brand`, `%s`, `%(name)s`, `%name%`, `{name}`.
fn is_variable(text: &str) -> bool {
    let inner = if let Some(name) = text.strip_prefix('$') {
        // Names of variables begin in lower case; stage names and tickers do not.
        if !name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') {
            return false;
        }
        name
    } else if let Some(name) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
        if name.parse::<usize>().is_ok() {
            return true;
        }
        name
    } else if let Some(rest) = text.strip_prefix('%') {
        if matches!(rest, "s" | "d" | "f" | "i" | "u" | "@" | "1$s" | "2$s" | "1$d") {
            return true;
        }
        let named = rest.strip_prefix('(').and_then(|t| t.strip_suffix(")s").or_else(|| t.strip_suffix(")d")));
        match named.or_else(|| rest.strip_suffix('%')) {
            Some(name) => name,
            None => return false,
        }
    } else {
        return false;
    };
    inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && inner
            .replace("->", ".")
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']'))
}

/// Returns whether a text consists only of template expressions, with signs between them.
fn is_expressions(text: &str) -> bool {
    let mut rest = text;
    let mut found = false;
    while !rest.is_empty() {
        let through = DELIMITERS.iter().find_map(|(open, close)| {
            let inner = rest.strip_prefix(open)?;
            let end = inner.find(close).filter(|end| *end > 0 || *open == "{{")?;
            inner.get(end + close.len()..)
        });
        rest = match (through, rest.chars().next()) {
            (Some(behind), _) => {
                found = true;
                behind
            }
            (None, Some(c)) if !c.is_alphanumeric() => &rest[c.len_utf8()..],
            _ => return false,
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_distinguished_from_values() {
        for none in [
            "$brand",
            "$product.brand",
            "$item->name",
            "{{ name }}",
            "{{x}} {{y}}",
            "€ {{price}}",
            "${x}",
            "<%= sku %>",
            "<?php echo $x ?>",
            "%s",
            "%(name)s",
            "%NAME%",
            "{title}",
            "{0}",
            "#{x}",
            "*|FNAME|*",
            "__SKU__",
            "[object Object]",
            "undefined",
            "NULL",
            "NaN",
            "N/A",
            "n.a.",
            "k.A.",
            "—",
            "--",
            "-",
            "...",
            "TBD",
            " null ",
            "[[product.name]]",
            "Does not apply",
            "Nicht angegeben",
            "(none)",
        ] {
            assert!(is_text(none), "{none}");
        }
        for value in [
            "$5",
            "$NOT",
            "A$AP",
            "5%",
            "100%",
            "no",
            "None",
            "0",
            "✓",
            "€€",
            "★★★",
            "/",
            "#",
            "#1",
            "Nullarbor",
            "Using {{ }} in templates",
            "{\"a\": 1}",
            "C#",
            "-5",
            "?5",
            "k",
            "__init__ explained",
            "[1]",
            "$USD",
        ] {
            assert!(!is_text(value), "{value}");
        }
        for (text, want) in [("None", true), ("NA", true), ("Select a brand", true), ("Select", false), ("Na", false)] {
            assert_eq!(is_missing_name(text), want, "{text}");
        }
    }
}
