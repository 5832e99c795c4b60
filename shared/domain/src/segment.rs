//! The state of a job's units, 64 of them to a segment, which is one row. A compare-and-set on the segment's version
//! decides what happens to a unit.
//!
//! A missing row means that all of its 64 units are pending. Pure: the store writes the rows.

mod packed;

use crate::ids::{Nonce, Seq};
use crate::progress::Tally;
use crate::time::Timestamp;

pub use packed::PackedError;

/// Number of units in a segment.
pub const UNITS_PER_SEGMENT: u32 = 64;
/// Maximum number of times that a unit is started before it ends as an `INTERNAL` error.
pub const MAX_ATTEMPTS: u8 = 3;

/// How a unit ended. The first two have a result row; the text of the others follows from the job and the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnitEnd {
    /// Its result is a success.
    Succeeded,
    /// Its result is an error.
    Failed,
    /// It is a crawl's unit whose page belongs to another unit. It has no result of its own.
    Duplicate,
    /// It was started [`MAX_ATTEMPTS`] times and never finished.
    Exhausted,
    /// It had started when the job's deadline passed.
    Expired,
    /// It is an extract's unit and was cancelled while it ran.
    Cancelled,
}

impl UnitEnd {
    /// Returns whether it has a result row.
    pub fn has_result(self) -> bool {
        matches!(self, UnitEnd::Succeeded | UnitEnd::Failed)
    }

    /// Returns whether it counts as done rather than as failed.
    pub fn is_done(self) -> bool {
        matches!(self, UnitEnd::Succeeded | UnitEnd::Duplicate)
    }
}

/// The state of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum UnitState {
    /// Not started.
    #[default]
    Pending,
    /// Started. From here on it is charged, however it ends.
    Started {
        /// 1 for the first attempt; each take-over adds one.
        attempt: u8,
        /// The runner that holds it.
        holder: Nonce,
        /// When another runner may take it over.
        lease_until: Timestamp,
    },
    /// Its page was read, and a language model is asked for the fields left open. It is charged and has no holder. Its
    /// provisional result becomes final if the model adds nothing.
    Asked {
        /// The attempt that read the page. With the unit's number it identifies the provisional result. The model's
        /// answer goes into the result of the next attempt.
        attempt: u8,
        /// When it began to wait.
        at: Timestamp,
        /// URLs that this unit of a crawl found and that will not be fetched.
        skipped: u32,
    },
    /// Ended after it had started.
    Ended {
        /// The attempt that was accepted. With the unit's number it identifies the result.
        attempt: u8,
        /// How it ended.
        end: UnitEnd,
        /// When it ended. Results in order of completion are sorted by this.
        at: Timestamp,
        /// URLs that this unit of a crawl found and that will not be fetched.
        skipped: u32,
    },
    /// Never starts; its credit is refunded.
    Skipped,
}

impl UnitState {
    /// Returns whether its state is final.
    pub fn is_over(self) -> bool {
        matches!(self, UnitState::Ended { .. } | UnitState::Skipped)
    }

    /// Returns whether it needs no runner: it is over or waits for the model.
    pub fn needs_no_runner(self) -> bool {
        self.is_over() || matches!(self, UnitState::Asked { .. })
    }

    /// Returns whether it failed.
    pub fn is_failed(self) -> bool {
        matches!(self, UnitState::Ended { end, .. } if !end.is_done())
    }
}

/// Identifies one write of a segment by its writer and a number. A writer whose write is refused and who finds its own
/// id in the row knows that only the reply was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId {
    /// The writer.
    pub writer: Nonce,
    /// The number among the writer's writes.
    pub n: u32,
}

/// A segment's row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// Its number: it has the units from `index * 64` on.
    pub index: u32,
    /// How many times it was written; 0 if there is no row.
    pub version: u64,
    /// The last write; `None` if there is no row.
    pub last_write: Option<WriteId>,
    units: Vec<UnitState>,
}

impl Segment {
    /// Creates a segment with only pending units.
    pub fn untouched(index: u32) -> Segment {
        Segment { index, version: 0, last_write: None, units: Vec::new() }
    }

    /// Returns the index of the segment that a unit is in.
    pub fn index_of(seq: Seq) -> u32 {
        seq / UNITS_PER_SEGMENT
    }

    /// Returns the indexes of the segments of a job with `admitted` units.
    pub fn indexes_of_job(admitted: u32) -> std::ops::Range<u32> {
        0..admitted.div_ceil(UNITS_PER_SEGMENT)
    }

    /// Returns its first unit.
    pub fn first(&self) -> Seq {
        self.index * UNITS_PER_SEGMENT
    }

    /// Returns the numbers of its units in a job with `admitted` units.
    pub fn seqs(&self, admitted: u32) -> std::ops::Range<Seq> {
        let first = self.first();
        first..first.saturating_add(UNITS_PER_SEGMENT).min(admitted).max(first)
    }

    /// Returns the state of a unit. A unit of another segment reads as pending.
    pub fn unit(&self, seq: Seq) -> UnitState {
        let place = seq.checked_sub(self.first()).and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| self.units.get(place)).copied().unwrap_or_default()
    }

    /// Returns its units that are not pending, with their numbers.
    pub fn non_pending(&self) -> impl Iterator<Item = (Seq, UnitState)> + '_ {
        (self.first()..).zip(self.units.iter().copied()).filter(|(_, unit)| *unit != UnitState::Pending)
    }

    /// Sets the state of a unit. Does nothing for units of other segments.
    pub fn put(&mut self, seq: Seq, unit: UnitState) {
        let Some(place) = seq.checked_sub(self.first()).filter(|place| *place < UNITS_PER_SEGMENT) else { return };
        let place = place as usize;
        if self.units.len() <= place {
            self.units.resize(place + 1, UnitState::Pending);
        }
        if let Some(old) = self.units.get_mut(place) {
            *old = unit;
        }
    }

    /// Returns the row that write `id` makes of this one.
    #[must_use]
    pub fn next(&self, id: WriteId) -> Segment {
        Segment { version: self.version + 1, last_write: Some(id), ..self.clone() }
    }

    /// Returns whether all of its units are over in a job with `admitted` units.
    pub fn is_over(&self, admitted: u32) -> bool {
        self.seqs(admitted).all(|seq| self.unit(seq).is_over())
    }

    /// Returns whether none of its units needs a runner in a job with `admitted` units.
    pub fn needs_no_runner(&self, admitted: u32) -> bool {
        self.seqs(admitted).all(|seq| self.unit(seq).needs_no_runner())
    }

    /// Returns its units that wait for the model, with the attempts that read them.
    pub fn asked(&self) -> impl Iterator<Item = (Seq, u8)> + '_ {
        self.non_pending().filter_map(|(seq, unit)| match unit {
            UnitState::Asked { attempt, .. } => Some((seq, attempt)),
            UnitState::Pending | UnitState::Started { .. } | UnitState::Ended { .. } | UnitState::Skipped => None,
        })
    }
}

/// The sums over a job's segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Totals {
    /// The units by state.
    pub tally: Tally,
    /// URLs that a crawl found and that will not be fetched, including duplicates.
    pub skipped: u32,
    /// Units of a crawl whose page is another unit's.
    pub duplicates: u32,
}

impl Totals {
    /// Sums the segments of a job with `admitted` units. Missing segments count as pending.
    pub fn of<'a>(segments: impl IntoIterator<Item = &'a Segment>, admitted: u32) -> Totals {
        let mut totals = Totals { tally: Tally { total: admitted, ..Tally::default() }, ..Totals::default() };
        for (_, unit) in segments.into_iter().flat_map(Segment::non_pending).filter(|(seq, _)| *seq < admitted) {
            totals.add(unit);
        }
        let Tally { done, failed, cancelled, .. } = totals.tally;
        totals.tally.pending = admitted.saturating_sub(done + failed + cancelled);
        totals
    }

    fn add(&mut self, unit: UnitState) {
        match unit {
            UnitState::Ended { end, skipped, .. } => {
                self.skipped = self.skipped.saturating_add(skipped);
                if end == UnitEnd::Duplicate {
                    self.duplicates += 1;
                    self.skipped = self.skipped.saturating_add(1);
                }
                if end.is_done() {
                    self.tally.done += 1;
                } else {
                    self.tally.failed += 1;
                }
            }
            UnitState::Skipped => self.tally.cancelled += 1,
            UnitState::Pending | UnitState::Started { .. } | UnitState::Asked { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(n: u128) -> Nonce {
        Nonce::from_random(n)
    }

    #[test]
    fn totals_count_each_unit_once() {
        let mut first = Segment::untouched(0);
        let ended = |end, skipped| UnitState::Ended { attempt: 1, end, at: Timestamp(5), skipped };
        first.put(0, ended(UnitEnd::Succeeded, 3));
        first.put(1, ended(UnitEnd::Duplicate, 0));
        first.put(2, ended(UnitEnd::Exhausted, 0));
        first.put(3, UnitState::Started { attempt: 1, holder: nonce(1), lease_until: Timestamp(9) });
        let mut second = Segment::untouched(1);
        second.put(64, UnitState::Skipped);
        second.put(90, UnitState::Skipped);
        second.put(65, UnitState::Asked { attempt: 2, at: Timestamp(7), skipped: 9 });
        let totals = Totals::of([&first, &second], 70);
        let tally = Tally { total: 70, done: 2, failed: 1, cancelled: 1, pending: 66 };
        assert_eq!(totals, Totals { tally, skipped: 4, duplicates: 1 });
        assert!(!first.is_over(4) && first.is_over(3));
        assert_eq!(second.asked().collect::<Vec<_>>(), [(65, 2)]);
        assert!(
            second.needs_no_runner(66)
                && !second.is_over(66)
                && !second.needs_no_runner(67)
                && !first.needs_no_runner(4)
        );
        assert_eq!(first.unit(64), UnitState::Pending);
        first.put(64, UnitState::Skipped);
        assert_eq!(first.non_pending().count(), 4, "another segment's unit is left alone");
    }

    #[test]
    fn segments_split_a_job() {
        assert_eq!(Segment::indexes_of_job(0), 0..0);
        assert_eq!(Segment::indexes_of_job(64), 0..1);
        assert_eq!(Segment::indexes_of_job(10_000).len(), 157);
        assert_eq!((Segment::index_of(63), Segment::index_of(64)), (0, 1));
        assert_eq!(Segment::untouched(1).seqs(70), 64..70);
        assert_eq!(Segment::untouched(2).seqs(70), 128..128);
    }
}
