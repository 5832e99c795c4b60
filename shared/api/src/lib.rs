//! The HTTP contract: routes, authentication, validation, the error envelope, streamed bodies, configuration, and the
//! [`App`] that the functions share. No other crate of the service sets the status
//! of a response of the API or reads the environment.

pub mod app;
pub mod auth;
pub mod body;
pub mod calls;
pub mod config;
pub mod env;
pub mod error;
pub mod headers;
mod held;
pub mod jobs;
pub mod keys;
pub mod messages;
pub mod openapi;
pub mod prefer;
pub mod request;
pub mod routes;
pub mod runtime;
pub mod schedules;
pub mod telemetry;
pub mod validate;

mod console;
mod cursor;
mod idempotency;
mod json;
mod model_config;
mod nodelay;
mod response;
mod results;
mod webhooks;

pub use app::App;
pub use body::Body;
pub use error::ApiError;

/// The response type of every function.
pub type Response = http::Response<Body>;
