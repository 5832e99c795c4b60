//! Names to addresses, judged: a name is refused if any of its addresses is, and the connection goes to the addresses
//! that were judged. Which is why this sits inside the HTTP client and not before it. IP literals never come by here.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::fault::find;
use crate::guard::{Guard, Scope};
use crate::names::{Names, Unknown};

/// A name has an address that may not be fetched, or none. It bears no detail, and the two are one: which names somebody's
/// inner network has is nobody's business, and the client knows what to say instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name leads to no address that may be fetched")]
pub(crate) struct NameRefused;

/// Most addresses of a name that are tried, in the order that they came in. DNS has room for thousands in one answer, and
/// each would be a connection that one fetch makes to somebody.
const MAX_ADDRESSES: usize = 8;

/// Who knows the names.
#[derive(Debug, Clone)]
pub(crate) enum Lookup {
    /// The machine.
    System(Names),
    /// A table, of tests.
    Fixed(fn(&str) -> Vec<SocketAddr>),
    /// A DNS that does not answer.
    #[cfg(test)]
    Silent,
}

impl Lookup {
    async fn of(&self, name: &str) -> std::io::Result<Vec<SocketAddr>> {
        match self {
            Lookup::System(names) => names.of(name).await,
            Lookup::Fixed(table) => Ok(table(name)),
            #[cfg(test)]
            Lookup::Silent => std::future::pending().await,
        }
    }
}

/// The resolver of one client.
#[derive(Debug, Clone)]
pub(crate) struct JudgingResolver {
    pub(crate) guard: Guard,
    pub(crate) scope: Scope,
    pub(crate) lookup: Lookup,
}

impl JudgingResolver {
    fn judge(&self, addresses: &[SocketAddr]) -> Result<(), NameRefused> {
        let admitted = |a: &SocketAddr| self.guard.admits(self.scope, a.ip());
        if !addresses.is_empty() && addresses.iter().all(admitted) { Ok(()) } else { Err(NameRefused) }
    }

    /// The addresses of a name, with port 0.
    ///
    /// # Errors
    /// [`NameRefused`], or that no server answers.
    pub(crate) async fn addresses(&self, name: &str) -> std::io::Result<Vec<SocketAddr>> {
        let mut addresses = match self.lookup.of(name).await {
            Ok(addresses) => addresses,
            Err(error) if find::<Unknown>(&error).is_some() => Vec::new(),
            Err(error) => return Err(error),
        };
        self.judge(&addresses).map_err(std::io::Error::other)?;
        // All were judged, the ones that are left out too.
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }
}

impl Resolve for JudgingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            // Port 0 is replaced by the URL's.
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
        let resolver = |scope, allow: &[&str]| JudgingResolver {
            guard: Guard::new(allow.iter().map(|a| a.parse().unwrap()).collect()),
            scope,
            lookup: Lookup::System(Names::new()),
        };
        let good = "8.8.8.8:0".parse().unwrap();
        let bad = "10.0.0.1:0".parse().unwrap();
        let local = "127.0.0.1:0".parse().unwrap();
        assert!(resolver(Scope::Public, &[]).judge(&[good]).is_ok());
        // Whoever has none must not be told from whoever has one that may not be fetched.
        assert!(resolver(Scope::Public, &[]).judge(&[]).is_err());
        assert!(resolver(Scope::Public, &[]).judge(&[good, bad]).is_err());
        assert!(resolver(Scope::Public, &["127.0.0.0/8"]).judge(&[good, local]).is_ok());
        assert!(resolver(Scope::AllowedOnly, &["127.0.0.0/8"]).judge(&[local]).is_ok());
        assert!(resolver(Scope::AllowedOnly, &["127.0.0.0/8"]).judge(&[local, good]).is_err());
        assert!(resolver(Scope::AllowedOnly, &[]).judge(&[good]).is_err());
    }

    /// All of them are judged, few of them are tried.
    #[tokio::test]
    async fn a_name_with_many_addresses_is_tried_at_few() {
        fn many(name: &str) -> Vec<SocketAddr> {
            let last = if name.starts_with("bad") { [10, 0, 0, 1] } else { [8, 8, 8, 8] };
            (0..4_000).map(|i| [8, 8, (i >> 8) as u8, i as u8]).chain([last]).map(|ip| (ip, 0).into()).collect()
        }
        let resolver = JudgingResolver { guard: Guard::default(), scope: Scope::Public, lookup: Lookup::Fixed(many) };
        let good: Vec<SocketAddr> = resolver.resolve("good.test".parse().unwrap()).await.unwrap().collect();
        assert_eq!(good, many("good.test")[..MAX_ADDRESSES]);
        assert!(resolver.resolve("bad.test".parse().unwrap()).await.is_err());
    }
}
