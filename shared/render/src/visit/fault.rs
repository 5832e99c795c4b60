//! What it means that a document did not come.

use fetch::FetchError;

use super::Visit;
use crate::error::RenderError;

impl Visit<'_> {
    /// The browser could not show a document. The proxy knows more of why than the browser does.
    pub(super) fn unreachable(&self, text: &str) -> RenderError {
        if let Some(error) = self.too_much() {
            return error;
        }
        let host = self.asked_last.host_str().unwrap_or_default();
        match self.pass.ledger.failure(host) {
            Some(FetchError::Forbidden(text)) => return RenderError::Forbidden(text),
            Some(FetchError::Ours(text)) => return RenderError::Ours(text.into()),
            Some(error) => return RenderError::Unreachable(error.to_string()),
            None => {}
        }
        if !matches!(self.asked_last.scheme(), "http" | "https") {
            return RenderError::Forbidden("this URL may not be fetched: the scheme must be http or https".into());
        }
        let name = text.strip_prefix("net::ERR_").unwrap_or(text);
        let said = match name {
            name if name.starts_with("CERT_") => "the site's TLS certificate is not valid for it",
            name if name.starts_with("SSL_") => {
                "no secure connection to the site came about; it may not speak TLS on this port"
            }
            "TOO_MANY_REDIRECTS" => "the site redirects too often, or in a loop",
            "UNSAFE_REDIRECT" | "DISALLOWED_URL_SCHEME" | "UNKNOWN_URL_SCHEME" => {
                return RenderError::Forbidden("after a redirect: the scheme must be http or https".into());
            }
            "ABORTED" => "the site sent no document",
            _ => "the site closed the connection or its answer is not HTTP that can be read",
        };
        RenderError::Unreachable(said.into())
    }

    /// That it took more than it may, if it did.
    pub(super) fn too_much(&self) -> Option<RenderError> {
        let over = self.pass.ledger.over()?;
        Some(RenderError::TooMuch(format!("the page asked for more than {over} before its document was there")))
    }

    /// Nothing is heard of the page any more.
    pub(super) fn lost(&self) -> RenderError {
        if self.session.is_lost() {
            return RenderError::Ours("it was lost".into());
        }
        RenderError::TooMuch("the page ended itself, or did more than could be followed".into())
    }

    /// What an error of reading the document means.
    pub(super) fn said(&self, error: RenderError) -> RenderError {
        match error {
            RenderError::Ours(_) => self.lost(),
            error => error,
        }
    }
}
