//! The feed's reading side: result texts and times of completion from unit rows, as few as are needed.

use std::collections::BTreeMap;

use domain::unit::Unit;
use domain::{Seq, Timestamp};
use store::StoreError;
use store::units::UnitRow;

use super::{Feed, Order};
use crate::marker;

/// Most results that are read from rows at once.
const PAGE: Seq = 32;

/// When units ended that never started: in order of completion they come after all others, by their numbers. Whoever
/// closes them tells of it later than of results, so that no other place would be the same for everybody who reads.
const NEVER: Timestamp = Timestamp(i64::MAX / 2);

impl Feed {
    /// The earliest of the results that wait, unless it ended so lately that an earlier one may still come.
    pub(super) async fn earliest(&mut self, all: bool) -> Result<Option<Seq>, StoreError> {
        if self.waiting.is_empty() {
            return Ok(None);
        }
        // Times are known of waiting units only.
        if self.ended_at.len() < self.waiting.len() {
            self.read_times().await?;
        }
        let next = self.by_end.iter().copied().find(|(_, seq)| !self.is_unclear(*seq));
        Ok(next.filter(|(at, _)| all || at.plus_ms(self.hold_back_ms) <= self.engine.now()).map(|(_, seq)| seq))
    }

    /// When the units that wait ended.
    async fn read_times(&mut self) -> Result<(), StoreError> {
        let unknown: Vec<Seq> = self.waiting.iter().copied().filter(|seq| !self.ended_at.contains_key(seq)).collect();
        let (Some(first), Some(last)) = (unknown.first(), unknown.last()) else { return Ok(()) };
        let rows = self.engine.again(|| self.engine.store().units(&self.job.id, *first, *last)).await?;
        let ended = |row: &UnitRow| if row.unit == Unit::Closed { Some(NEVER) } else { row.at };
        let found: BTreeMap<Seq, Timestamp> = rows.iter().filter_map(|row| Some((row.seq, ended(row)?))).collect();
        let result = |row: &&UnitRow| !row.duplicate && !matches!(row.unit, Unit::Started { .. });
        self.results.extend(rows.iter().filter(result).map(|row| row.seq));
        for seq in unknown {
            // Rows of an earlier version bear no time: they keep the order of their numbers.
            self.note_end(seq, found.get(&seq).copied().unwrap_or_default());
        }
        Ok(())
    }

    /// Reads the text of a unit that has ended, and of those after it that will be wanted next.
    pub(super) async fn read(&mut self, seq: Seq) -> Result<(), StoreError> {
        let wanted = self.wanted_with(seq);
        let store = self.engine.store();
        let rows = self.engine.again(|| store.results_of(&self.job.id, &wanted)).await?;
        let ended = self.job.state.ended();
        for UnitRow { seq, unit, at, result, .. } in rows {
            let text = match (&unit, result) {
                (Unit::Done { .. }, Some(text)) => text,
                (Unit::Closed, _) => marker::error_json(&self.url(seq).await?, marker::closed_error(&self.job)),
                (Unit::Done { .. } | Unit::Started { .. }, _) => continue,
            };
            if !self.texts.contains_key(&seq) {
                let at = if unit == Unit::Closed { NEVER } else { at.unwrap_or_default() };
                self.keep(seq, at, text);
            }
        }
        if ended && !self.texts.contains_key(&seq) {
            let text = format!("{}: unit {seq} has no result though the job ended", self.job.id);
            return Err(StoreError::Malformed(text));
        }
        Ok(())
    }

    /// The units whose results are read together with this one's: those after it in the feed's order.
    fn wanted_with(&self, seq: Seq) -> Vec<Seq> {
        let wanted = |other: &Seq| !self.texts.contains_key(other) && !self.is_unclear(*other);
        match self.order {
            Order::Input => self.waiting.range(seq..).copied().filter(wanted).take(PAGE as usize).collect(),
            Order::Completion => {
                let from = (self.ended_at.get(&seq).copied().unwrap_or_default(), seq);
                self.by_end.range(from..).map(|(_, other)| *other).filter(wanted).take(PAGE as usize).collect()
            }
        }
    }

    /// The URL of a unit.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn url(&mut self, seq: Seq) -> Result<String, StoreError> {
        Ok(self.engine.input_of(&self.job, seq).await?.url.clone())
    }
}
