//! Serves the console's files with caching, compression and a content security policy. They are public: no key is
//! required, and they contain no data of an account. The page calls the API with its user's key.

use domain::ErrorCode;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_http::Request;
use web_console::File;

use crate::prefer::weight;
use crate::routes::{Operation, Segments};
use crate::{ApiError, Body, Response, request};

/// Content security policy: the page may run its own modules, use its own styles, connect to its own server, and show
/// images that came from there. It allows no inline code, nothing from other origins, no conversion of text to markup
/// or code, and no framing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";
/// For files: their path changes with their content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Marks a public response, which sets its own cache headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Public;

/// Serves the console.
pub(crate) fn serve(operation: Operation, segments: Segments<'_>, request: &Request, explains: bool) -> Response {
    let headers = request.headers();
    match operation {
        Operation::ConsoleFile => {
            let (version, name) = (segments.version.unwrap_or_default(), segments.file.unwrap_or_default());
            match web_console::file(version, name) {
                Some(file) => file_response(file, headers, IMMUTABLE),
                None => {
                    let text = "the console has no such file; it may belong to another version: reload /console";
                    ApiError::new(ErrorCode::NotFound, text).into_response()
                }
            }
        }
        Operation::Root => {
            let mut response = Response::new(Body::full(""));
            *response.status_mut() = StatusCode::FOUND;
            if let Ok(location) = HeaderValue::try_from(format!("{}/console", request::prefix(request))) {
                response.headers_mut().insert(LOCATION, location);
            }
            response
        }
        // Revalidated each time: it names the files of the current version.
        _ => file_response(web_console::page(explains), headers, "no-cache"),
    }
}

fn file_response(file: &'static File, request_headers: &HeaderMap, cache_control: &'static str) -> Response {
    let gzipped = accepts_gzip(request_headers);
    let mut response = Response::new(Body::full(if gzipped { file.gzip() } else { file.plain() }));
    response.extensions_mut().insert(Public);
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_TYPE, file.content_type);
    set(CACHE_CONTROL, cache_control);
    set(VARY, "Accept-Encoding");
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(REFERRER_POLICY, "no-referrer");
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if gzipped {
        set(CONTENT_ENCODING, "gzip");
    }
    response
}

/// Whether a client accepts gzip (RFC 9110 §12.5.3): `Accept-Encoding` has `gzip`, or else `*`, with a weight above 0.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let weight_of = |wanted: &str| {
        accepted.split(',').find_map(|part| {
            let mut parts = part.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            named.then(|| weight(parts))
        })
    };
    weight_of("gzip").or_else(|| weight_of("*")).is_some_and(|weight| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(operation: Operation, file: Option<(&str, &str)>, fields: &[(&'static str, &str)]) -> Response {
        let mut request = Request::default();
        for (name, value) in fields {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let segments = Segments { version: file.map(|f| f.0), file: file.map(|f| f.1), ..Segments::default() };
        serve(operation, segments, &request, false)
    }

    fn header<'r>(response: &'r Response, name: &str) -> &'r str {
        response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    #[test]
    fn the_page_is_revalidated_and_its_files_are_cached_for_ever() {
        let page = get(Operation::Console, None, &[]);
        assert_eq!((page.status(), header(&page, "cache-control")), (StatusCode::OK, "no-cache"));
        let version = web_console::version();
        let file = get(Operation::ConsoleFile, Some((version, "app.js")), &[]);
        assert_eq!(header(&file, "cache-control"), IMMUTABLE);
        assert_eq!(header(&file, "content-type"), "text/javascript; charset=utf-8");
        for (version, name) in [(version, "lib.rs"), ("0", "app.js"), (version, "index.html")] {
            assert_eq!(get(Operation::ConsoleFile, Some((version, name)), &[]).status(), StatusCode::NOT_FOUND);
        }
        assert_eq!(header(&get(Operation::Root, None, &[]), "location"), "/console");
    }

    #[test]
    fn every_file_has_the_policy_and_the_policy_allows_nothing_unsafe() {
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("http"));
        let file = get(Operation::ConsoleFile, Some((web_console::version(), "icon.svg")), &[]);
        for response in [get(Operation::Console, None, &[]), file] {
            assert_eq!(header(&response, "content-security-policy"), POLICY);
            assert_eq!(header(&response, "x-content-type-options"), "nosniff");
            assert!(response.headers().get("set-cookie").is_none());
        }
    }

    #[test]
    fn gzip_is_sent_only_to_clients_that_accept_it() {
        for (asked, gzipped) in [
            ("gzip, deflate, br, zstd", true),
            ("GZIP", true),
            ("br;q=1.0, gzip;q=0.1", true),
            ("*", true),
            ("*, gzip;q=0", false),
            ("gzip; q=0", false),
            ("gzip;q=0.000", false),
            ("gzip;Q=0", false),
            ("gzip;q=x", true),
            ("br", false),
            ("", false),
        ] {
            let page = get(Operation::Console, None, &[("accept-encoding", asked)]);
            assert_eq!(header(&page, "content-encoding") == "gzip", gzipped, "{asked}");
            assert_eq!(header(&page, "vary"), "Accept-Encoding");
        }
    }
}
