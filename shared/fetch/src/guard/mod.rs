//! Decides which addresses may be fetched. Pure: checks addresses, names and ports; resolves no names.

mod table;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use url::{Host, Url};

/// Why a URL may not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The address written in the URL is in a range that is not public.
    #[error(
        "this URL's address may not be fetched ({0}); only public addresses may be, and those that the operator allows (FETCH_ALLOW)"
    )]
    Address(&'static str),
    /// The name resolves to such an address, or to none. One message covers both, so that it does not reveal names of
    /// somebody's internal network.
    #[error("this URL's host is unknown to DNS, or resolves to an address that may not be fetched; check its spelling")]
    Name,
    /// The name has the form of a local name.
    #[error("this URL's host is a local name; it may be fetched only if the operator allows its address (FETCH_ALLOW)")]
    LocalName,
    /// This process itself listens there.
    #[error("this URL leads to this server itself, which may not be fetched")]
    OwnListener,
    /// A port other than 80 and 443.
    #[error(
        "this URL's port {0} is not allowed; only ports 80 and 443 are, except at addresses that the operator allows (FETCH_ALLOW)"
    )]
    Port(u16),
}

/// Which addresses a name may resolve to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Public addresses, and those that the operator allows.
    Public,
    /// Only addresses that the operator allows: for local names and other ports.
    AllowedOnly,
}

/// A loopback port on which this process itself listens. It may not be fetched, whatever else is allowed: otherwise a
/// page could make the server call itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnListener {
    /// The port.
    pub port: u16,
    /// Prefixes of the paths that may be fetched nevertheless.
    pub allowed_paths: Vec<String>,
}

impl OwnListener {
    /// Returns whether a URL leads to this listener, or may do so. The address of a name is unknown before the name is
    /// resolved, so the port decides. On a web port, the name can belong to any site; there
    /// [`OwnListener::refuses_peer`] decides.
    pub fn refuses(&self, url: &Url) -> bool {
        let is_other_host = match url.host() {
            Some(Host::Domain(name)) if is_web_port(self.port) && !is_local_name(name) => true,
            Some(Host::Ipv4(ip)) => !(ip.is_loopback() || ip.is_unspecified()),
            Some(Host::Ipv6(ip)) => match unmapped(IpAddr::V6(ip)) {
                IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_unspecified()),
                IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unspecified()),
            },
            Some(Host::Domain(_)) | None => false,
        };
        url.port_or_known_default() == Some(self.port) && !is_other_host && !self.is_allowed_path(url)
    }

    /// Returns whether the peer that a URL's request reached is this listener.
    pub fn refuses_peer(&self, peer: SocketAddr, url: &Url) -> bool {
        peer.port() == self.port && unmapped(peer.ip()).is_loopback() && !self.is_allowed_path(url)
    }

    fn is_allowed_path(&self, url: &Url) -> bool {
        self.allowed_paths.iter().any(|path| url.path().starts_with(path.as_str()))
    }
}

/// The address rules. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allow: Arc<[IpNet]>,
}

impl Guard {
    /// Allows public addresses on ports 80 and 443, and the addresses in `allow` on any port.
    pub fn new(allow: Vec<IpNet>) -> Guard {
        Guard { allow: allow.into() }
    }

    /// Returns whether any address that is not public is allowed.
    pub fn allows_non_public(&self) -> bool {
        !self.allow.is_empty()
    }

    /// Returns whether the operator allows this address.
    pub fn is_allowed(&self, ip: IpAddr) -> bool {
        let ip = unmapped(ip);
        self.allow.iter().any(|net| net.contains(&ip))
    }

    /// Returns whether a name of this scope may resolve to this address.
    pub fn admits(&self, scope: Scope, ip: IpAddr) -> bool {
        match scope {
            Scope::Public => self.check_ip(ip).is_ok(),
            Scope::AllowedOnly => self.is_allowed(ip),
        }
    }

    /// Checks an address to connect to.
    ///
    /// # Errors
    /// The range that forbids it.
    pub fn check_ip(&self, ip: IpAddr) -> Result<(), Refusal> {
        if self.is_allowed(ip) {
            return Ok(());
        }
        match forbidden(ip) {
            Some(range) => Err(Refusal::Address(range)),
            None => Ok(()),
        }
    }

    /// Checks an address written in a URL, and the URL's port.
    ///
    /// # Errors
    /// The range or the port that forbids it.
    pub fn check_literal(&self, ip: IpAddr, port: u16) -> Result<(), Refusal> {
        self.check_ip(ip)?;
        if self.is_allowed(ip) || is_web_port(port) { Ok(()) } else { Err(Refusal::Port(port)) }
    }
}

/// Returns whether the port is 80 or 443.
pub fn is_web_port(port: u16) -> bool {
    matches!(port, 80 | 443)
}

/// Top-level names that private networks use and the public DNS does not have: RFC 6761, RFC 6762 with its appendix G,
/// RFC 8375, ICANN's `internal`, and the names that hosts files traditionally give to this machine.
const LOCAL_TLDS: [&str; 11] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "localdomain6",
];

/// Returns whether a name means a host of the local network: it has no dot, or is under one of the local top-level
/// names.
pub fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let under = |top: &&str| name.strip_suffix(*top).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || LOCAL_TLDS.iter().any(under)
}

fn unmapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// Returns the special range that contains an address, if any.
pub fn forbidden(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(v4) => forbidden_v4(v4),
        IpAddr::V6(v6) => forbidden_v6(v6),
    }
}

fn forbidden_v4(ip: Ipv4Addr) -> Option<&'static str> {
    let bits = ip.to_bits();
    table::V4
        .iter()
        .find(|(net, len, _)| shares_prefix(u128::from(bits), u128::from(net.to_bits()), 32, *len))
        .map(|r| r.2)
}

fn forbidden_v6(ip: Ipv6Addr) -> Option<&'static str> {
    let bits = ip.to_bits();
    // An IPv6 address that embeds an IPv4 address leads to the IPv4 address, so the IPv4 address is checked.
    let low = Ipv4Addr::from_bits((bits & 0xffff_ffff) as u32);
    if ip.to_ipv4_mapped().is_some() {
        return forbidden_v4(low);
    }
    if bits >> 32 == table::NAT64 >> 32 {
        return forbidden_v4(low);
    }
    if let Some(row) = table::V6.iter().find(|(net, len, _)| shares_prefix(bits, net.to_bits(), 128, *len)) {
        return Some(row.2);
    }
    // Only 2000::/3 is global unicast (IANA IPv6 Address Space registry).
    if bits >> 125 != 0b001 {
        return Some("outside global unicast");
    }
    let interface = (bits as u64) & !table::ISATAP_UNIQUE & !u64::from(u32::MAX);
    if interface == table::ISATAP { Some("ISATAP, RFC 5214") } else { None }
}

fn shares_prefix(a: u128, b: u128, width: u32, len: u32) -> bool {
    len == 0 || (a ^ b) >> (width - len) == 0
}

#[cfg(test)]
mod tests;
