//! A browser in a separate function. The caller invokes the function and waits for its answer. It trusts that answer no
//! more than a site's.

use std::time::Duration;

use fetch::BoxFuture;
use render::{Answer, Render, RenderError, Rendered, Request};
use store::function::Function;

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
                    tracing::error!(%error, "could not read the renderer's answer");
                    Err(RenderError::Internal("its answer cannot be read".into()))
                }
            },
            Err(error) => {
                tracing::warn!(%error, "the renderer did not answer");
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
