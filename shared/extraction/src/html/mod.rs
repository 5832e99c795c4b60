//! HTML: [`parse`] makes a tree of it with its size bounded, [`read`] takes texts out of a tree. Knows no schema.

mod parse;
mod read;
mod template;

pub(crate) use parse::{MAX_DEPTH, MAX_NODES, parse, parse_within};
pub(crate) use read::{lines, of_text, strip, text, text_within, unescape};
