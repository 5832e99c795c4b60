//! The state of a job's units, 64 of them to a segment: what one row says. Whoever moves a unit there by
//! compare-and-set on the segment's version decides its fate.
//!
//! Absent row = nothing of these 64 has happened. Pure: how a row is written is the store's.

mod packed;

use crate::ids::{Nonce, Seq};
use crate::progress::Tally;
use crate::time::Timestamp;

pub use packed::PackedError;

/// Units of one segment.
pub const UNITS_PER_SEGMENT: u32 = 64;
/// How often a unit may be started before it ends as an `INTERNAL` error.
pub const MAX_ATTEMPTS: u8 = 3;

/// How a unit ended. The first two have a result row; the text of the others follows from the job and the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnitEnd {
    /// Its result is a success.
    Succeeded,
    /// Its result is an error.
    Failed,
    /// Of a crawl: it turned out to be another unit's page, and has no result of its own.
    Duplicate,
    /// It was started [`MAX_ATTEMPTS`] times and never ended.
    Exhausted,
    /// It had started when the job met its deadline.
    Expired,
    /// An extract that was cancelled while it ran.
    Cancelled,
}

impl UnitEnd {
    /// Whether a result row belongs to it.
    pub fn has_result(self) -> bool {
        matches!(self, UnitEnd::Succeeded | UnitEnd::Failed)
    }

    /// Whether it counts as done rather than as failed.
    pub fn is_done(self) -> bool {
        matches!(self, UnitEnd::Succeeded | UnitEnd::Duplicate)
    }
}

/// Where a unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum UnitState {
    /// Nobody has started it.
    #[default]
    Pending,
    /// Somebody runs it: it is charged from here on, whatever comes.
    Started {
        /// 1 for the first; each take-over adds one.
        attempt: u8,
        /// Whose it is.
        holder: Nonce,
        /// When another may take it over.
        lease_until: Timestamp,
    },
    /// Its page was read, and a language model is being asked for what is open: charged, held by nobody. It has a
    /// provisional result, which is the one that it ends with if nothing better comes.
    Asked {
        /// The attempt that read it: with the unit's number it names the provisional result. The model's answer makes the
        /// result of the attempt after it.
        attempt: u8,
        /// Since when.
        at: Timestamp,
        /// Of a crawl: URLs that it found and that will not be fetched.
        skipped: u32,
    },
    /// It ran.
    Ended {
        /// The attempt that was accepted: with the unit's number it names the result.
        attempt: u8,
        /// How.
        end: UnitEnd,
        /// When: what results in order of completion are ordered by.
        at: Timestamp,
        /// Of a crawl: URLs that it found and that will not be fetched.
        skipped: u32,
    },
    /// It never starts: refunded.
    Skipped,
}

impl UnitState {
    /// Whether nothing more happens to it.
    pub fn is_over(self) -> bool {
        matches!(self, UnitState::Ended { .. } | UnitState::Skipped)
    }

    /// Whether nobody has to run it: it is over, or waits for the model.
    pub fn is_quiet(self) -> bool {
        self.is_over() || matches!(self, UnitState::Asked { .. })
    }

    /// Whether it failed.
    pub fn is_failed(self) -> bool {
        matches!(self, UnitState::Ended { end, .. } if !end.is_done())
    }
}

/// One write of a segment: who wrote it, and which of its writes that was. Whoever is refused and finds its own knows
/// that only the reply was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId {
    /// The writer.
    pub writer: Nonce,
    /// Which of its writes.
    pub n: u32,
}

/// A segment's row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// Which 64 units: those from `index * 64` on.
    pub index: u32,
    /// How often it was written; 0 where there is no row.
    pub version: u64,
    /// The last write; `None` where there is no row.
    pub written: Option<WriteId>,
    units: Vec<UnitState>,
}

impl Segment {
    /// A segment that nothing has happened in.
    pub fn untouched(index: u32) -> Segment {
        Segment { index, version: 0, written: None, units: Vec::new() }
    }

    /// The segment that a unit is in.
    pub fn of(seq: Seq) -> u32 {
        seq / UNITS_PER_SEGMENT
    }

    /// The segments of a job with that many units.
    pub fn of_job(admitted: u32) -> std::ops::Range<u32> {
        0..admitted.div_ceil(UNITS_PER_SEGMENT)
    }

    /// Its first unit.
    pub fn first(&self) -> Seq {
        self.index * UNITS_PER_SEGMENT
    }

    /// The numbers of its units, of a job that has admitted so many.
    pub fn seqs(&self, admitted: u32) -> std::ops::Range<Seq> {
        let first = self.first();
        first..first.saturating_add(UNITS_PER_SEGMENT).min(admitted).max(first)
    }

    /// Where a unit of this segment stands.
    pub fn unit(&self, seq: Seq) -> UnitState {
        let place = seq.checked_sub(self.first()).and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| self.units.get(place)).copied().unwrap_or_default()
    }

    /// Its units that are not pending, with their numbers.
    pub fn known(&self) -> impl Iterator<Item = (Seq, UnitState)> + '_ {
        (self.first()..).zip(self.units.iter().copied()).filter(|(_, unit)| *unit != UnitState::Pending)
    }

    /// Puts a unit of this segment. Of others nothing happens.
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

    /// The row that follows this one by write `id`.
    #[must_use]
    pub fn next(&self, id: WriteId) -> Segment {
        Segment { version: self.version + 1, written: Some(id), ..self.clone() }
    }

    /// Whether every unit is over, of a job that has admitted so many.
    pub fn is_over(&self, admitted: u32) -> bool {
        self.seqs(admitted).all(|seq| self.unit(seq).is_over())
    }

    /// Whether nobody has to run any of its units, of a job that has admitted so many.
    pub fn is_quiet(&self, admitted: u32) -> bool {
        self.seqs(admitted).all(|seq| self.unit(seq).is_quiet())
    }

    /// Its units that wait for the model, with the attempts that read them.
    pub fn asked(&self) -> impl Iterator<Item = (Seq, u8)> + '_ {
        self.known().filter_map(|(seq, unit)| match unit {
            UnitState::Asked { attempt, .. } => Some((seq, attempt)),
            UnitState::Pending | UnitState::Started { .. } | UnitState::Ended { .. } | UnitState::Skipped => None,
        })
    }
}

/// What a job's segments add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Totals {
    /// How the units stand.
    pub tally: Tally,
    /// Of a crawl: URLs that were found and will not be fetched, duplicates included.
    pub skipped: u32,
    /// Of a crawl: units that turned out to be another unit's page.
    pub duplicates: u32,
}

impl Totals {
    /// Adds up the segments of a job that has admitted so many units; those that are left out are untouched.
    pub fn of<'a>(segments: impl IntoIterator<Item = &'a Segment>, admitted: u32) -> Totals {
        let mut totals = Totals { tally: Tally { total: admitted, ..Tally::default() }, ..Totals::default() };
        for (_, unit) in segments.into_iter().flat_map(Segment::known).filter(|(seq, _)| *seq < admitted) {
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
        assert!(second.is_quiet(66) && !second.is_over(66) && !second.is_quiet(67) && !first.is_quiet(4));
        assert_eq!(first.unit(64), UnitState::Pending);
        first.put(64, UnitState::Skipped);
        assert_eq!(first.known().count(), 4, "another segment's unit is left alone");
    }

    #[test]
    fn segments_split_a_job() {
        assert_eq!(Segment::of_job(0), 0..0);
        assert_eq!(Segment::of_job(64), 0..1);
        assert_eq!(Segment::of_job(10_000).len(), 157);
        assert_eq!((Segment::of(63), Segment::of(64)), (0, 1));
        assert_eq!(Segment::untouched(1).seqs(70), 64..70);
        assert_eq!(Segment::untouched(2).seqs(70), 128..128);
    }
}
