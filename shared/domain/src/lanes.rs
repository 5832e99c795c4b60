//! How the units of a job travel through the queue: in lanes. A job has a few, each of them one message at a time; a
//! message names some units of its lane, and when they have ended the lane goes on with the next ones. So a job never has
//! more messages in the queue than lanes, whatever its size, and two jobs take turns instead of one waiting for all of
//! the other.
//!
//! Pure: which units are open is asked of the caller.

use crate::ids::Seq;

/// Units in one message. Measured: at 1 the queue's requests cost as much as the rows; above 10 nothing is gained, and a
/// death repeats more.
pub const UNITS_PER_MESSAGE: u32 = 10;

/// The lanes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lanes {
    /// How many there are, at least 1.
    pub count: u32,
    /// How many units of one message run at once, at least 1.
    pub parallel: u32,
}

impl Lanes {
    /// Lanes for a job that may run `concurrency` units at once.
    pub fn of(concurrency: u32) -> Lanes {
        let concurrency = concurrency.max(1);
        let count = concurrency.div_ceil(UNITS_PER_MESSAGE);
        Lanes { count, parallel: concurrency.div_ceil(count).min(UNITS_PER_MESSAGE) }
    }

    /// The lane that a unit belongs to.
    pub fn lane_of(&self, seq: Seq) -> u32 {
        (seq / UNITS_PER_MESSAGE) % self.count
    }

    /// The units that `lane` goes on with: the open ones of its first stretch that has any. `None` where it has none.
    pub fn next(&self, lane: u32, admitted: u32, is_open: impl Fn(Seq) -> bool) -> Option<Vec<Seq>> {
        let stretches = (lane % self.count..).step_by(self.count as usize);
        stretches
            .map(|stretch| u64::from(stretch) * u64::from(UNITS_PER_MESSAGE))
            .take_while(|first| *first < u64::from(admitted))
            .find_map(|first| {
                let first = Seq::try_from(first).ok()?;
                let last = first.saturating_add(UNITS_PER_MESSAGE).min(admitted);
                let open: Vec<Seq> = (first..last).filter(|seq| is_open(*seq)).collect();
                (!open.is_empty()).then_some(open)
            })
    }

    /// What each lane starts (or starts again) with, for those that have open units.
    pub fn heads(&self, admitted: u32, is_open: impl Fn(Seq) -> bool) -> Vec<(u32, Vec<Seq>)> {
        (0..self.count).filter_map(|lane| Some((lane, self.next(lane, admitted, &is_open)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lanes_run_what_was_asked_for_at_once() {
        assert_eq!(Lanes::of(1), Lanes { count: 1, parallel: 1 });
        assert_eq!(Lanes::of(8), Lanes { count: 1, parallel: 8 });
        assert_eq!(Lanes::of(32), Lanes { count: 4, parallel: 8 });
        assert_eq!(Lanes::of(100), Lanes { count: 10, parallel: 10 });
        assert_eq!(Lanes::of(0).count, 1);
    }

    proptest! {
        /// Following every lane from its head ends every unit once, and no lane waits for another.
        #[test]
        fn lanes_cover_every_unit_once(admitted in 0u32..400, concurrency in 1u32..=100, gone in prop::collection::btree_set(0u32..400, 0..200)) {
            let lanes = Lanes::of(concurrency);
            prop_assert!(lanes.count * lanes.parallel >= concurrency && lanes.parallel <= UNITS_PER_MESSAGE);
            let mut open: BTreeSet<Seq> = (0..admitted).filter(|s| !gone.contains(s)).collect();
            let mut messages: Vec<(u32, Vec<Seq>)> = lanes.heads(admitted, |s| open.contains(&s));
            prop_assert!(messages.len() <= lanes.count as usize);
            while let Some((lane, seqs)) = messages.pop() {
                prop_assert!(!seqs.is_empty() && seqs.len() <= UNITS_PER_MESSAGE as usize);
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
