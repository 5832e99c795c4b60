//! Test vectors of addresses, names and listeners, and the comparison of the documented table with the one in code.

use super::*;

fn forbids(text: &str) -> bool {
    forbidden(text.parse().unwrap()).is_some()
}

#[test]
fn addresses_that_may_not_be_fetched() {
    let v4 = "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.255 \
        169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.9 192.0.0.170 192.0.0.192 192.0.2.1 \
        168.63.129.16 169.254.0.23 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1 198.18.0.1 \
        198.19.255.255 198.51.100.1 \
        203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255";
    let v6 = ":: ::1 ::2 ::7f00:1 ::808:808 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8 \
        64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:0:0:0:1:808:808 64:ff9b:1::1 64:ff9b:1:ffff::808:808 100::1 \
        100:0:0:1::1 2001::1 2001:0:7f00:1:: 2001:1::1 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 \
        2001:30::1 2001:1ff::1 2001:db8::1 2002:7f00:1:: 2002:808:808::1 2620:4f:8000::1 3ffe::1 3fff::1 \
        3fff:fff::1 5f00::1 fc00::1 fd12:3456::1 fd00:ec2::254 fd20:ce::254 fe80::1 febf::1 64:ff9b::a83f:8110 \
        2606:4700::5efe:10.0.0.1 2606:4700::200:5efe:8.8.8.8 ::ffff:168.63.129.16 fec0::1 ff02::1 1::1 4000::1 e000::1";
    for text in v4.split_whitespace().chain(v6.split_whitespace()) {
        assert!(forbids(text), "{text}");
    }
}

#[test]
fn an_own_listener_is_recognised_by_its_loopback_port() {
    let api = OwnListener { port: 8080, allowed_paths: vec!["/sample/".into()] };
    let refused = |url: &str| api.refuses(&url.parse().unwrap());
    for own in [
        "http://127.0.0.1:8080/v1/usage",
        "http://127.0.0.1:8080/sample/../v1/usage",
        "http://127.0.0.1:8080/sample/%2e%2e/v1/usage",
        "http://localhost:8080/",
        "http://[::1]:8080/",
        "http://[::ffff:127.0.0.1]:8080/",
        "http://0.0.0.0:8080/",
        "http://2130706433:8080/sample",
        "https://rebound.example:8080/",
    ] {
        assert!(refused(own), "{own}");
    }
    for other in ["http://127.0.0.1:8080/sample/product", "http://127.0.0.1:8081/", "http://10.0.0.1:8080/"] {
        assert!(!refused(other), "{other}");
    }
}

#[test]
fn on_a_web_port_the_peer_decides_whether_it_is_an_own_listener() {
    let own = OwnListener { port: 80, allowed_paths: vec!["/sample/".into()] };
    let (site, local) = ("http://site.example/".parse().unwrap(), "http://localhost/".parse().unwrap());
    assert!(!own.refuses(&site) && own.refuses(&local));
    assert!(own.refuses_peer("127.0.0.1:80".parse().unwrap(), &site));
    assert!(own.refuses_peer("[::ffff:127.0.0.1]:80".parse().unwrap(), &site));
    assert!(!own.refuses_peer("93.184.215.14:80".parse().unwrap(), &site));
    assert!(!own.refuses_peer("127.0.0.1:80".parse().unwrap(), &"http://site.example/sample/x".parse().unwrap()));
}

#[test]
fn addresses_that_may_be_fetched() {
    let public = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 \
        169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.1 192.0.3.0 192.167.255.255 \
        192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255 203.0.114.0 223.255.255.255 ::ffff:8.8.8.8 \
        64:ff9b::808:808 2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1 2003::1 2606:4700::1111 \
        2620:4f:8001::1 2a00:1450::1 3fff:1000::1 168.63.129.15 168.63.129.17 2606:4700::5eff:10.0.0.1 \
        2606:4700::1:5efe:10.0.0.1";
    for text in public.split_whitespace() {
        assert_eq!(forbidden(text.parse().unwrap()), None, "{text}");
    }
}

/// The first and last address of each row are refused because of that row, so no row hides behind another.
#[test]
fn each_row_refuses_its_first_and_last_address() {
    for (net, len, what) in table::V4 {
        let hosts = u32::MAX.checked_shr(len).unwrap_or(0);
        let last = Ipv4Addr::from_bits(net.to_bits() | hosts);
        assert_eq!([forbidden_v4(net), forbidden_v4(last)], [Some(what); 2], "{net}/{len}");
        assert_eq!(net.to_bits() & hosts, 0, "{net}/{len} has host bits");
    }
    for (net, len, what) in table::V6 {
        let last = Ipv6Addr::from_bits(net.to_bits() | u128::MAX >> len);
        assert_eq!([forbidden_v6(net), forbidden_v6(last)], [Some(what); 2], "{net}/{len}");
        assert_eq!(net.to_bits() & (u128::MAX >> len), 0, "{net}/{len} has host bits");
    }
}

/// Every row of the IANA special-purpose registries up to RFC 9780 (2025), and the ranges that only the address space
/// registries reserve. Written separately from the table, so that a row missing there fails here. For IPv4-mapped
/// addresses and NAT64's prefix, the embedded address is checked: see `embedded_addresses_are_checked_like_plain_ones`.
#[test]
fn every_row_of_the_registries_is_refused() {
    let rows = "0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 \
        192.0.0.0/29 192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 \
        192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.88.99.2/32 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 \
        198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 255.255.255.255/32 224.0.0.0/4 \
        ::1/128 ::/128 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128 2001:1::2/128 \
        2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 \
        2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 \
        ::/8 200::/7 400::/6 800::/5 1000::/4 4000::/3 6000::/3 8000::/3 a000::/3 c000::/3 e000::/4 f000::/5 f800::/6 \
        fec0::/10 ff00::/8";
    for row in rows.split_whitespace() {
        let net: IpNet = row.parse().unwrap();
        for ip in [net.network(), net.broadcast()] {
            assert!(forbidden(ip).is_some(), "{row}: {ip}");
        }
    }
}

/// docs/SECURITY.md lists exactly the refused ranges: each row of one table is in the other.
#[test]
fn the_documented_ranges_are_those_in_code() {
    let text = include_str!("../../../../docs/SECURITY.md");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `") && line.contains("/")).collect();
    let documented = |net: String, what: &str| {
        let start = format!("| `{net}` |");
        rows.iter().any(|row| row.starts_with(&start) && row.contains(what))
    };
    for (net, len, what) in table::V4 {
        assert!(documented(format!("{net}/{len}"), what), "{net}/{len}: {what}");
    }
    for (net, len, what) in table::V6 {
        assert!(documented(format!("{net}/{len}"), what), "{net}/{len}: {what}");
    }
    let ranges = rows.iter().filter(|row| row[3..].split('`').next().is_some_and(|net| net.parse::<IpNet>().is_ok()));
    assert_eq!(ranges.count(), table::V4.len() + table::V6.len());
}

/// An address that embeds an IPv4 address is checked like that address, so no other spelling gets through.
#[test]
fn embedded_addresses_are_checked_like_plain_ones() {
    for (net, len, _) in table::V4 {
        for low in [net.to_bits(), net.to_bits() | u32::MAX.checked_shr(len).unwrap_or(0)] {
            let mapped = Ipv4Addr::from_bits(low).to_ipv6_mapped();
            let nat64 = Ipv6Addr::from_bits(table::NAT64 | u128::from(low));
            assert!(forbidden_v6(mapped).is_some() && forbidden_v6(nat64).is_some(), "{mapped} {nat64}");
        }
    }
}

#[test]
fn an_allowed_range_opens_its_addresses_on_any_port() {
    let guard = Guard::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let local = "127.0.0.1".parse().unwrap();
    assert_eq!(guard.check_literal(local, 8080), Ok(()));
    assert_eq!(guard.check_literal("::ffff:127.0.0.1".parse().unwrap(), 8080), Ok(()));
    assert!(guard.check_ip("10.0.0.1".parse().unwrap()).is_err());
    assert_eq!(guard.check_literal("8.8.8.8".parse().unwrap(), 8080), Err(Refusal::Port(8080)));
    assert!(Guard::default().check_ip(local).is_err());
    // The NAT64 form of an allowed address is not allowed: a gateway translates it.
    assert!(guard.check_ip("64:ff9b::7f00:1".parse().unwrap()).is_err());
}

#[test]
fn local_names_are_recognised() {
    for name in [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "printer",
        "x.local",
        "db.internal",
        "x.internal.",
        "localhost.localdomain",
        "nas.home.arpa",
        "nas.lan",
    ] {
        assert!(is_local_name(name), "{name}");
    }
    for name in [
        "example.com",
        "localhost.example.com",
        "local.host.org",
        "internal.example.com.",
        "notlocal.atlan",
        "home.arpanet.org",
    ] {
        assert!(!is_local_name(name), "{name}");
    }
}
