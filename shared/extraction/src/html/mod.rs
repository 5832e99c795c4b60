//! HTML: [`parse`] builds a tree with its size bounded, [`read`] extracts texts from a tree. Depends on no schema.

mod parse;
mod read;
mod template;

pub(crate) use parse::{MAX_DEPTH, MAX_NODES, parse, parse_within};
pub(crate) use read::{from_text, lines, strip_tags, text, text_within, unescape};
