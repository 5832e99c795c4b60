//! Checks the `Host` of requests. Only its own machine can reach a server on loopback, but a web page's script can make
//! a browser on that machine call it under the page's own host name (DNS rebinding). `Host` contains that name.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use url::Host;

/// Host names that requests may use besides loopback's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerNames(Arc<[Host]>);

impl ServerNames {
    /// Parses names and addresses separated by commas. Returns `None` if one is neither.
    pub(crate) fn parse(text: &str) -> Option<ServerNames> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        // An IPv6 address has brackets in a Host header, but often not elsewhere.
        let parsed = names.map(|name| match name.parse::<std::net::Ipv6Addr>() {
            Ok(ip) => Ok(Host::Ipv6(ip)),
            Err(_) => Host::parse(name),
        });
        Some(ServerNames(parsed.collect::<Result<_, _>>().ok()?))
    }

    /// Adds an address.
    pub(crate) fn with_address(&self, address: IpAddr) -> ServerNames {
        let host = match address {
            IpAddr::V4(ip) => Host::Ipv4(ip),
            IpAddr::V6(ip) => Host::Ipv6(ip),
        };
        ServerNames(self.0.iter().cloned().chain([host]).collect())
    }

    /// Checks that a request names loopback or one of these names, and one host only (RFC 9112 §3.2). Ignores the port:
    /// a forwarded port (`ssh -L`) differs from ours, and a page that rebinds a name has to use ours anyway.
    ///
    /// # Errors
    /// What is wrong, for the caller.
    pub(crate) fn check(&self, parts: &Parts) -> Result<(), String> {
        let mut given = parts.headers.get_all(HOST).iter();
        let (Some(host), None) = (given.next(), given.next()) else {
            return Err("the request must have exactly one Host header".into());
        };
        // A target in absolute form takes precedence over the header (RFC 9112 §3.2.2), so it is checked too.
        let named = std::iter::once(host.to_str().ok().and_then(|text| text.parse::<Authority>().ok()))
            .chain(parts.uri.authority().map(|authority| Some(authority.clone())));
        for name in named {
            if !name.as_ref().and_then(host_of).is_some_and(|host| is_loopback(&host) || self.0.contains(&host)) {
                let sent: String = name.iter().flat_map(|name| name.as_str().chars()).take(100).collect();
                return Err(format!(
                    "this server does not answer to the host \"{sent}\"; use localhost, 127.0.0.1 or [::1], or let its \
                     operator add the host to SERVER_NAMES"
                ));
            }
        }
        Ok(())
    }
}

/// Returns the host of an authority; `None` if it is malformed.
fn host_of(authority: &Authority) -> Option<Host> {
    // The host is followed by nothing or by a port, which may be empty (RFC 3986 §3.2.3).
    let port = authority.as_str().strip_prefix(authority.host());
    if !port.is_some_and(|port| port.is_empty() || port == ":" || authority.port_u16().is_some()) {
        return None;
    }
    Host::parse(authority.host()).ok()
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted_with(names: &ServerNames, target: &str, hosts: &[&str]) -> bool {
        let request = hosts.iter().fold(http::Request::get(target), |r, host| r.header("host", *host));
        names.check(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    fn is_accepted(target: &str, hosts: &[&str]) -> bool {
        is_accepted_with(&ServerNames::default(), target, hosts)
    }

    #[test]
    fn configured_server_names_are_accepted() {
        let names = ServerNames::parse("runo.example.com, 192.168.0.1,fd00::1").unwrap();
        for good in ["RUNO.example.com", "runo.example.com:8443", "192.168.0.1:8080", "[fd00::1]:8080", "localhost"] {
            assert!(is_accepted_with(&names, "/v1/usage", &[good]), "{good}");
        }
        for bad in ["example.com", "a.runo.example.com", "192.168.0.2", "[fd00::2]"] {
            assert!(!is_accepted_with(&names, "/v1/usage", &[bad]), "{bad}");
        }
        assert_eq!(ServerNames::parse(""), Some(ServerNames::default()));
        assert_eq!(ServerNames::parse("a b"), None);
        assert!(is_accepted_with(&names.with_address(IpAddr::from([10, 0, 0, 1])), "/", &["10.0.0.1:80"]));
    }

    #[test]
    fn by_default_only_loopback_names_are_accepted() {
        for good in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:80", "api.localhost:8080"] {
            assert!(is_accepted("/v1/usage", &[good]), "{good}");
        }
        for bad in [
            "evil.example",
            "localhost.evil.example:8080",
            "127.0.0.1.evil.example",
            "evil-localhost",
            "192.168.0.1",
            "[::2]",
            "0.0.0.0",
            "",
            "localhost@evil.example",
            "a b",
            "localhost:port",
        ] {
            assert!(!is_accepted("/v1/usage", &[bad]), "{bad}");
        }
        assert!(!is_accepted("/", &[]) && !is_accepted("/", &["localhost", "localhost"]));
        assert!(is_accepted("http://localhost:8080/", &["localhost:8080"]));
        assert!(!is_accepted("http://evil.example/", &["localhost:8080"]));
    }
}
