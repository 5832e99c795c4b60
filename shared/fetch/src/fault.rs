//! Translates the HTTP client's errors for the caller. Inspects the types in the error chain, never their texts.

use std::error::Error;
use std::io;

use crate::error::FetchError;
use crate::error_chain::find;
use crate::guard::Refusal;
use crate::resolver::NameRefused;

/// Translates the error of a request or a body. `refusal` is the error to report if the resolver refused the name.
pub(crate) fn translate(error: &reqwest::Error, refusal: &Refusal) -> FetchError {
    if find::<NameRefused>(error).is_some() {
        return FetchError::Forbidden(refusal.to_string());
    }
    if let Some(what) = missing_resource(error) {
        return FetchError::Internal(what);
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        let text = if matches!(tls, rustls::Error::InvalidCertificate(_)) {
            "the site's TLS certificate is not valid"
        } else {
            "the TLS connection to the site failed; the site may not offer TLS on this port"
        };
        return FetchError::ConnectFailed(text.into());
    }
    let failed = |text: &str| FetchError::ConnectFailed(text.into());
    let unreachable = |text: &str| FetchError::Unreachable(text.into());
    FetchError::Transient(Box::new(if error.is_dns() {
        failed("DNS did not answer the look-up of the host's name")
    } else if error.is_connect() && error.is_timeout() {
        failed("the site did not accept the connection in time")
    } else if error.is_connect() {
        failed("the connection to the site failed")
    } else if error.is_body() || error.is_decode() {
        unreachable("the site's response ended early, or its compressed content is damaged")
    } else {
        unreachable("the site closed the connection, or its response is not valid HTTP")
    }))
}

/// Translates a failed connection of [`Fetcher::dial`](crate::Fetcher::dial).
pub(crate) fn translate_dial(error: &io::Error, refusal: &Refusal) -> FetchError {
    if find::<NameRefused>(error).is_some() {
        return FetchError::Forbidden(refusal.to_string());
    }
    if let Some(what) = missing_resource(error) {
        return FetchError::Internal(what);
    }
    let text = match error.kind() {
        io::ErrorKind::TimedOut => "the site did not accept the connection in time",
        // An error of the resolver wraps another error.
        _ if error.get_ref().is_some() => "DNS did not answer the look-up of the host's name",
        _ => "the connection to the site failed",
    };
    FetchError::Transient(Box::new(FetchError::ConnectFailed(text.into())))
}

/// Returns the resource that this machine lacks, if that is why a connection failed and the site is not at fault.
fn missing_resource(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(e) = next {
        if let Some(io) = e.downcast_ref::<io::Error>() {
            if let Some(what) = io.raw_os_error().and_then(resource_of_errno) {
                return Some(what);
            }
            if let Some(what) = io.get_ref().and_then(|inner| missing_resource(inner)) {
                return Some(what);
            }
        }
        next = e.source();
    }
    None
}

/// Returns the resource whose lack a POSIX error number reports. Numbers differ between Linux and the BSDs.
fn resource_of_errno(code: i32) -> Option<&'static str> {
    match code {
        24 => Some("descriptors of this process"),
        23 => Some("descriptors of this machine"),
        12 => Some("memory"),
        105 if cfg!(target_os = "linux") => Some("buffers of the network"),
        99 if cfg!(target_os = "linux") => Some("ports or addresses"),
        55 if cfg!(not(target_os = "linux")) => Some("buffers of the network"),
        49 if cfg!(not(target_os = "linux")) => Some("ports or addresses"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_on_this_machine_is_not_blamed_on_the_site() {
        for (code, ours) in [(24, true), (23, true), (12, true), (111, false), (104, false), (110, false), (113, false)]
        {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(missing_resource(&error).is_some(), ours, "{code}");
            assert_eq!(missing_resource(&io::Error::other(error)).is_some(), ours, "{code}, wrapped");
        }
    }
}
