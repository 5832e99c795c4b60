//! Explains why a document could not be shown.

use fetch::FetchError;

use super::Visit;
use crate::error::RenderError;

impl Visit<'_> {
    /// Returns the error for a document that the browser could not show. The proxy knows more about the reason than the
    /// browser.
    pub(super) fn unreachable(&self, text: &str) -> RenderError {
        if let Some(error) = self.too_much() {
            return error;
        }
        let host = self.asked_last.host_str().unwrap_or_default();
        match self.pass.ledger.failure(host) {
            Some(FetchError::Forbidden(text)) => return RenderError::Forbidden(text),
            Some(FetchError::Internal(text)) => return RenderError::Internal(text.into()),
            Some(error) => return RenderError::Unreachable(error.to_string()),
            None => {}
        }
        if !matches!(self.asked_last.scheme(), "http" | "https") {
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
    pub(super) fn too_much(&self) -> Option<RenderError> {
        let over = self.pass.ledger.over()?;
        Some(RenderError::TooMuch(format!("the page needed more than {over} before its document was loaded")))
    }

    /// Returns the error for a page that sends no more events.
    pub(super) fn lost(&self) -> RenderError {
        if self.session.is_lost() {
            return RenderError::Internal("it was lost".into());
        }
        RenderError::TooMuch("the page closed itself, or caused more events than could be handled".into())
    }

    /// Translates an error of reading the document.
    pub(super) fn read_error(&self, error: RenderError) -> RenderError {
        match error {
            RenderError::Internal(_) => self.lost(),
            error => error,
        }
    }
}
