//! A write of segments, and what it does with units.

use std::collections::BTreeMap;

use crate::ids::Seq;
use crate::segment::{Segment, WriteId};

/// The change that a write under way makes to a unit of this runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum UnitChange {
    Start { attempt: u8 },
    End,
}

/// A write under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Write {
    pub(super) id: WriteId,
    pub(super) segments: BTreeMap<u32, Segment>,
    pub(super) changes: BTreeMap<Seq, UnitChange>,
}
