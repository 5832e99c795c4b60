//! Any bytes as a sitemap: reading never panics, ends, and returns only URLs that may be fetched.
#![no_main]

use std::sync::LazyLock;

use fetch::check_url;
use fetch::sitemap::{MAX_URLS, read_unpacked};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

fuzz_target!(|data: &[u8]| {
    let read = |file: &[u8]| RUNTIME.block_on(read_unpacked(file, data.len()));
    let (urls, _) = read(data);
    assert!(urls.len() <= MAX_URLS && urls.len() <= data.len());
    for url in &urls {
        assert_eq!(check_url(url.as_str()).as_ref(), Ok(url));
    }
    // The same bytes inside a set's first location: errors further inside are reached that way.
    let set = [b"<urlset><url><loc>", data, b"</loc></url></urlset>"].concat();
    for url in RUNTIME.block_on(read_unpacked(&set, set.len())).0 {
        assert_eq!(check_url(url.as_str()).as_ref(), Ok(&url));
    }
});
