//! A browser in a function of its own, which is called and waited for. Its answer is trusted no
//! more than what a site sends.

use std::time::Duration;

use fetch::BoxFuture;
use render::{Answer, Render, RenderError, Rendered, Request};
use store::function::Function;

/// Part of a page's time that is kept for the way to the function and back.
const WAY: Duration = Duration::from_millis(300);

/// Renders pages by calling a function.
#[derive(Debug, Clone)]
pub struct Remote(pub Function);

impl Remote {
    async fn ask(&self, mut request: Request) -> Result<Rendered, RenderError> {
        let time = request.timeout;
        request.timeout = time.saturating_sub(WAY).max(time / 2);
        let asked = serde_json::to_vec(&request).map_err(|error| RenderError::Internal(error.to_string()))?;
        match self.0.ask(asked, time).await {
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

impl Render for Remote {
    fn render(&self, request: Request) -> BoxFuture<'_, Result<Rendered, RenderError>> {
        Box::pin(self.ask(request))
    }
}
