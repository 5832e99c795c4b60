//! Fetches untrusted URLs: one page, robots.txt or sitemap at a time, behind an address guard, with limits on time and
//! size.
//!
//! Knows nothing of jobs, rows or schemas. Every hop of a redirect is checked like the first. The address that is
//! connected to is checked, not only the one written in the URL. Logs nothing: the query of a URL may contain secrets.

pub mod client;
pub mod content;
pub mod error;
pub mod guard;
pub mod robots;
pub mod sitemap;
pub mod target;

mod body;
mod body_resources;
mod bounded;
mod codec;
mod cookies;
mod decode;
mod error_chain;
mod fault;
mod fields;
mod picture;
mod redirect_chain;
mod refresh;
mod request;
mod resolver;
mod system_resolver;
mod throttle;

pub use body::check_code;
pub use body_resources::{BodyResources, MEDIUM_BODY, SMALL_BODY, SharedBodyResources};
pub use client::{Fetcher, Post, PostResponse};
pub use error::{BuildError, FetchError, Throttled};
pub use fields::{header_map, product_token};
pub use futures_util::future::BoxFuture;
pub use picture::Picture;
pub use request::{FetchConfig, FetchRequest, Page, RedirectDecision, RedirectPolicy};
pub use reqwest::header::HeaderMap;
pub use robots::{Robots, RobotsAnswer, RobotsOutcome};
pub use sitemap::{Sitemap, SitemapRequest};
pub use target::{UrlFault, check_url};
