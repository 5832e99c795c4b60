//! "Did you mean": finds the known name closest to a misspelt one.

/// Returns the known name nearest to `given`, if one is near enough to suggest.
pub fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    // A hostile name may be a megabyte long, and edit distance is quadratic.
    if given.chars().count() > 64 {
        return None;
    }
    let given = given.to_lowercase();
    // A prefix counts as a misspelling.
    if given.len() >= 3
        && let Some(longer) = known.iter().find(|k| k.to_lowercase().starts_with(&given))
    {
        return Some(longer);
    }
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&given, &k.to_lowercase()), *k))
        .min()
        .filter(|(distance, k)| *distance <= (k.len() / 3).max(2))
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn names_the_nearest_known_one() {
        assert_eq!(nearest("concurency", &["concurrency", "locale"]), Some("concurrency"));
        assert_eq!(nearest("URLS", &["url", "urls"]), Some("urls"));
        assert_eq!(nearest("seed", &["schema", "seed_url"]), Some("seed_url"));
        assert_eq!(nearest("zebra", &["concurrency", "locale"]), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), &["url"]), None);
    }
}
