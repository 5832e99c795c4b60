//! Fetches untrusted URLs: one page, robots.txt or sitemap at a time, behind an address guard, with limits on time and
//! size.
//!
//! Knows nothing of jobs, rows or schemas. Every hop of a redirect is judged like the first. The address that is
//! connected to is judged, not only the one written in the URL. Logs nothing: the query of a URL may contain secrets.

pub mod client;
pub mod content;
pub mod error;
pub mod guard;
pub mod robots;
pub mod sitemap;
pub mod target;

mod body;
mod bounded;
mod codec;
mod cookies;
mod decode;
mod error_chain;
mod fault;
mod fields;
mod growth;
mod names;
mod picture;
mod refresh;
mod request;
mod resolver;
mod throttle;
mod trail;

pub use body::check_code;
pub use client::{Fetcher, Post, Posted};
pub use error::{BuildError, FetchError, Throttled};
pub use fields::{header_map, product_token};
pub use futures_util::future::BoxFuture;
pub use growth::{Growth, MEDIUM_BODY, Room, SMALL_BODY};
pub use picture::Picture;
pub use request::{FetchConfig, FetchRequest, Hop, Hops, Page};
pub use reqwest::header::HeaderMap;
pub use robots::{Robots, RobotsAnswer, RobotsOutcome};
pub use sitemap::{Sitemap, SitemapRequest};
pub use target::{UrlFault, check_url};
