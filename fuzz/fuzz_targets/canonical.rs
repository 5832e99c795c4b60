//! Any text as a URL: its canonical form never panics, is a URL, and is its own canonical form. The same holds for its
//! page key.
#![no_main]

use domain::canonical::{CanonicalUrl, MAX_URL, normalize_escapes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let once = normalize_escapes(text);
    assert_eq!(normalize_escapes(&once), once);
    for text in [text.to_owned(), format!("https://e.test/{text}"), format!("http://{text}/")] {
        let Some(canonical) = CanonicalUrl::parse(&text) else { continue };
        let shown = canonical.as_str();
        assert!(shown.is_ascii() && shown.len() <= MAX_URL && !shown.contains('#'));
        assert!(canonical.url().username().is_empty() && canonical.url().password().is_none());
        assert_eq!(CanonicalUrl::parse(shown).as_ref(), Some(&canonical), "{text:?}");
        let key = canonical.key();
        let again = CanonicalUrl::parse(key.as_str()).expect("a key is a URL");
        assert_eq!(again.key(), key, "{text:?}");
        assert!(canonical.same_host(&again));
        assert_eq!(key.hash().len(), 32);
    }
});
