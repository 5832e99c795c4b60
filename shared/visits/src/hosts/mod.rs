//! Politeness: when a page may start at its host, how a response affects the next pages, and which pages the site's
//! robots.txt permits. Processes share the host's row. This module keeps what its process knows of that row.
//!
//! This module knows nothing of jobs and units.

mod robots;
mod slot;
mod state;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use url::Url;

use robots::OriginRobots;
pub use robots::RobotsReader;
pub use slot::{HostPacing, Slot};
use state::Host;

/// Maximum number of hosts whose pace a process remembers; a few hundred bytes each.
#[allow(clippy::unwrap_used)] // checked at compile time
const MAX_HOSTS: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();
/// Maximum number of origins whose robots.txt a process remembers; the largest takes about a megabyte.
#[allow(clippy::unwrap_used)] // checked at compile time
const MAX_ORIGINS: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// The hosts that this process sent requests to last.
struct Hosts(Mutex<LruCache<String, Arc<Host>>>);

impl Default for Hosts {
    fn default() -> Self {
        Hosts(Mutex::new(LruCache::new(MAX_HOSTS)))
    }
}

impl Hosts {
    /// Returns the host of a URL. Slots belong to name and port: http and https on one port are one server.
    fn host(&self, url: &Url) -> Arc<Host> {
        let name = name_and_port(url);
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(hosts.get_or_insert_ref(&name, || Arc::new(Host::new(name.clone()))))
    }
}

/// The origins whose robots.txt this process used last.
struct Origins(Mutex<LruCache<String, Arc<OriginRobots>>>);

impl Default for Origins {
    fn default() -> Self {
        Origins(Mutex::new(LruCache::new(MAX_ORIGINS)))
    }
}

impl Origins {
    /// Returns the origin of a URL: each scheme, name and port has its own robots.txt (RFC 9309 §2.3).
    fn origin(&self, url: &Url) -> Arc<OriginRobots> {
        let name = format!("{}://{}", url.scheme(), name_and_port(url));
        let mut origins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(origins.get_or_insert(name.clone(), || Arc::new(OriginRobots::new(name))))
    }
}

/// Returns the name and port that a URL is fetched from; the port may be the scheme's default.
fn name_and_port(url: &Url) -> String {
    // Only http and https URLs are fetched, and these have both.
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_its_name_and_port() {
        let same = |a: &str, b: &str| {
            let (hosts, origins) = (Hosts::default(), Origins::default());
            let (a, b) = (Url::parse(a).unwrap(), Url::parse(b).unwrap());
            (Arc::ptr_eq(&hosts.host(&a), &hosts.host(&b)), Arc::ptr_eq(&origins.origin(&a), &origins.origin(&b)))
        };
        assert_eq!(same("https://E.test/a", "https://e.test:443/b?c"), (true, true));
        assert_eq!(same("http://e.test/", "https://e.test/"), (false, false));
        assert_eq!(same("http://e.test:8080/", "https://e.test:8080/"), (true, false));
        assert_eq!(same("http://e.test/", "http://www.e.test/"), (false, false));
    }
}
