//! Validates URLs before anything is done with them. Pure: the guard decides separately whether the address may be
//! fetched.

pub use domain::canonical::MAX_URL;
use url::Url;

/// Why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// Not an absolute URL.
    #[error("it cannot be read as an absolute URL like https://example.com/page ({0})")]
    NotAbsolute(String),
    /// A scheme other than http or https.
    #[error("the scheme must be http or https")]
    Scheme,
    /// It has a user name or a password.
    #[error("user name and password are not allowed in a URL")]
    Userinfo,
    /// No host.
    #[error("it has no host")]
    NoHost,
    /// It is longer than [`MAX_URL`].
    #[error("it is over 8192 bytes long, percent-encoding included")]
    TooLong,
}

/// Checks that a text is an absolute http or https URL without userinfo (RFC 3986, read as browsers do).
///
/// # Errors
/// What is wrong with it.
pub fn check_url(text: &str) -> Result<Url, UrlFault> {
    if text.len() > MAX_URL {
        return Err(UrlFault::TooLong);
    }
    let url = Url::parse(text).map_err(|e| UrlFault::NotAbsolute(e.to_string()))?;
    check_parsed(&url)?;
    Ok(url)
}

/// Checks a URL that is already parsed, such as a redirect's target.
///
/// # Errors
/// What is wrong with it.
pub fn check_parsed(url: &Url) -> Result<(), UrlFault> {
    if url.as_str().len() > MAX_URL {
        return Err(UrlFault::TooLong);
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UrlFault::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlFault::Userinfo);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(UrlFault::NoHost);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_http_urls_without_userinfo_pass() {
        for ok in ["https://example.com", "http://example.com:8080/a?b#c", "http://127.0.0.1/", "http://[::1]/"] {
            assert!(check_url(ok).is_ok(), "{ok}");
        }
        assert_eq!(check_url("ftp://example.com/"), Err(UrlFault::Scheme));
        assert_eq!(check_url("javascript:alert(1)"), Err(UrlFault::Scheme));
        assert_eq!(check_url("https://u@example.com/"), Err(UrlFault::Userinfo));
        assert_eq!(check_url("https://:p@example.com/"), Err(UrlFault::Userinfo));
        for relative in ["", "example.com", "/a", "//example.com/", "http://", "https://exa mple.com/"] {
            assert!(matches!(check_url(relative), Err(UrlFault::NotAbsolute(_))), "{relative}");
        }
        assert_eq!(check_url(&format!("https://x.test/{}", "a".repeat(9_000))), Err(UrlFault::TooLong));
    }
}
