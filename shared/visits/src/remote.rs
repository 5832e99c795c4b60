//! A browser in a separate function. The caller invokes the function and waits for its answer. It trusts that answer no
//! more than a site's.

use std::time::Duration;

use fetch::BoxFuture;
use render::{Answer, Render, RenderError, Rendered, Request};
use store::function::{Function, InvokeError};

/// Part of a page's time that is reserved for the transfer of request and answer.
const TRANSFER_TIME: Duration = Duration::from_millis(300);

/// Renders pages by calling a function.
#[derive(Debug, Clone)]
pub struct RemoteRenderer(pub Function);

impl RemoteRenderer {
    async fn ask(&self, mut request: Request) -> Result<Rendered, RenderError> {
        let time = request.timeout;
        request.timeout = time.saturating_sub(TRANSFER_TIME).max(time / 2);
        let asked = serde_json::to_vec(&request).map_err(|error| RenderError::Internal(error.to_string()))?;
        match self.0.invoke(asked, time).await {
            Ok(answer) => match serde_json::from_slice::<Answer>(&answer) {
                Ok(answer) => answer.unpack(),
                Err(error) => {
                    tracing::error!(error = position_of(&error), "could not read the renderer's answer");
                    Err(RenderError::Internal("its answer cannot be read".into()))
                }
            },
            Err(error) => {
                tracing::warn!(error = reason(&error), "the renderer did not answer");
                Err(RenderError::NoAnswer)
            }
        }
    }
}

impl Render for RemoteRenderer {
    fn render(&self, request: Request) -> BoxFuture<'_, Result<Rendered, RenderError>> {
        Box::pin(self.ask(request))
    }
}

/// Returns the kind and position of an error in the renderer's answer. The error's own text may quote the page.
fn position_of(error: &serde_json::Error) -> String {
    format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column())
}

/// Returns why the renderer did not answer. Of what it answered instead, only the kind of failure, such as
/// `Runtime.ExitError`: its text may quote the page.
fn reason(error: &InvokeError) -> String {
    match error {
        InvokeError::Failed(text) => {
            let kind = text.split("\"errorType\":\"").nth(1).and_then(|rest| rest.split('"').next());
            let kind = kind.filter(|kind| kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '.'));
            kind.map_or_else(|| "the function failed".into(), |kind| format!("the function failed: {kind}"))
        }
        InvokeError::TimedOut | InvokeError::Unreachable(_) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_quotes_no_page() {
        let error = serde_json::from_str::<Answer>("\"<p>secret\"").unwrap_err();
        assert!(error.to_string().contains("secret"), "{error}");
        assert!(position_of(&error).starts_with("Data error at line 1 column"), "{}", position_of(&error));
        assert_eq!(reason(&InvokeError::Failed("secret".into())), "the function failed");
        let killed = r#"{"errorType":"Runtime.ExitError","errorMessage":"secret"}"#;
        assert_eq!(reason(&InvokeError::Failed(killed.into())), "the function failed: Runtime.ExitError");
        assert_eq!(reason(&InvokeError::TimedOut), "the function did not answer in time");
    }
}
