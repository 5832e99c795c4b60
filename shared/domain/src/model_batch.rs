//! A provider's batch of questions to a language model: which of a job's units it is for, how far it is, and what comes
//! next. The row is written before each step that costs anything, so that whoever finds it knows what may have happened.
//! Pure: rows are the store's, calls are the engine's.

use crate::ids::{JobId, Nonce, Seq};
use crate::time::Timestamp;

/// Most units of one batch.
pub const MOST_UNITS: usize = 1_000;
/// Most bytes of its lines.
pub const MOST_BYTES: usize = 20 * 1024 * 1024;
/// How long whoever works on a batch holds it, in seconds: longer than the calls that it makes meanwhile.
pub const LEASE_SECS: u64 = 180;
/// Longest between two looks, in seconds.
const MOST_LOOK_SECS: i64 = 300;
/// How often a batch is made anew whose making nobody knows of. After that its units are asked one by one.
pub const MOST_TRIES: u32 = 2;

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Its units are chosen. Nothing was paid.
    Planned,
    /// Its file is there, and the provider is being asked to make it: it may exist, and is found by its tag then.
    Creating,
    /// It exists, and its id is known.
    Created,
    /// Nothing more comes of it: what has no answer is asked one by one.
    Missing,
    /// Nothing is left to do.
    Closed,
}

impl Stage {
    const ALL: [Stage; 5] = [Stage::Planned, Stage::Creating, Stage::Created, Stage::Missing, Stage::Closed];

    /// The name in rows.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Planned => "planned",
            Stage::Creating => "creating",
            Stage::Created => "created",
            Stage::Missing => "missing",
            Stage::Closed => "closed",
        }
    }

    /// Reads the name of a row.
    pub fn parse(name: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// A batch's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelBatch {
    /// Whose units it is for.
    pub job: JobId,
    /// Which of the job's batches.
    pub n: u32,
    /// The units, each with the attempt that read its page.
    pub units: Vec<(Seq, u8)>,
    /// How far it is.
    pub stage: Stage,
    /// The uploaded file's id.
    pub file: Option<String>,
    /// The provider's id of the batch.
    pub batch: Option<String>,
    /// How often the provider was asked to make it.
    pub tries: u32,
    /// What was set aside for it of the day's budget, in millionths of a dollar.
    pub reserved: u64,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// When it is looked at next; `None` once it is closed.
    pub due: Option<Timestamp>,
    /// Who works on it, and until when that is believed.
    pub holder: Nonce,
    /// See `holder`.
    pub lease_until: Timestamp,
    /// How often its row was written.
    pub version: u64,
}

/// What is to be done about a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Upload its file, and have it made.
    Make,
    /// Find out whether it exists.
    Find,
    /// Look at how far the provider is.
    Look,
    /// Ask for what is missing, unit by unit.
    AskEach,
    /// Nothing of it is needed, and nothing is under way.
    Close,
}

impl ModelBatch {
    /// The job's batch number `n`, held by who planned it.
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

    /// By which it is found at the provider.
    pub fn tag(&self) -> String {
        format!("{}-{}", self.job, self.n)
    }

    /// The same, held by somebody from now on; `None` where another holds it.
    #[must_use]
    pub fn taken(&self, holder: Nonce, now: Timestamp) -> Option<ModelBatch> {
        let free = self.stage != Stage::Closed && self.lease_until <= now;
        free.then(|| self.held_on(holder, now))
    }

    /// The same, held for longer.
    #[must_use]
    pub fn held_on(&self, holder: Nonce, now: Timestamp) -> ModelBatch {
        let lease_until = now.plus_secs(LEASE_SECS);
        ModelBatch { holder, lease_until, due: Some(lease_until), version: self.version + 1, ..self.clone() }
    }

    /// The same, held by nobody, to be looked at again at `due`.
    #[must_use]
    pub fn let_go(&self, now: Timestamp, due: Timestamp) -> ModelBatch {
        let due = (self.stage != Stage::Closed).then_some(due);
        ModelBatch { lease_until: now, due, version: self.version + 1, ..self.clone() }
    }

    /// What is to be done about it by who holds it. `wanted`: its job runs, so that answers are of use.
    pub fn step(&self, wanted: bool) -> Step {
        match self.stage {
            Stage::Planned if wanted => Step::Make,
            Stage::Planned | Stage::Closed => Step::Close,
            Stage::Creating => Step::Find,
            Stage::Created => Step::Look,
            Stage::Missing if wanted => Step::AskEach,
            Stage::Missing => Step::Close,
        }
    }

    /// When it is looked at next while the provider works on it: seldom where it takes long.
    pub fn next_look(&self, now: Timestamp, sweep_secs: u64) -> Timestamp {
        let age = now.0.saturating_sub(self.planned_at.0) / 10_000;
        let least = i64::try_from(sweep_secs).unwrap_or(MOST_LOOK_SECS).clamp(1, MOST_LOOK_SECS);
        now.plus_ms(1_000 * age.clamp(least, MOST_LOOK_SECS))
    }
}

/// When a batch is given up for single calls: so long before its job's deadline that there is time for them.
pub fn given_up_at(started_at: Timestamp, deadline: Timestamp) -> Timestamp {
    Timestamp(deadline.0 - deadline.0.saturating_sub(started_at.0) / 6)
}

/// What the answer to a unit's question is known by.
pub fn custom_id(seq: Seq, attempt: u8) -> String {
    format!("u{seq}-{attempt}")
}

/// The unit and attempt that an id names.
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
    fn one_holds_it_at_a_time() {
        let (batch, other) = (batch(), Nonce::from_random(2));
        let over = batch.lease_until;
        assert_eq!(batch.taken(other, over.plus_ms(-1)), None);
        let taken = batch.taken(other, over).unwrap();
        assert_eq!((taken.holder, taken.version, taken.due), (other, 2, Some(over.plus_secs(LEASE_SECS))));
        let free = taken.let_go(over, over.plus_ms(5));
        assert_eq!((free.version, free.due), (3, Some(over.plus_ms(5))));
        assert!(free.taken(batch.holder, over).is_some());
        let closed = ModelBatch { stage: Stage::Closed, ..free }.let_go(over, over);
        assert_eq!((closed.due, closed.taken(other, over)), (None, None));
    }

    #[test]
    fn nothing_that_may_exist_is_made_again_or_given_up_unseen() {
        let at = |stage, wanted| ModelBatch { stage, ..batch() }.step(wanted);
        assert_eq!((at(Stage::Planned, true), at(Stage::Planned, false)), (Step::Make, Step::Close));
        for wanted in [true, false] {
            assert_eq!(at(Stage::Creating, wanted), Step::Find);
            assert_eq!(at(Stage::Created, wanted), Step::Look);
            assert_eq!(at(Stage::Closed, wanted), Step::Close);
        }
        assert_eq!((at(Stage::Missing, true), at(Stage::Missing, false)), (Step::AskEach, Step::Close));
    }

    #[test]
    fn looks_become_rare_and_end_in_time() {
        let batch = batch();
        let look = |secs: i64| batch.next_look(Timestamp(1_000 + secs * 1_000), 60).0 / 1_000 - 1 - secs;
        assert_eq!((look(0), look(599), look(1_200), look(80_000)), (60, 60, 120, 300));
        assert_eq!(given_up_at(Timestamp(0), Timestamp(86_400_000)), Timestamp(72_000_000));
    }

    #[test]
    fn names_are_read_back() {
        assert_eq!(unit_of(&custom_id(9_999, 3)), Some((9_999, 3)));
        for none in ["", "u", "u1", "1-1", "u1-", "u-1", "u1-300", "u1-1-1"] {
            assert_eq!(unit_of(none), None, "{none}");
        }
        assert!(Stage::ALL.into_iter().all(|stage| Stage::parse(stage.name()) == Some(stage)));
        assert!(batch().tag().ends_with("-2"));
    }
}
