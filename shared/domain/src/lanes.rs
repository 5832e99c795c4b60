//! How the units of a job travel through the queue: in lanes. A job has a few lanes, each with one message at a time. A
//! message names some units of its lane; when they have ended, the lane sends the next ones. A job therefore never has
//! more messages in the queue than lanes, whatever its size, and two jobs take turns instead of one waiting for all of
//! the other.
//!
//! Pure: the caller says which units are open.

use crate::ids::Seq;

/// Number of parallel pages per lane. A job with a higher concurrency gets further lanes, if it has units for them.
pub const LANE_CONCURRENCY: u32 = 10;

/// The lanes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lanes {
    /// How many there are, at least 1.
    pub count: u32,
    /// How many units all lanes together run at once; at least one per lane.
    pub concurrency: u32,
    /// Maximum number of units in a message, at least 1.
    pub per_message: u32,
}

impl Lanes {
    /// Returns the lanes of a job of `units` units that may run `concurrency` of them at once. `per_message` is the
    /// size of a segment, so that no two lanes write one row.
    pub fn of(concurrency: u32, per_message: u32, units: u32) -> Lanes {
        let (concurrency, per_message) = (concurrency.max(1), per_message.max(1));
        // At least two if more than one unit may run: while one lane is handed over, the other works.
        let wanted = concurrency.div_ceil(LANE_CONCURRENCY).max(concurrency.min(2));
        Lanes { count: wanted.min(units.div_ceil(per_message)).max(1), concurrency, per_message }
    }

    /// Returns how many units of one message of `lane` run at once, at least 1: its share of the concurrency. The
    /// remainder goes to the first lanes, one each.
    pub fn concurrency_of(&self, lane: u32) -> u32 {
        self.concurrency / self.count + u32::from(lane % self.count < self.concurrency % self.count)
    }

    /// Returns the lane that a unit belongs to.
    pub fn lane_of(&self, seq: Seq) -> u32 {
        (seq / self.per_message) % self.count
    }

    /// Returns the next units of `lane`: the open ones of its first block that has any. Returns `None` if it has no
    /// open unit.
    pub fn next(&self, lane: u32, admitted: u32, is_open: impl Fn(Seq) -> bool) -> Option<Vec<Seq>> {
        let blocks = (lane % self.count..).step_by(self.count as usize);
        blocks
            .map(|block| u64::from(block) * u64::from(self.per_message))
            .take_while(|first| *first < u64::from(admitted))
            .find_map(|first| {
                let first = Seq::try_from(first).ok()?;
                let last = first.saturating_add(self.per_message).min(admitted);
                let open: Vec<Seq> = (first..last).filter(|seq| is_open(*seq)).collect();
                (!open.is_empty()).then_some(open)
            })
    }

    /// Returns the first message of each lane that has open units, for starting or restarting the lanes.
    pub fn first_messages(&self, admitted: u32, is_open: impl Fn(Seq) -> bool) -> Vec<(u32, Vec<Seq>)> {
        (0..self.count).filter_map(|lane| Some((lane, self.next(lane, admitted, &is_open)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lanes_share_out_the_requested_concurrency() {
        let of = |concurrency| {
            let lanes = Lanes::of(concurrency, 64, 10_000);
            (0..lanes.count).map(|lane| lanes.concurrency_of(lane)).collect::<Vec<u32>>()
        };
        assert_eq!(of(0), [1]);
        assert_eq!(of(1), [1]);
        assert_eq!(of(3), [2, 1]);
        assert_eq!(of(8), [4, 4]);
        assert_eq!(of(11), [6, 5]);
        assert_eq!(of(32), [8, 8, 8, 8]);
        assert_eq!(of(100), [10; 10]);
        // No more lanes than messages: a segment's units belong to one lane.
        assert_eq!(Lanes::of(32, 64, 64).concurrency_of(0), 32);
        assert_eq!(Lanes::of(32, 64, 65).count, 2);
        assert_eq!(Lanes::of(32, 64, 0).count, 1);
    }

    proptest! {
        /// Following every lane from its first message ends every unit once, and no lane waits for another.
        #[test]
        fn lanes_cover_every_unit_once(admitted in 0u32..400, concurrency in 1u32..=100, per_message in 1u32..12, gone in prop::collection::btree_set(0u32..400, 0..200)) {
            let lanes = Lanes::of(concurrency, per_message, admitted);
            let parallel: Vec<u32> = (0..lanes.count).map(|lane| lanes.concurrency_of(lane)).collect();
            prop_assert_eq!(parallel.iter().sum::<u32>(), concurrency);
            prop_assert!(parallel.iter().all(|p| *p >= 1));
            let mut open: BTreeSet<Seq> = (0..admitted).filter(|s| !gone.contains(s)).collect();
            let mut messages: Vec<(u32, Vec<Seq>)> = lanes.first_messages(admitted, |s| open.contains(&s));
            prop_assert!(messages.len() <= lanes.count as usize);
            while let Some((lane, seqs)) = messages.pop() {
                prop_assert!(!seqs.is_empty() && seqs.len() <= per_message as usize);
                for seq in seqs {
                    prop_assert_eq!(lanes.lane_of(seq), lane);
                    prop_assert!(open.remove(&seq), "{} twice", seq);
                }
                if let Some(next) = lanes.next(lane, admitted, |s| open.contains(&s)) {
                    messages.push((lane, next));
                }
            }
            prop_assert!(open.is_empty());
        }
    }
}
