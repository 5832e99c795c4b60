//! The units of a job that have not ended, by where they stand. Knows no row and no queue. What a driver asks at every
//! turn costs the same however many units there are.

use std::collections::{BTreeMap, BTreeSet};

use domain::Seq;
use domain::unit::Unit;

/// Where a unit stands, as this driver knows it.
pub(super) enum Slot {
    /// Nobody is known to have started it.
    Open,
    /// The queue knows of it.
    Queued,
    /// A task of this driver is at it.
    Running,
    /// Somebody else has started it.
    Held(Unit),
}

/// All of them; each unit is in one place.
#[derive(Default)]
pub(super) struct Slots {
    pub(super) open: BTreeSet<Seq>,
    pub(super) queued: BTreeSet<Seq>,
    pub(super) running: BTreeSet<Seq>,
    pub(super) held: BTreeMap<Seq, Unit>,
}

impl Slots {
    /// Units that are all open.
    pub(super) fn of(seqs: impl Iterator<Item = Seq>) -> Slots {
        Slots { open: seqs.collect(), ..Slots::default() }
    }

    /// Puts a unit where it stands now, whether it was known or not.
    pub(super) fn put(&mut self, seq: Seq, slot: Slot) {
        self.remove(seq);
        match slot {
            Slot::Open => drop(self.open.insert(seq)),
            Slot::Queued => drop(self.queued.insert(seq)),
            Slot::Running => drop(self.running.insert(seq)),
            Slot::Held(unit) => drop(self.held.insert(seq, unit)),
        }
    }

    /// Takes a unit out that has ended. Returns whether it was there.
    pub(super) fn remove(&mut self, seq: Seq) -> bool {
        self.running.remove(&seq)
            || self.open.remove(&seq)
            || self.queued.remove(&seq)
            || self.held.remove(&seq).is_some()
    }

    pub(super) fn contains(&self, seq: Seq) -> bool {
        self.running.contains(&seq)
            || self.open.contains(&seq)
            || self.queued.contains(&seq)
            || self.held.contains_key(&seq)
    }

    pub(super) fn len(&self) -> usize {
        self.open.len() + self.queued.len() + self.running.len() + self.held.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn clear(&mut self) {
        *self = Slots::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_in_one_place() {
        let mut slots = Slots::of(0..3);
        for slot in [Slot::Queued, Slot::Held(Unit::Closed), Slot::Running, Slot::Open, Slot::Held(Unit::Closed)] {
            slots.put(1, slot);
            assert!(slots.contains(1));
            assert_eq!(slots.len(), 3);
        }
        assert_eq!((slots.open.len(), slots.held.len()), (2, 1));
        assert!(slots.remove(1) && !slots.remove(1) && !slots.contains(1));
        assert_eq!(slots.len(), 2);
        slots.put(7, Slot::Running);
        slots.clear();
        assert!(slots.is_empty());
    }
}
