//! How the stream reads rows: segments that may have changed, and result texts, as few as are needed.

use std::collections::BTreeMap;

use domain::progress::Tally;
use domain::segment::{Segment, Totals, UnitState};
use domain::{Seq, synthetic};
use store::StoreError;

use super::{Order, ResultStream};

/// Maximum number of results that are read from rows at once.
const MAX_RESULTS_PER_READ: usize = 32;

impl ResultStream {
    /// Counts the known units by state.
    pub fn tally(&self) -> Tally {
        self.totals().tally
    }

    /// Like [`ResultStream::tally`], with a crawl's figures.
    pub fn totals(&self) -> Totals {
        let mut rows: BTreeMap<u32, Segment> = BTreeMap::new();
        for (seq, unit) in &self.over {
            let index = Segment::index_of(*seq);
            rows.entry(index).or_insert_with(|| Segment::untouched(index)).put(*seq, *unit);
        }
        Totals::of(rows.values(), self.job.admitted)
    }

    /// Reads the segments that still had open units when they were read last.
    pub(super) async fn read_rows(&mut self) -> Result<(), StoreError> {
        let admitted = self.job.admitted;
        let over = |index: &u32| self.rows.get(index).is_some_and(|row| row.is_over(admitted));
        let wanted: Vec<u32> = Segment::indexes_of_job(admitted).filter(|index| !over(index)).collect();
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else { return Ok(()) };
        let store = self.jobs.rows().store();
        for row in self.jobs.rows().retry(|| store.segments.segments(&self.job, *first, *last)).await? {
            let over: Vec<(Seq, UnitState)> =
                row.non_pending().filter(|(seq, unit)| unit.is_over() && *seq < admitted).collect();
            over.into_iter().for_each(|(seq, unit)| self.record_over(seq, unit));
            self.rows.insert(row.index, row);
        }
        Ok(())
    }

    /// Reads the result of a unit that is over, and of those that come next, as far as they fit into memory.
    pub(super) async fn read_result(&mut self, seq: Seq) -> Result<String, StoreError> {
        let (mut synthetic, mut wanted) = (Vec::new(), Vec::new());
        for seq in self.wanted_with(seq) {
            match self.over.get(&seq).copied().unwrap_or_default() {
                UnitState::Ended { attempt, end, .. } => match synthetic::end_error(end) {
                    Some(error) => synthetic.push((seq, error)),
                    None => wanted.push((seq, attempt)),
                },
                UnitState::Skipped => synthetic.push((seq, synthetic::skipped_error(&self.job))),
                UnitState::Pending | UnitState::Started { .. } | UnitState::Asked { .. } => {}
            }
        }
        let mut found = self.read_results(&wanted).await?;
        for (seq, error) in synthetic {
            found.insert(seq, synthetic::error_json(&self.url(seq).await?, error));
        }
        let text = match found.remove(&seq) {
            Some(text) => text,
            None => {
                tracing::error!(job = %self.job.id, seq, "a unit that ended has no result");
                synthetic::lost_json(&self.url(seq).await?)
            }
        };
        found.into_iter().for_each(|(seq, text)| self.keep_text(seq, text));
        Ok(text)
    }

    async fn read_results(&self, wanted: &[(Seq, u8)]) -> Result<BTreeMap<Seq, String>, StoreError> {
        if wanted.is_empty() {
            return Ok(BTreeMap::new());
        }
        if self.job.extract_unit.is_some() {
            let job = self.jobs.rows().reread(&self.job.id).await?;
            if let Some(text) = job.extract_unit.and_then(|unit| unit.result) {
                return Ok(BTreeMap::from([(0, text)]));
            }
        }
        let store = self.jobs.rows().store();
        Ok(self.jobs.rows().retry(|| store.segments.results(&self.job.id, wanted)).await?.into_iter().collect())
    }

    /// Returns the units whose results are read with this one's: the next ones in the stream's order.
    fn wanted_with(&self, seq: Seq) -> Vec<Seq> {
        let wanted = |other: &Seq| !self.texts.contains_key(other) && !self.is_unclear(*other);
        match self.order {
            Order::Input => self.waiting.range(seq..).copied().filter(wanted).take(MAX_RESULTS_PER_READ).collect(),
            Order::Completion => {
                let from = (super::ended_at(self.over.get(&seq).copied().unwrap_or_default()), seq);
                self.by_end.range(from..).map(|(_, other)| *other).filter(wanted).take(MAX_RESULTS_PER_READ).collect()
            }
        }
    }

    /// Returns the URL of a unit.
    ///
    /// # Errors
    /// Store errors.
    pub async fn url(&mut self, seq: Seq) -> Result<String, StoreError> {
        Ok(self.jobs.input_of(&self.job, seq).await?.url.clone())
    }
}
