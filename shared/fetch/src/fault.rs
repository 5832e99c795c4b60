//! What the HTTP client's errors mean for the caller. It reads error chains, never their texts.

use std::error::Error;
use std::io;

use crate::error::FetchError;
use crate::guard::Refusal;
use crate::resolver::NameRefused;

/// What a failed request or a body that broke off means. `refusal` is what to say if the resolver refused the name.
pub(crate) fn explain(error: &reqwest::Error, refusal: &Refusal) -> FetchError {
    if find::<NameRefused>(error).is_some() {
        return FetchError::Forbidden(refusal.to_string());
    }
    let text = if let Some(tls) = find::<rustls::Error>(error) {
        if matches!(tls, rustls::Error::InvalidCertificate(_)) {
            "the site's TLS certificate is not valid for it"
        } else {
            "no secure connection to the site came about; it may not speak TLS on this port"
        }
    } else if error.is_dns() {
        "DNS did not answer for the host's name"
    } else if error.is_connect() && error.is_timeout() {
        "the site did not take the connection in time"
    } else if error.is_connect() {
        "the site takes no connection"
    } else if error.is_body() || error.is_decode() {
        "the site broke off its answer, or its Content-Encoding is damaged"
    } else {
        "the site closed the connection or its answer is not HTTP that can be read"
    };
    FetchError::Unreachable(text.into())
}

/// The first error of type `T` in a chain. What is wrapped in an [`io::Error`] is not among its sources, so it is asked.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref::<T>() {
            return Some(found);
        }
        if let Some(inner) = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(found) = find::<T>(inner)
        {
            return Some(found);
        }
        next = e.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_io_error_wraps_is_found() {
        let outer = io::Error::other(io::Error::other(NameRefused));
        assert_eq!(find::<NameRefused>(&outer), Some(&NameRefused));
        assert_eq!(find::<NameRefused>(&io::Error::other("x")), None);
    }
}
