//! Any bytes as a robots.txt, and any path to check: parsing and matching never panic, a row restores the rules that it
//! was written from, and no file or path makes the answer slow (the runner's `-timeout`).
#![no_main]

use fetch::Robots;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&str, &[u8])| {
    let (path, file) = data;
    let mut url = url::Url::parse("https://e.test/").expect("a valid URL");
    let (before, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
    url.set_path(before);
    url.set_query(query);
    // A group for our own product token in front, so that the file is read as its rules.
    for named in [&b""[..], b"User-agent: runo\n"] {
        let robots = Robots::parse(&[named, file].concat(), "Runo", Some(&url));
        let allowed = robots.allows(&url);
        assert!(robots.sitemaps().len() <= fetch::robots::MAX_SITEMAPS);
        assert!(robots.crawl_delay().is_none_or(|delay| delay <= fetch::robots::MAX_CRAWL_DELAY));
        if let Some(row) = robots.to_row() {
            let back = Robots::from_row(&row).expect("a written row can be read");
            assert_eq!(back, robots);
            assert_eq!(back.allows(&url), allowed);
        }
    }
});
