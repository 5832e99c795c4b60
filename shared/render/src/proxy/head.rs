//! Reads and rewrites heads of HTTP/1 messages that pass through the proxy. Pure.

/// Maximum size of a head in bytes.
pub(super) const MAX_HEAD: usize = 256 << 10;
/// Maximum number of fields in a head.
const MAX_FIELDS: usize = 500;

/// A request of the browser to the proxy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProxyRequest {
    pub(super) method: String,
    /// `host:port` for a tunnel, otherwise a URL.
    pub(super) target: String,
    pub(super) authorization: Option<String>,
}

/// Returns where the head ends, including the empty line; `None` if it has not ended.
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    let lines = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    lines.or_else(|| bytes.windows(2).position(|two| two == b"\n\n").map(|at| at + 2))
}

/// Parses the head of a request to a proxy.
pub(super) fn request(head: &[u8]) -> Option<ProxyRequest> {
    let mut fields = vec![httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    request.parse(head).ok()?;
    let (method, target) = (request.method?.to_owned(), request.path?.to_owned());
    let field = request.headers.iter().find(|f| f.name.eq_ignore_ascii_case("proxy-authorization"));
    let authorization = field.map(|f| String::from_utf8_lossy(f.value).into_owned());
    Some(ProxyRequest { method, target, authorization })
}

/// Returns the head to send to the origin: with the path only, without fields for the proxy, and with `Connection:
/// close`.
pub(super) fn for_origin(head: &[u8], method: &str, path: &str) -> Vec<u8> {
    forwarded(head, format!("{method} {path} HTTP/1.1\r\n").as_bytes())
}

/// Returns the status of a response.
pub(super) fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|b| *b == b'\n').next()?;
    let text = std::str::from_utf8(line.get(..12)?).ok()?;
    text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|digits| digits.parse().ok())
}

/// Returns the head to send to the browser, with `Connection: close`.
pub(super) fn for_browser(head: &[u8]) -> Vec<u8> {
    let line = head.split_inclusive(|b| *b == b'\n').next().unwrap_or_default();
    forwarded(head, line)
}

/// Replaces the first line of a head and removes the fields that apply to one connection only.
fn forwarded(head: &[u8], first: &[u8]) -> Vec<u8> {
    let mut out = first.to_vec();
    // A line that begins with a blank continues the field before it.
    let mut dropped = false;
    for line in head.split_inclusive(|b| *b == b'\n').skip(1) {
        if line.trim_ascii().is_empty() {
            break;
        }
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            let name = line.split(|b| *b == b':').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
            dropped = name.starts_with(b"proxy-") || matches!(&name[..], b"connection" | b"keep-alive");
        }
        if !dropped {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(b"Connection: close\r\n\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_for_the_proxy_are_not_forwarded() {
        let head = b"GET http://a.test/x?y HTTP/1.1\r\nHost: a.test\r\nProxy-Authorization: Basic c2VjcmV0\r\n\
            Proxy-Connection: keep-alive\r\nX-Own: a\r\nConnection: keep-alive\r\nCookie: c\r\n\r\n";
        let asked = request(head).unwrap();
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("GET", "http://a.test/x?y"));
        assert_eq!(asked.authorization.as_deref(), Some("Basic c2VjcmV0"));
        let seen = String::from_utf8(for_origin(head, "GET", "/x?y")).unwrap();
        let want = "GET /x?y HTTP/1.1\r\nHost: a.test\r\nX-Own: a\r\nCookie: c\r\nConnection: close\r\n\r\n";
        assert_eq!(seen, want);
    }

    #[test]
    fn answers_end_the_connection() {
        let head =
            b"HTTP/1.1 200 OK\r\nConnection: keep-alive,\r\n\tx\r\nX-Long: a\r\n b\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(status(head), Some(200));
        let seen = String::from_utf8(for_browser(head)).unwrap();
        assert_eq!(seen, "HTTP/1.1 200 OK\r\nX-Long: a\r\n b\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
        for none in [
            &b""[..],
            b"HTTP/1.1 2",
            b"ICY 200 OK\r\n",
            b"HTTP/2 200 OK\r\n",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(status(none), None);
        }
    }

    #[test]
    fn heads_end_in_an_empty_line() {
        assert_eq!(end(b"a\r\nb\r\n\r\nrest"), Some(8));
        assert_eq!(end(b"a\nb\n\nrest"), Some(5));
        assert_eq!(end(b"a\r\nb\r\n"), None);
        assert_eq!(request(b"CONNECT a.test:443 HTTP/1.1\r\n\r\n").unwrap().target, "a.test:443");
        assert_eq!(request(b"\x16\x03\x01\r\n\r\n"), None);
    }
}
