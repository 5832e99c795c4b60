//! A segment's units as bytes: less than a kilobyte with up to 20 holders, so that writing the row costs one write
//! unit.
//!
//! Layout, version 1: version; base time (i64, big-endian); number of holders and 16 bytes for each; then each unit up
//! to the last that is not pending: a byte (attempt in the high half, kind in the low half), and by kind: started:
//! index of the holder, lease as a varint over base; ended and asked: time as a varint over base, skipped as a varint.

use super::{Segment, UNITS_PER_SEGMENT, UnitEnd, UnitState, WriteId};
use crate::ids::{NONCE_BYTES, Nonce};
use crate::time::Timestamp;

const VERSION: u8 = 1;
const PENDING: u8 = 0;
const SKIPPED: u8 = 1;
const STARTED: u8 = 2;
const ASKED: u8 = 9;
const ENDS: [(u8, UnitEnd); 6] = [
    (3, UnitEnd::Succeeded),
    (4, UnitEnd::Failed),
    (5, UnitEnd::Duplicate),
    (6, UnitEnd::Exhausted),
    (7, UnitEnd::Expired),
    (8, UnitEnd::Cancelled),
];

/// The bytes are not a segment of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packed units are truncated, or were written by another version")]
pub struct PackedError;

impl Segment {
    /// Returns its units as bytes.
    pub fn pack(&self) -> Vec<u8> {
        let mut holders: Vec<Nonce> = Vec::new();
        let mut base = i64::MAX;
        for unit in &self.units {
            match unit {
                UnitState::Started { holder, lease_until, .. } => {
                    base = base.min(lease_until.0);
                    if !holders.contains(holder) {
                        holders.push(*holder);
                    }
                }
                UnitState::Ended { at, .. } | UnitState::Asked { at, .. } => base = base.min(at.0),
                UnitState::Pending | UnitState::Skipped => {}
            }
        }
        let base = if base == i64::MAX { 0 } else { base };
        let mut out = Vec::with_capacity(16 + holders.len() * NONCE_BYTES + self.units.len() * 6);
        out.push(VERSION);
        out.extend(base.to_be_bytes());
        // 64 units have at most 64 holders.
        out.push(u8::try_from(holders.len()).unwrap_or(u8::MAX));
        holders.iter().for_each(|holder| out.extend(holder.as_bytes()));
        let used = self.units.iter().rposition(|unit| *unit != UnitState::Pending).map_or(0, |last| last + 1);
        for unit in self.units.iter().take(used) {
            match unit {
                UnitState::Pending => out.push(PENDING),
                UnitState::Skipped => out.push(SKIPPED),
                UnitState::Started { attempt, holder, lease_until } => {
                    out.push(attempt << 4 | STARTED);
                    let index = holders.iter().position(|known| known == holder).unwrap_or_default();
                    out.push(u8::try_from(index).unwrap_or_default());
                    varint(&mut out, lease_until.0.abs_diff(base));
                }
                UnitState::Asked { attempt, at, skipped } => {
                    out.push(attempt << 4 | ASKED);
                    varint(&mut out, at.0.abs_diff(base));
                    varint(&mut out, u64::from(*skipped));
                }
                UnitState::Ended { attempt, end, at, skipped } => {
                    let kind = ENDS.iter().find(|(_, known)| known == end).map_or(PENDING, |(kind, _)| *kind);
                    out.push(attempt << 4 | kind);
                    varint(&mut out, at.0.abs_diff(base));
                    varint(&mut out, u64::from(*skipped));
                }
            }
        }
        out
    }

    /// Reads a segment from its bytes.
    ///
    /// # Errors
    /// [`PackedError`] if this version does not write such bytes.
    pub fn unpack(index: u32, version: u64, last_write: WriteId, bytes: &[u8]) -> Result<Segment, PackedError> {
        let mut input = Input(bytes);
        if input.byte()? != VERSION {
            return Err(PackedError);
        }
        let base = i64::from_be_bytes(input.take(8)?.try_into().map_err(|_| PackedError)?);
        let count = input.byte()?;
        let holder = |bytes: &[u8]| Nonce::from_bytes(bytes).ok_or(PackedError);
        let holders = (0..count).map(|_| holder(input.take(NONCE_BYTES)?)).collect::<Result<Vec<_>, _>>()?;
        let mut units = Vec::new();
        while !input.0.is_empty() && units.len() < UNITS_PER_SEGMENT as usize {
            let head = input.byte()?;
            let attempt = head >> 4;
            units.push(match head & 15 {
                PENDING => UnitState::Pending,
                SKIPPED => UnitState::Skipped,
                STARTED => {
                    let holder = *holders.get(usize::from(input.byte()?)).ok_or(PackedError)?;
                    UnitState::Started { attempt, holder, lease_until: input.time(base)? }
                }
                kind => {
                    let end = ENDS.iter().find(|(known, _)| *known == kind).map(|(_, end)| *end);
                    let at = input.time(base)?;
                    let skipped = u32::try_from(input.varint()?).map_err(|_| PackedError)?;
                    match end {
                        Some(end) => UnitState::Ended { attempt, end, at, skipped },
                        None if kind == ASKED => UnitState::Asked { attempt, at, skipped },
                        None => return Err(PackedError),
                    }
                }
            });
        }
        if input.0.is_empty() {
            Ok(Segment { index, version, last_write: Some(last_write), units })
        } else {
            Err(PackedError)
        }
    }
}

/// Seven bits per byte, lowest first; the high bit says that more follow.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], PackedError> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(PackedError)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, PackedError> {
        self.take(1)?.first().copied().ok_or(PackedError)
    }

    fn varint(&mut self) -> Result<u64, PackedError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(PackedError)
    }

    fn time(&mut self, base: i64) -> Result<Timestamp, PackedError> {
        let over = i64::try_from(self.varint()?).map_err(|_| PackedError)?;
        base.checked_add(over).map(Timestamp).ok_or(PackedError)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> WriteId {
        WriteId { writer: Nonce::from_random(7), n: 3 }
    }

    fn unit() -> impl Strategy<Value = UnitState> {
        let now = 1_795_478_400_000i64;
        let started = (1u8..=15, 0u128..6, 0i64..1_000_000).prop_map(move |(attempt, who, ms)| UnitState::Started {
            attempt,
            holder: Nonce::from_random(who),
            lease_until: Timestamp(now + ms),
        });
        let ended =
            (1u8..=15, 0usize..6, 0i64..90_000_000, 0u32..20_000).prop_map(move |(attempt, end, ms, skipped)| {
                UnitState::Ended { attempt, end: ENDS[end].1, at: Timestamp(now + ms), skipped }
            });
        let asked = (1u8..=3, 0i64..90_000_000, 0u32..20_000)
            .prop_map(move |(attempt, ms, skipped)| UnitState::Asked { attempt, at: Timestamp(now + ms), skipped });
        prop_oneof![Just(UnitState::Pending), Just(UnitState::Skipped), started, ended, asked]
    }

    proptest! {
        #[test]
        fn packed_units_round_trip(units in prop::collection::vec((0u32..64, unit()), 0..80), index in 0u32..200) {
            let mut segment = Segment::untouched(index).next(id());
            for (place, unit) in units {
                segment.put(index * UNITS_PER_SEGMENT + place, unit);
            }
            let read = Segment::unpack(index, 1, id(), &segment.pack()).unwrap();
            for seq in segment.seqs(u32::MAX) {
                prop_assert_eq!(read.unit(seq), segment.unit(seq));
            }
        }

        #[test]
        fn unpacking_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Segment::unpack(0, 1, id(), &bytes);
        }
    }

    /// With key and attribute names it stays under the kilobyte that one write unit covers.
    #[test]
    fn a_full_segment_is_small() {
        let mut segment = Segment::untouched(156);
        let (first, now) = (segment.first(), Timestamp(1_795_478_400_000));
        for i in 0..32 {
            let at = now.plus_ms(i64::from(i) * 40_000);
            segment.put(first + i, UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, at, skipped: 300 });
            let holder = Nonce::from_random(u128::from(i % 8));
            let lease_until = now.plus_ms(86_400_000);
            segment.put(first + 32 + i, UnitState::Started { attempt: 1, holder, lease_until });
        }
        assert!(segment.pack().len() < 640, "{}", segment.pack().len());
    }
}
