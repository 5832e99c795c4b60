//! Compares titles of a page, and removes the site's name from them.

use crate::head::Head;
use crate::spelling::letters_and_digits;

/// Separators between a page's title and the site's name.
const SEPARATORS: [&str; 12] = [" | ", " – ", " — ", " - ", " · ", " :: ", " » ", " • ", " / ", " < ", " › ", " ~ "];

/// Returns how far two titles agree, in percent: the share of words of the shorter one that the other contains.
pub(crate) fn agreement(a: &str, b: &str) -> usize {
    let norm = |t: &str| -> Vec<String> {
        t.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).take(60).collect()
    };
    let (a, b) = (norm(a), norm(b));
    let (few, many) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    if few.is_empty() {
        return 0;
    }
    few.iter().filter(|w| many.contains(w)).count() * 100 / few.len()
}

/// Returns a title without the site's name at either end.
pub(crate) fn without_site(title: &str, head: &Head) -> String {
    let mut rest = title.trim();
    // Cuts twice: a title may name both a section and the site.
    for _ in 0..2 {
        let Some((kept, _)) = cut(rest, head) else { break };
        rest = kept;
    }
    rest.to_owned()
}

/// Returns a heading without the site's name, if it ends in that.
pub(crate) fn without_suffix<'t>(heading: &'t str, head: &Head) -> &'t str {
    match heading.rsplit_once(" | ") {
        Some((kept, site)) if kept.chars().count() > 3 && names_site(site.trim(), head) => kept.trim(),
        _ => heading,
    }
}

/// Makes one cut of a title. Returns what is kept and what is cut off.
fn cut<'t>(title: &'t str, head: &Head) -> Option<(&'t str, &'t str)> {
    let heading = head.h1.as_deref().map(letters_and_digits);
    // "Searching [Hearth Documentation]"
    if let Some((kept, off)) = title.strip_suffix(']').and_then(|t| t.rsplit_once(" ["))
        && !kept.trim().is_empty()
        && names_site(off, head)
    {
        return Some((kept.trim(), off));
    }
    // The heading itself stands at one end.
    let is_heading = |t: &str| heading.as_deref().is_some_and(|h| !h.is_empty() && h == letters_and_digits(t));
    if is_heading(title) {
        return None;
    }
    let ends = SEPARATORS.iter().filter_map(|s| title.rsplit_once(s).map(|(a, b)| (a, b, *s)));
    let last = ends.max_by_key(|(a, _, _)| a.len());
    if let Some((kept, off, separator)) = last {
        let (kept, off) = (kept.trim(), off.trim());
        let short = off.chars().count() <= 40 && kept.chars().count() >= off.chars().count().min(12);
        if is_heading(kept)
            || names_site(off, head)
            || (separator == " | " && short && kept.chars().count() > 3 && !is_heading(off))
        {
            return Some((kept, off)).filter(|(k, _)| !k.is_empty());
        }
    }
    let starts = SEPARATORS.iter().filter_map(|s| title.split_once(s)).chain(title.split_once(": "));
    let (off, kept) = starts.min_by_key(|(a, _)| a.len())?;
    let (off, kept) = (off.trim(), kept.trim());
    (!kept.is_empty() && (names_site(off, head) || is_heading(kept))).then_some((kept, off))
}

/// Returns whether a part of a title is the site's name, or contains it.
fn names_site(part: &str, head: &Head) -> bool {
    if head.is_site_name(part) {
        return true;
    }
    let part = letters_and_digits(part);
    head.site_names.iter().map(|s| letters_and_digits(s)).any(|site| {
        site.chars().count() >= 4 && (part.contains(&site) || (part.chars().count() >= 5 && site.contains(&part)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sites_name_is_removed() {
        let head = |h1: &str, site: &str| Head {
            h1: Some(h1.to_owned()).filter(|h| !h.is_empty()),
            site_names: vec![site.to_owned()],
            ..Head::default()
        };
        for (title, h1, site, want) in [
            ("Copper Kettle | Shop", "Copper Kettle", "x", "Copper Kettle"),
            ("Copper Kettle - Kitchen - Hearth & Home", "", "hearth & home", "Copper Kettle - Kitchen"),
            ("Hearth: Copper Kettle", "Copper Kettle", "hearth", "Copper Kettle"),
            ("Kettles [Hearth Documentation]", "", "hearth", "Kettles"),
            ("Kettles [2025]", "", "hearth", "Kettles [2025]"),
            ("Soup - hot and good", "Soups", "example", "Soup - hot and good"),
            ("How to boil | water", "", "example", "How to boil"),
            ("Copper – Kettle", "Copper – Kettle", "kettle", "Copper – Kettle"),
        ] {
            assert_eq!(without_site(title, &head(h1, site)), want, "{title}");
        }
        assert_eq!(agreement("A kettle", "The kettle, a story"), 100);
        assert_eq!(agreement("", "x"), 0);
    }
}
