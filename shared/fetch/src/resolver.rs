//! Resolves names to checked addresses. Refuses a name if any of its addresses is refused. Runs inside the HTTP client,
//! not before it, so that the connection goes to the addresses that were checked. IP literals do not pass through here.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::error_chain::find;
use crate::guard::{Guard, Scope};
use crate::system_resolver::{SystemResolver, UnknownName};

/// The name resolves to an address that may not be fetched, or to none. One error without details covers both, so that
/// it does not reveal names of somebody's internal network. The client knows the message to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name resolves to no address that may be fetched")]
pub(crate) struct NameRefused;

/// Maximum number of addresses of a name that are tried, in the order of the DNS answer. One answer has room for
/// thousands, and one fetch would open a connection to each of them.
const MAX_ADDRESSES: usize = 8;

/// How names are resolved.
#[derive(Debug, Clone)]
pub(crate) enum Lookup {
    /// By the machine.
    System(SystemResolver),
    /// By a table, for tests.
    Fixed(fn(&str) -> Vec<SocketAddr>),
    /// By a DNS that never answers.
    #[cfg(test)]
    Silent,
}

impl Lookup {
    async fn resolve(&self, name: &str) -> std::io::Result<Vec<SocketAddr>> {
        match self {
            Lookup::System(resolver) => resolver.resolve(name).await,
            Lookup::Fixed(table) => Ok(table(name)),
            #[cfg(test)]
            Lookup::Silent => std::future::pending().await,
        }
    }
}

/// The resolver of one HTTP client.
#[derive(Debug, Clone)]
pub(crate) struct GuardedResolver {
    pub(crate) guard: Guard,
    pub(crate) scope: Scope,
    pub(crate) lookup: Lookup,
}

impl GuardedResolver {
    fn check(&self, addresses: &[SocketAddr]) -> Result<(), NameRefused> {
        let admitted = |a: &SocketAddr| self.guard.admits(self.scope, a.ip());
        if !addresses.is_empty() && addresses.iter().all(admitted) { Ok(()) } else { Err(NameRefused) }
    }

    /// Returns the addresses of a name, with port 0.
    ///
    /// # Errors
    /// [`NameRefused`], or another error if no server answers.
    pub(crate) async fn addresses(&self, name: &str) -> std::io::Result<Vec<SocketAddr>> {
        let mut addresses = match self.lookup.resolve(name).await {
            Ok(addresses) => addresses,
            Err(error) if find::<UnknownName>(&error).is_some() => Vec::new(),
            Err(error) => return Err(error),
        };
        self.check(&addresses).map_err(std::io::Error::other)?;
        // All addresses are checked above, including those left out here.
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            // reqwest replaces port 0 with the URL's port.
            let addresses: Addrs = Box::new(this.addresses(name.as_str()).await?.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_address_refuses_the_name() {
        let resolver = |scope, allow: &[&str]| GuardedResolver {
            guard: Guard::new(allow.iter().map(|a| a.parse().unwrap()).collect()),
            scope,
            lookup: Lookup::System(SystemResolver::new()),
        };
        let good = "8.8.8.8:0".parse().unwrap();
        let bad = "10.0.0.1:0".parse().unwrap();
        let local = "127.0.0.1:0".parse().unwrap();
        assert!(resolver(Scope::Public, &[]).check(&[good]).is_ok());
        // A name without addresses must look the same as one with a forbidden address.
        assert!(resolver(Scope::Public, &[]).check(&[]).is_err());
        assert!(resolver(Scope::Public, &[]).check(&[good, bad]).is_err());
        assert!(resolver(Scope::Public, &["127.0.0.0/8"]).check(&[good, local]).is_ok());
        assert!(resolver(Scope::AllowedOnly, &["127.0.0.0/8"]).check(&[local]).is_ok());
        assert!(resolver(Scope::AllowedOnly, &["127.0.0.0/8"]).check(&[local, good]).is_err());
        assert!(resolver(Scope::AllowedOnly, &[]).check(&[good]).is_err());
    }

    /// All addresses are checked, but only a few are tried.
    #[tokio::test]
    async fn only_the_first_of_many_addresses_are_tried() {
        fn many(name: &str) -> Vec<SocketAddr> {
            let last = if name.starts_with("bad") { [10, 0, 0, 1] } else { [8, 8, 8, 8] };
            (0..4_000).map(|i| [8, 8, (i >> 8) as u8, i as u8]).chain([last]).map(|ip| (ip, 0).into()).collect()
        }
        let resolver = GuardedResolver { guard: Guard::default(), scope: Scope::Public, lookup: Lookup::Fixed(many) };
        let good: Vec<SocketAddr> = resolver.resolve("good.test".parse().unwrap()).await.unwrap().collect();
        assert_eq!(good, many("good.test")[..MAX_ADDRESSES]);
        assert!(resolver.resolve("bad.test".parse().unwrap()).await.is_err());
    }
}
