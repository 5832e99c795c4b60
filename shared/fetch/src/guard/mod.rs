//! Which addresses may be fetched. Pure: judges addresses, names and ports; looks nothing up.

mod table;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use url::{Host, Url};

/// Why a URL may not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The address that is written in the URL is in a range that is no public host's.
    #[error("this URL's address may not be fetched ({0}); only public ones may")]
    Address(&'static str),
    /// The name leads to such an address, or to none. Which is not said, and one message is for both: the name may be of
    /// somebody's inner network.
    #[error("this URL's host is not known to DNS, or leads to an address that may not be fetched; check its spelling")]
    Name,
    /// The name is local by its form.
    #[error("this URL's host is a local name; only public hosts may be fetched")]
    LocalName,
    /// This process listens there itself.
    #[error("this URL leads to this server itself, which may not be fetched")]
    Own,
    /// Another port than 80 and 443.
    #[error("this URL's port {0} may not be fetched; only 80 and 443 may")]
    Port(u16),
}

/// Which addresses a name may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Public ones, and those that the operator allowed.
    Public,
    /// Only those that the operator allowed: for local names and other ports.
    AllowedOnly,
}

/// A port of loopback that this very process listens on. Whatever else may be fetched, that may not: a page would have
/// the server talk to itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnListener {
    /// The port.
    pub port: u16,
    /// Paths that may be fetched all the same: all that begin with one of these.
    pub open: Vec<String>,
}

impl OwnListener {
    /// Whether a URL leads here, or may. Of a name it is not known where it leads before it is looked up, so that the port
    /// decides; but on a port of the web any site can be, and there [`OwnListener::refuses_peer`] does.
    pub fn refuses(&self, url: &Url) -> bool {
        let elsewhere = match url.host() {
            Some(Host::Domain(name)) if is_web_port(self.port) && !is_local_name(name) => true,
            Some(Host::Ipv4(ip)) => !(ip.is_loopback() || ip.is_unspecified()),
            Some(Host::Ipv6(ip)) => match unmapped(IpAddr::V6(ip)) {
                IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_unspecified()),
                IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unspecified()),
            },
            Some(Host::Domain(_)) | None => false,
        };
        url.port_or_known_default() == Some(self.port) && !elsewhere && !self.opens(url)
    }

    /// Whether what was asked for a URL was this listener.
    pub fn refuses_peer(&self, peer: SocketAddr, url: &Url) -> bool {
        peer.port() == self.port && unmapped(peer.ip()).is_loopback() && !self.opens(url)
    }

    fn opens(&self, url: &Url) -> bool {
        self.open.iter().any(|path| url.path().starts_with(path.as_str()))
    }
}

/// The rules in force. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allow: Arc<[IpNet]>,
}

impl Guard {
    /// Public addresses, and besides them those in `allow`, on any port there.
    pub fn new(allow: Vec<IpNet>) -> Guard {
        Guard { allow: allow.into() }
    }

    /// Whether anything besides public addresses is allowed.
    pub fn allows_more(&self) -> bool {
        !self.allow.is_empty()
    }

    /// Whether the operator allowed this address though it is not public.
    pub fn is_allowed(&self, ip: IpAddr) -> bool {
        let ip = unmapped(ip);
        self.allow.iter().any(|net| net.contains(&ip))
    }

    /// Whether a name of this scope may have this address.
    pub fn admits(&self, scope: Scope, ip: IpAddr) -> bool {
        match scope {
            Scope::Public => self.judge_ip(ip).is_ok(),
            Scope::AllowedOnly => self.is_allowed(ip),
        }
    }

    /// Judges an address to connect to.
    ///
    /// # Errors
    /// The range that forbids it.
    pub fn judge_ip(&self, ip: IpAddr) -> Result<(), Refusal> {
        if self.is_allowed(ip) {
            return Ok(());
        }
        match forbidden(ip) {
            Some(range) => Err(Refusal::Address(range)),
            None => Ok(()),
        }
    }

    /// Judges an address that is written in a URL, with the URL's port.
    ///
    /// # Errors
    /// The range or the port that forbids it.
    pub fn judge_literal(&self, ip: IpAddr, port: u16) -> Result<(), Refusal> {
        self.judge_ip(ip)?;
        if self.is_allowed(ip) || is_web_port(port) { Ok(()) } else { Err(Refusal::Port(port)) }
    }
}

/// 80 and 443.
pub fn is_web_port(port: u16) -> bool {
    matches!(port, 80 | 443)
}

/// Top-level names that the public DNS does not have and private networks use: RFC 6761, RFC 6762 with its appendix G,
/// RFC 8375, ICANN's `internal`, and what hosts files have always called this machine.
const LOCAL_TOPS: [&str; 11] = [
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

/// Names that mean a host of the local network: without a dot, or under one of the local top-level names.
pub fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let under = |top: &&str| name.strip_suffix(*top).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || LOCAL_TOPS.iter().any(under)
}

fn unmapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// The special range that an address is in, if any.
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
    // An address that carries an IPv4 address leads there: that one is judged.
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
