//! Whom a request says it is for. A server on loopback is asked by its own machine only, but a web page's script can make
//! a browser there ask it under the page's own name (DNS rebinding). That name is in `Host`, and gives it away.

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use url::Host;

/// Checks that a request names loopback, and one host only (RFC 9112 §3.2). The port is not looked at: who forwards
/// another one to here (`ssh -L`) says that one, and a page that rebinds a name has to say ours anyway.
///
/// # Errors
/// What is wrong with it, to tell the caller.
pub(crate) fn check(parts: &Parts) -> Result<(), String> {
    let mut given = parts.headers.get_all(HOST).iter();
    let (Some(host), None) = (given.next(), given.next()) else {
        return Err("the request must have exactly one Host header".into());
    };
    // A target in absolute form outranks the header (RFC 9112 §3.2.2), so it has to be as good.
    let named = std::iter::once(host.to_str().ok().and_then(|text| text.parse::<Authority>().ok()))
        .chain(parts.uri.authority().map(|authority| Some(authority.clone())));
    for name in named {
        if !name.as_ref().is_some_and(is_loopback) {
            return Err("this server listens on this machine only; the Host header must be localhost, 127.0.0.1 or \
                        [::1], with the port"
                .into());
        }
    }
    Ok(())
}

fn is_loopback(authority: &Authority) -> bool {
    // What follows the host is nothing, or a port, which may be empty (RFC 3986 §3.2.3).
    let port = authority.as_str().strip_prefix(authority.host());
    if !port.is_some_and(|port| port.is_empty() || port == ":" || authority.port_u16().is_some()) {
        return false;
    }
    match Host::parse(authority.host()) {
        Ok(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Ok(Host::Ipv4(ip)) => ip.is_loopback(),
        Ok(Host::Ipv6(ip)) => ip.is_loopback(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(target: &str, hosts: &[&str]) -> bool {
        let request = hosts.iter().fold(http::Request::get(target), |r, host| r.header("host", *host));
        check(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    #[test]
    fn only_loopback_is_meant() {
        for good in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:80", "api.localhost:8080"] {
            assert!(verdict("/v1/usage", &[good]), "{good}");
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
            assert!(!verdict("/v1/usage", &[bad]), "{bad}");
        }
        assert!(!verdict("/", &[]) && !verdict("/", &["localhost", "localhost"]));
        assert!(verdict("http://localhost:8080/", &["localhost:8080"]));
        assert!(!verdict("http://evil.example/", &["localhost:8080"]));
    }
}
