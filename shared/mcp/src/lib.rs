//! Runo as tools for agents, by the Model Context Protocol: what there is to call, what each call does, and how much of
//! an answer a model is given to read. Who carries a call out is left open ([`Carrier`]): the function behind `/mcp` has
//! the application in its process, `runo mcp` calls a service over HTTP. Nothing in here validates, counts or limits: that is the API's, for every caller
//! alike.

mod bound;
mod carrier;
mod definitions;
mod page;
mod streams;
mod tools;

pub use carrier::{Answer, AnswerBody, Call, Carrier, Lost};
pub use definitions::tools;
pub use streams::serve;
pub use tools::Tools;
