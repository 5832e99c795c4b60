//! stub, to be replaced
use std::sync::Arc;
use std::time::Duration;
use domain::Timestamp;
use fetch::{Robots, Throttled};
use store::StoreError;
use url::Url;
use crate::Engine;
impl Engine {
    pub(crate) async fn turn(&self, _u: &Url, _s: bool, _c: Option<Duration>) -> Result<Timestamp, StoreError> { Ok(self.now()) }
    pub(crate) async fn heard(&self, _u: &Url, _t: Option<Throttled>) {}
    pub(crate) async fn robots(&self, u: &Url) -> Arc<Robots> { Arc::new(self.inner.fetcher.robots(u, Duration::from_secs(5)).await.robots) }
}
