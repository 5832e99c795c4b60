//! Asks a language model for fields that the rules leave open: the operator's model, at any address that speaks
//! OpenAI's chat protocol with structured output. One call for each page. The answer has values *and the words that
//! they were read from*; the caller has to check these against the page.
//!
//! This crate knows no pages, jobs or rows. It connects only to the origin that the operator configured: it follows no
//! redirect and uses no proxy from the environment.

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

pub use answer::{Answer, AnsweredField};
pub use breaker::Breaker;
pub use client::{Asked, Model};
pub use config::{ConfigFault, ModelConfig, Secret};
pub use error::{Code, ModelError};
pub use lines::{AnsweredLine, batch_line};
pub use price::{Prices, Usage, parse_micros};
pub use question::{EncodedPicture, OpenField, Question};
