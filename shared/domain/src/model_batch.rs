//! A batch of questions at a language model's provider: which of a job's units it is for, its stage, and its next step.
//! The row is written before each step that costs anything, so that after a crash it shows what may have happened.
//! Pure: the store writes rows, the engine makes calls.

use crate::ids::{JobId, Nonce, Seq};
use crate::time::Timestamp;

/// Maximum number of units in a batch.
pub const MAX_UNITS: usize = 1_000;
/// Maximum size of its lines in bytes.
pub const MAX_BYTES: usize = 20 * 1024 * 1024;
/// Length of the lease on a batch in seconds: longer than the calls made under it.
pub const LEASE_SECS: u64 = 180;
/// Maximum interval between two polls of the provider, in seconds.
const MAX_POLL_SECS: i64 = 300;
/// Maximum number of attempts to create a batch when it is not found at the provider. After that its units are asked
/// one by one.
pub const MAX_TRIES: u32 = 2;

/// The stage of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Its units are chosen. Nothing has been paid.
    Planned,
    /// Its file is uploaded and the provider is being asked to create the batch. It may exist; if so, it is found by
    /// its tag.
    Creating,
    /// It exists, and its id is known.
    Created,
    /// It yields no more answers: units without one are asked one by one.
    Missing,
    /// Nothing is left to do.
    Closed,
}

impl Stage {
    const ALL: [Stage; 5] = [Stage::Planned, Stage::Creating, Stage::Created, Stage::Missing, Stage::Closed];

    /// Returns the name in rows.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Planned => "planned",
            Stage::Creating => "creating",
            Stage::Created => "created",
            Stage::Missing => "missing",
            Stage::Closed => "closed",
        }
    }

    /// Parses the name in a row.
    pub fn parse(name: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// A batch's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelBatch {
    /// The job of its units.
    pub job: JobId,
    /// The number of the batch in its job.
    pub n: u32,
    /// The units, each with the attempt that read its page.
    pub units: Vec<(Seq, u8)>,
    /// The stage.
    pub stage: Stage,
    /// The uploaded file's id.
    pub file: Option<String>,
    /// The provider's id of the batch.
    pub batch: Option<String>,
    /// How many times the provider was asked to create it.
    pub tries: u32,
    /// The part of the day's budget reserved for it, in millionths of a dollar.
    pub reserved: u64,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// When to work on it next; `None` once it is closed.
    pub due: Option<Timestamp>,
    /// Who holds the lease.
    pub holder: Nonce,
    /// When the lease ends.
    pub lease_until: Timestamp,
    /// Version of the row: how many times it was written.
    pub version: u64,
}

/// The next step for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Upload its file and have the batch created.
    Create,
    /// Find out whether it exists.
    Find,
    /// Poll the provider's progress.
    Poll,
    /// Ask for the missing answers, unit by unit.
    AskEach,
    /// Close it: its answers are not needed, and nothing is under way.
    Close,
}

impl ModelBatch {
    /// Creates the row of the job's batch number `n`, held by the runner that planned it.
    pub fn planned(job: JobId, n: u32, units: Vec<(Seq, u8)>, holder: Nonce, now: Timestamp) -> ModelBatch {
        let lease_until = now.plus_secs(LEASE_SECS);
        ModelBatch {
            job,
            n,
            units,
            stage: Stage::Planned,
            file: None,
            batch: None,
            tries: 0,
            reserved: 0,
            planned_at: now,
            due: Some(lease_until),
            holder,
            lease_until,
            version: 1,
        }
    }

    /// Returns the tag by which it is found at the provider.
    pub fn tag(&self) -> String {
        format!("{}-{}", self.job, self.n)
    }

    /// Returns the batch with the lease taken by `holder`. Returns `None` if another holds it or it is closed.
    #[must_use]
    pub fn acquired(&self, holder: Nonce, now: Timestamp) -> Option<ModelBatch> {
        let free = self.stage != Stage::Closed && self.lease_until <= now;
        free.then(|| self.renewed(holder, now))
    }

    /// Returns the batch with its lease extended.
    #[must_use]
    pub fn renewed(&self, holder: Nonce, now: Timestamp) -> ModelBatch {
        let lease_until = now.plus_secs(LEASE_SECS);
        ModelBatch { holder, lease_until, due: Some(lease_until), version: self.version + 1, ..self.clone() }
    }

    /// Returns the batch with its lease released and its next step due at `due`.
    #[must_use]
    pub fn released(&self, now: Timestamp, due: Timestamp) -> ModelBatch {
        let due = (self.stage != Stage::Closed).then_some(due);
        ModelBatch { lease_until: now, due, version: self.version + 1, ..self.clone() }
    }

    /// Returns the holder's next step. `wanted` says whether the job is running and therefore needs answers.
    pub fn step(&self, wanted: bool) -> Step {
        match self.stage {
            Stage::Planned if wanted => Step::Create,
            Stage::Planned | Stage::Closed => Step::Close,
            Stage::Creating => Step::Find,
            Stage::Created => Step::Poll,
            Stage::Missing if wanted => Step::AskEach,
            Stage::Missing => Step::Close,
        }
    }

    /// Returns when to poll it next while the provider works on it. The longer that takes, the rarer the polls.
    pub fn next_poll(&self, now: Timestamp, sweep_secs: u64) -> Timestamp {
        let age = now.0.saturating_sub(self.planned_at.0) / 10_000;
        let min = i64::try_from(sweep_secs).unwrap_or(MAX_POLL_SECS).clamp(1, MAX_POLL_SECS);
        now.plus_ms(1_000 * age.clamp(min, MAX_POLL_SECS))
    }
}

/// Returns when a batch is abandoned for single calls: early enough before its job's deadline to leave time for them.
pub fn abandoned_at(started_at: Timestamp, deadline: Timestamp) -> Timestamp {
    Timestamp(deadline.0 - deadline.0.saturating_sub(started_at.0) / 6)
}

/// Returns the id that identifies the answer to a unit's question.
pub fn custom_id(seq: Seq, attempt: u8) -> String {
    format!("u{seq}-{attempt}")
}

/// Returns the unit and attempt that such an id names. Returns `None` for any other text.
pub fn unit_of(custom_id: &str) -> Option<(Seq, u8)> {
    let (seq, attempt) = custom_id.strip_prefix('u')?.split_once('-')?;
    Some((seq.parse().ok()?, attempt.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> ModelBatch {
        let holder = Nonce::from_random(1);
        ModelBatch::planned(JobId::from_random(7), 2, vec![(0, 1), (64, 3)], holder, Timestamp(1_000))
    }

    #[test]
    fn a_batch_has_one_holder_at_a_time() {
        let (batch, other) = (batch(), Nonce::from_random(2));
        let over = batch.lease_until;
        assert_eq!(batch.acquired(other, over.plus_ms(-1)), None);
        let taken = batch.acquired(other, over).unwrap();
        assert_eq!((taken.holder, taken.version, taken.due), (other, 2, Some(over.plus_secs(LEASE_SECS))));
        let free = taken.released(over, over.plus_ms(5));
        assert_eq!((free.version, free.due), (3, Some(over.plus_ms(5))));
        assert!(free.acquired(batch.holder, over).is_some());
        let closed = ModelBatch { stage: Stage::Closed, ..free }.released(over, over);
        assert_eq!((closed.due, closed.acquired(other, over)), (None, None));
    }

    #[test]
    fn a_batch_that_may_exist_is_searched_for_before_it_is_created_again_or_closed() {
        let at = |stage, wanted| ModelBatch { stage, ..batch() }.step(wanted);
        assert_eq!((at(Stage::Planned, true), at(Stage::Planned, false)), (Step::Create, Step::Close));
        for wanted in [true, false] {
            assert_eq!(at(Stage::Creating, wanted), Step::Find);
            assert_eq!(at(Stage::Created, wanted), Step::Poll);
            assert_eq!(at(Stage::Closed, wanted), Step::Close);
        }
        assert_eq!((at(Stage::Missing, true), at(Stage::Missing, false)), (Step::AskEach, Step::Close));
    }

    #[test]
    fn polls_become_rare_and_single_calls_have_time() {
        let batch = batch();
        let poll = |secs: i64| batch.next_poll(Timestamp(1_000 + secs * 1_000), 60).0 / 1_000 - 1 - secs;
        assert_eq!((poll(0), poll(599), poll(1_200), poll(80_000)), (60, 60, 120, 300));
        assert_eq!(abandoned_at(Timestamp(0), Timestamp(86_400_000)), Timestamp(72_000_000));
    }

    #[test]
    fn ids_and_names_round_trip() {
        assert_eq!(unit_of(&custom_id(9_999, 3)), Some((9_999, 3)));
        for none in ["", "u", "u1", "1-1", "u1-", "u-1", "u1-300", "u1-1-1"] {
            assert_eq!(unit_of(none), None, "{none}");
        }
        assert!(Stage::ALL.into_iter().all(|stage| Stage::parse(stage.name()) == Some(stage)));
        assert!(batch().tag().ends_with("-2"));
    }
}
