//! A language model for what rules leave open: the operator's, behind any address that speaks OpenAI's chat protocol
//! with structured output. One call a page; its answer is values *and the words that they were read from*, which
//! whoever asked has to hold against the page.
//!
//! It knows no page, no job and no rows. It speaks to the one origin that the operator named, and to no other: not to
//! one that a redirect names, and not through a proxy of the environment.

mod answer;
pub mod batches;
mod breaker;
mod client;
mod config;
mod error;
mod lines;
mod price;
mod question;
mod wire;

pub use answer::{Answer, Answered};
pub use breaker::Breaker;
pub use client::Model;
pub use config::{ConfigFault, ModelConfig, Secret};
pub use error::{Code, ModelError};
pub use lines::{AnsweredLine, line_of};
pub use price::{Prices, Usage, micros_of};
pub use question::{Asked, Question, Shown};
