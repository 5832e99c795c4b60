//! "Did you mean": the known name that a misspelt one is closest to.

/// The known name nearest to `given`, if any is near enough to be worth naming.
pub fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    // A hostile name may be a megabyte long; edit distance is quadratic.
    if given.chars().count() > 64 {
        return None;
    }
    let given = given.to_lowercase();
    // Half a name is as good as a misspelt one.
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
