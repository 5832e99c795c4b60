//! Names to addresses, judged: a name is refused if any of its addresses is, and the connection goes to the addresses
//! that were judged. Which is why this sits inside the HTTP client and not before it.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::guard::{Guard, Refusal};

/// Which addresses a name may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Public ones, and those that the operator allowed.
    Public,
    /// Only those that the operator allowed: for local names and other ports.
    AllowedOnly,
}

#[derive(Debug, Clone)]
pub(crate) struct JudgingResolver {
    pub(crate) guard: Guard,
    pub(crate) scope: Scope,
}

impl JudgingResolver {
    fn judge(&self, addresses: &[SocketAddr]) -> Result<(), Refusal> {
        for address in addresses {
            self.guard.judge_ip(address.ip())?;
            if self.scope == Scope::AllowedOnly && !self.guard.is_allowed(address.ip()) {
                return Err(Refusal::Address("a public address, where only allowed local ones may be fetched"));
            }
        }
        Ok(())
    }
}

impl Resolve for JudgingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            this.judge(&addresses)?;
            let addresses: Addrs = Box::new(addresses.into_iter());
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
        };
        let good = "8.8.8.8:0".parse().unwrap();
        let bad = "10.0.0.1:0".parse().unwrap();
        let local = "127.0.0.1:0".parse().unwrap();
        assert!(resolver(Scope::Public, &[]).judge(&[good]).is_ok());
        assert!(resolver(Scope::Public, &[]).judge(&[good, bad]).is_err());
        assert!(resolver(Scope::Public, &["127.0.0.0/8"]).judge(&[good, local]).is_ok());
        assert!(resolver(Scope::AllowedOnly, &["127.0.0.0/8"]).judge(&[local]).is_ok());
        assert!(resolver(Scope::AllowedOnly, &["127.0.0.0/8"]).judge(&[local, good]).is_err());
    }
}
