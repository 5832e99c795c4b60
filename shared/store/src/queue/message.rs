//! The messages: ids only. Write access to a queue therefore lets someone trigger a read of rows, and nothing more.

use domain::{JobId, Seq};
use serde::{Deserialize, Serialize};

/// The version of the wire format that is written and read here.
const VERSION: u64 = 1;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Units of a job that wait to be run.
    Units {
        /// The job.
        job: JobId,
        /// The job's lane ([`domain::lanes`]), which continues when these units have ended.
        lane: u32,
        /// The units. Empty if the lane waits for the crawl to grow.
        seqs: Vec<Seq>,
    },
    /// No unit of the job seems to be open: it can be settled.
    Settle {
        /// The job.
        job: JobId,
    },
    /// A job has ended, and its webhook is to be called.
    Notify {
        /// The job.
        job: JobId,
    },
}

/// A body that is not a message of this version. Trying again does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It is not JSON, or does not have the members of its kind.
    #[error("the message is malformed: {0}")]
    Malformed(String),
    /// A later version wrote it.
    #[error("the message has version {0}; only version {VERSION} is supported")]
    UnknownVersion(u64),
    /// This version has no such kind.
    #[error("the message has the unknown kind {0:?}")]
    UnknownKind(String),
}

/// The members that decide how the rest is read.
#[derive(Deserialize)]
struct Head {
    v: u64,
    kind: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitsBody {
    v: u64,
    kind: String,
    job: String,
    lane: u32,
    seqs: Vec<Seq>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobBody {
    v: u64,
    kind: String,
    job: String,
}

const UNITS: &str = "units";
const SETTLE: &str = "settle";
const NOTIFY: &str = "notify";
/// Maximum length of an unknown kind when it is shown in a log.
const MAX_SHOWN_CHARS: usize = 40;

impl Message {
    /// Returns the job it is about.
    pub fn job(&self) -> &JobId {
        match self {
            Message::Units { job, .. } | Message::Settle { job } | Message::Notify { job } => job,
        }
    }

    /// Returns its wire form, like `{"v":1,"kind":"units","job":"job_…","lane":0,"seqs":[0,1]}`.
    pub fn to_body(&self) -> String {
        let job = self.job().as_str().to_owned();
        let body = match self {
            Message::Units { lane, seqs, .. } => serde_json::to_string(&UnitsBody {
                v: VERSION,
                kind: UNITS.into(),
                job,
                lane: *lane,
                seqs: seqs.clone(),
            }),
            Message::Settle { .. } => serde_json::to_string(&JobBody { v: VERSION, kind: SETTLE.into(), job }),
            Message::Notify { .. } => serde_json::to_string(&JobBody { v: VERSION, kind: NOTIFY.into(), job }),
        };
        // Structs of strings and numbers always serialise; an empty body would be refused by every reader.
        body.unwrap_or_default()
    }

    /// Parses a body strictly: unknown members are refused, because they may change the meaning of the known ones.
    ///
    /// # Errors
    /// [`MessageError`] if it is not a message of this version.
    pub fn parse(body: &str) -> Result<Message, MessageError> {
        let head: Head = read(body)?;
        if head.v != VERSION {
            return Err(MessageError::UnknownVersion(head.v));
        }
        match head.kind.as_str() {
            UNITS => {
                let UnitsBody { job, lane, seqs, .. } = read(body)?;
                Ok(Message::Units { job: job_id(&job)?, lane, seqs })
            }
            SETTLE => {
                let JobBody { job, .. } = read(body)?;
                Ok(Message::Settle { job: job_id(&job)? })
            }
            NOTIFY => {
                let JobBody { job, .. } = read(body)?;
                Ok(Message::Notify { job: job_id(&job)? })
            }
            other => Err(MessageError::UnknownKind(other.chars().take(MAX_SHOWN_CHARS).collect())),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, MessageError> {
    // Contains only the position and kind of the error, because the error's text may quote a caller's text.
    serde_json::from_str(body).map_err(|e| {
        MessageError::Malformed(format!("{:?} error at line {} column {}", e.classify(), e.line(), e.column()))
    })
}

fn job_id(text: &str) -> Result<JobId, MessageError> {
    JobId::parse(text).ok_or_else(|| MessageError::Malformed("the job id is malformed".into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job() -> JobId {
        JobId::parse("job_0123456789abcdef").unwrap()
    }

    fn messages() -> impl Strategy<Value = Message> {
        let job = any::<u128>().prop_map(JobId::from_random);
        prop_oneof![
            (job.clone(), any::<u32>(), prop::collection::vec(any::<Seq>(), 0..40))
                .prop_map(|(job, lane, seqs)| Message::Units { job, lane, seqs }),
            job.clone().prop_map(|job| Message::Settle { job }),
            job.prop_map(|job| Message::Notify { job }),
        ]
    }

    proptest! {
        #[test]
        fn messages_round_trip(message in messages()) {
            prop_assert_eq!(Message::parse(&message.to_body()), Ok(message));
        }

        #[test]
        fn arbitrary_text_is_refused(text in any::<String>()) {
            prop_assert!(Message::parse(&text).is_err());
        }

        #[test]
        fn a_damaged_body_is_refused_or_reads_consistently(message in messages(), at in any::<prop::sample::Index>(), by in "\\PC{0,3}") {
            let mut body = message.to_body();
            let at = at.index(body.len());
            body.replace_range(at..=at, &by);
            // If it is still valid, its meaning round-trips.
            if let Ok(read) = Message::parse(&body) {
                prop_assert_eq!(Message::parse(&read.to_body()), Ok(read));
            }
        }
    }

    #[test]
    fn the_wire_format_is_fixed() {
        let units = Message::Units { job: job(), lane: 0, seqs: vec![0, 7] };
        assert_eq!(units.to_body(), r#"{"v":1,"kind":"units","job":"job_0123456789abcdef","lane":0,"seqs":[0,7]}"#);
        let settle = Message::Settle { job: job() };
        assert_eq!(settle.to_body(), r#"{"v":1,"kind":"settle","job":"job_0123456789abcdef"}"#);
        let notify = Message::Notify { job: job() };
        assert_eq!(notify.to_body(), r#"{"v":1,"kind":"notify","job":"job_0123456789abcdef"}"#);
        assert_eq!(Message::parse(r#" {"kind":"settle","v":1,"job":"job_0123456789abcdef"} "#), Ok(settle));
    }

    #[test]
    fn messages_of_other_versions_and_malformed_ones_are_refused_with_their_reason() {
        let refused = |body: &str| Message::parse(body).unwrap_err();
        let later = r#"{"v":2,"kind":"units","job":"job_0123456789abcdef","lane":0,"seqs":[0],"more":1}"#;
        assert_eq!(refused(later), MessageError::UnknownVersion(2));
        let kind = r#"{"v":1,"kind":"refund","job":"job_0123456789abcdef"}"#;
        assert_eq!(refused(kind), MessageError::UnknownKind("refund".into()));
        let long = format!(r#"{{"v":1,"kind":"{}"}}"#, "k".repeat(10_000));
        assert_eq!(refused(&long), MessageError::UnknownKind("k".repeat(MAX_SHOWN_CHARS)));
        for malformed in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"v":1}"#,
            r#"{"v":"1","kind":"settle","job":"job_0123456789abcdef"}"#,
            r#"{"v":1,"kind":"settle"}"#,
            r#"{"v":1,"kind":"settle","job":"job_x"}"#,
            r#"{"v":1,"kind":"settle","job":"job_0123456789abcdef","url":"http://a.test/"}"#,
            r#"{"v":1,"kind":"settle","kind":"units","job":"job_0123456789abcdef","lane":0,"seqs":[0]}"#,
            r#"{"v":1,"kind":"units","job":"job_0123456789abcdef"}"#,
            r#"{"v":1,"kind":"units","job":"job_0123456789abcdef","lane":0,"seqs":[-1]}"#,
            r#"{"v":1,"kind":"units","job":"job_0123456789abcdef","lane":0,"seqs":[4294967296]}"#,
            r#"{"v":1,"kind":"units","job":"job_0123456789abcdef","lane":0,"seqs":["0"]}"#,
            r#"{"v":1,"kind":"units","job":"job_0123456789abcdef","lane":0,"seqs":[0]} x"#,
        ] {
            assert!(matches!(refused(malformed), MessageError::Malformed(_)), "{malformed}");
        }
        let deep = "[".repeat(100_000);
        assert!(matches!(refused(&deep), MessageError::Malformed(_)));
        let deep = format!(r#"{{"v":1,"kind":"settle","x":{deep}"#);
        assert!(matches!(refused(&deep), MessageError::Malformed(_)));
    }
}
