//! The entry point: renders pages, a limited number at once.

use std::sync::Arc;
use std::time::Instant;

use fetch::{BoxFuture, Fetcher};
use tokio::sync::Semaphore;

use crate::cdp::CdpError;
use crate::config::RenderConfig;
use crate::context::Context;
use crate::error::RenderError;
use crate::pool::Pool;
use crate::request::{Rendered, Request};
use crate::visit::visit;

/// Maximum number of tries per page. A page is tried again if the browser was lost, which another page may have caused.
const MAX_TRIES: u32 = 2;

/// Renders pages, in this process or elsewhere.
pub trait Render: Send + Sync {
    /// Renders a page within its timeout.
    fn render(&self, request: Request) -> BoxFuture<'_, Result<Rendered, RenderError>>;
}

/// Renders pages in a browser of this process. Cheap to clone; the browser ends when the last clone is dropped.
#[derive(Clone)]
pub struct Renderer {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Arc<Pool>,
    permits: Arc<Semaphore>,
}

impl Renderer {
    /// Builds a renderer. Starts no browser yet. The fetcher's guard applies to everything that pages request.
    pub fn new(config: RenderConfig, fetcher: Fetcher) -> Renderer {
        let permits = Arc::new(Semaphore::new(config.concurrency.max(1)));
        Renderer { inner: Arc::new(Inner { pool: Arc::new(Pool::new(config, fetcher)), permits }) }
    }

    /// Renders a page. If the future is dropped, the page ends.
    ///
    /// # Errors
    /// Why the page could not be rendered.
    pub async fn render(&self, request: Request) -> Result<Rendered, RenderError> {
        let end = Instant::now() + request.timeout;
        let late = RenderError::Timeout(request.timeout);
        match tokio::time::timeout_at(end.into(), self.render_with_retries(&request, end)).await {
            Ok(rendered) => rendered,
            Err(_) => Err(late),
        }
    }

    /// Ends the browser, if there is one. The next page starts another.
    pub async fn close(&self) {
        self.inner.pool.close().await;
    }

    /// Waits until nothing is left of the rendered pages. Call it before the process may be frozen between two pages,
    /// as a Lambda function is.
    pub async fn wait_until_idle(&self) {
        let all = u32::try_from(self.inner.pool.config.concurrency.max(1)).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let _ = self.inner.permits.acquire_many(all).await;
    }

    async fn render_with_retries(&self, request: &Request, end: Instant) -> Result<Rendered, RenderError> {
        let mut tries = 1;
        loop {
            match self.try_once(request, end).await {
                Err(RenderError::Internal(_)) if tries < MAX_TRIES => tries += 1,
                done => return done,
            }
        }
    }

    async fn try_once(&self, request: &Request, end: Instant) -> Result<Rendered, RenderError> {
        let permit = Arc::clone(&self.inner.permits).acquire_owned().await;
        let permit = permit.map_err(|_| RenderError::Internal("it has ended".into()))?;
        let pool = &self.inner.pool;
        let lost = |error: CdpError| {
            tracing::warn!(%error, "a page could not be opened in the browser");
            RenderError::Internal(format!("it opened no page: {error}"))
        };
        let (browser, slot) = pool.assign().await?;
        let context = Context::new(browser, slot, permit, pool.proxy().await?, &pool.config).await.map_err(lost)?;
        let opened = context.open(request).await.map_err(lost)?;
        let rendered = visit(opened, context.access(), request, &pool.config.limits, end).await;
        let refused = context.access().traffic.refused_count();
        if refused > 0 {
            tracing::info!(refused, "a page requested hosts that may not be fetched");
        }
        rendered
    }
}

impl Render for Renderer {
    fn render(&self, request: Request) -> BoxFuture<'_, Result<Rendered, RenderError>> {
        Box::pin(Renderer::render(self, request))
    }
}
