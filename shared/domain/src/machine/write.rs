//! A write of segments, and what it does with units.

use std::collections::BTreeMap;

use crate::ids::Seq;
use crate::segment::{Segment, WriteId};

/// What a write under way does with a unit of this runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Move {
    Start { attempt: u8 },
    End,
}

/// A write under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Write {
    pub(super) id: WriteId,
    pub(super) segments: BTreeMap<u32, Segment>,
    pub(super) moves: BTreeMap<Seq, Move>,
}
