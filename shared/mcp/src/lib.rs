//! Runo as tools for agents, by the Model Context Protocol: the tools, what each call does, and how much of a result a
//! model gets to read. How a call is carried out is left to a [`Carrier`]: the function behind `/mcp` has the
//! application in its process, `runo mcp` calls a service over HTTP. Nothing here validates, counts or limits calls:
//! the API does that for every caller.

mod carrier;
mod definitions;
mod page;
mod result_size;
mod streams;
mod tools;

pub use carrier::{Answer, AnswerBody, Call, CallFailed, Carrier};
pub use definitions::tools;
pub use streams::serve;
pub use tools::Tools;
