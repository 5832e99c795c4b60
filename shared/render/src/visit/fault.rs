//! Explains why a document could not be shown.

use fetch::FetchError;

use super::Visit;
use crate::error::RenderError;

impl Visit<'_> {
    /// Returns the error for a document that the browser could not show. The proxy knows more about the reason than the
    /// browser.
    pub(super) fn unreachable_error(&self, text: &str) -> RenderError {
        if let Some(error) = self.limit_error() {
            return error;
        }
        let host = self.last_requested.host_str().unwrap_or_default();
        match self.access.traffic.last_failure(host) {
            Some(FetchError::Forbidden(text)) => return RenderError::Forbidden(text),
            Some(FetchError::Internal(text)) => return RenderError::Internal(text.into()),
            Some(error) => return RenderError::Unreachable(error.to_string()),
            None => {}
        }
        if !matches!(self.last_requested.scheme(), "http" | "https") {
            return RenderError::Forbidden("this URL may not be fetched: the scheme must be http or https".into());
        }
        let name = text.strip_prefix("net::ERR_").unwrap_or(text);
        let reason = match name {
            name if name.starts_with("CERT_") => "the site's TLS certificate is not valid",
            name if name.starts_with("SSL_") => {
                "the TLS connection to the site failed; the site may not offer TLS on this port"
            }
            "TOO_MANY_REDIRECTS" => "the site redirects too often, or in a loop",
            "UNSAFE_REDIRECT" | "DISALLOWED_URL_SCHEME" | "UNKNOWN_URL_SCHEME" => {
                return RenderError::Forbidden("after a redirect: the scheme must be http or https".into());
            }
            "ABORTED" => "the site sent no document",
            _ => "the site closed the connection, or its response is not valid HTTP",
        };
        RenderError::Unreachable(reason.into())
    }

    /// Returns an error if the page exceeded a limit.
    pub(super) fn limit_error(&self) -> Option<RenderError> {
        let limit = self.access.traffic.exceeded_limit()?;
        Some(RenderError::LimitExceeded(format!("the page needed more than {limit} before its document was loaded")))
    }

    /// Returns the error for a page that sends no more events.
    pub(super) fn lost_error(&self) -> RenderError {
        if self.session.is_closed() {
            return RenderError::Internal("it was lost".into());
        }
        RenderError::LimitExceeded("the page closed itself, or caused more events than could be handled".into())
    }

    /// Translates an error of reading the document.
    pub(super) fn read_error(&self, error: RenderError) -> RenderError {
        match error {
            RenderError::Internal(_) => self.lost_error(),
            error => error,
        }
    }
}
