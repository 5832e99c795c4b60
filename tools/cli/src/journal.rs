//! The resume file: records the progress of a batch, so that it resumes after a crash and nothing is paid for twice.
//!
//! The Idempotency-Key of a call is on the disk before the call is sent, so a repeated call joins the same job. Once a
//! job's id is recorded its results can be read again, so an output that broke off within a job is truncated to where
//! the job's results begin.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::exit::{CommandError, FAILURE};
use crate::follow::Tally;

/// How long an idempotency key is certain to name its job. The service keeps keys for 24 hours.
const KEY_SECONDS: u64 = 23 * 3_600;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "lowercase")]
enum Entry {
    /// The first entry. Has a digest of the call instead of the call, because its headers may be secrets.
    Begun { version: u8, call: String, output: PathBuf },
    /// A call is about to be sent; has the length of the output so far.
    Chunk(Chunk),
    /// The service returned a job id.
    Job { id: String },
    /// The job has ended and its results are on the disk; has the length of the output and the tally so far.
    Ended { tally: Tally, output_bytes: u64 },
    /// The batch is complete.
    #[serde(rename = "over")]
    Complete,
}

/// The URLs of one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    pub(crate) key: String,
    pub(crate) urls: u64,
    pub(crate) digest: String,
    pub(crate) output_bytes: u64,
    pub(crate) unix_seconds: u64,
}

/// What earlier runs have done.
#[derive(Debug, Default)]
pub(crate) struct EarlierRuns {
    pub(crate) chunks: Vec<Chunk>,
    /// The chunk whose job has not ended, and the job's id if it is known.
    pub(crate) open: Option<(Chunk, Option<String>)>,
    pub(crate) tally: Tally,
    /// Length of the output's valid part, in bytes.
    pub(crate) output_bytes: u64,
    pub(crate) complete: bool,
}

/// An open resume file, locked against other processes.
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the file, or creates it for a call and an output.
    ///
    /// Errors: the file is locked, malformed, or belongs to another call or output.
    pub(crate) fn open(path: &Path, call: &str, output: &Path) -> Result<(Journal, EarlierRuns), CommandError> {
        let failed = |error: io::Error| CommandError::file(path, &error);
        let output = std::path::absolute(output).map_err(failed)?;
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(CommandError::new(
                    FAILURE,
                    format!("{}: another `runo batch` is using this file", path.display()),
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Ok(()) => {}
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        // A last line without a newline was cut off by a crash.
        let valid_bytes = text.rfind('\n').map_or(0, |at| at + 1);
        file.set_len(valid_bytes as u64).and_then(|()| file.seek(SeekFrom::End(0))).map_err(failed)?;
        let entries: Result<Vec<Entry>, _> = text[..valid_bytes].lines().map(serde_json::from_str).collect();
        let entries = entries
            .map_err(|error| CommandError::usage(format!("{}: this is not a resume file: {error}", path.display())))?;
        let mut journal = Journal { path: path.to_owned(), file };
        let Some((Entry::Begun { version: 1, call: recorded_call, output: recorded_output }, rest)) =
            entries.split_first()
        else {
            if !entries.is_empty() {
                return Err(CommandError::usage(format!(
                    "{}: this is not a resume file of this version; delete it to start again",
                    path.display()
                )));
            }
            journal.append(&Entry::Begun { version: 1, call: call.to_owned(), output })?;
            return Ok((journal, EarlierRuns::default()));
        };
        if recorded_call != call {
            let text = "this file belongs to a batch with other fields, other options or another service; repeat that \
                        batch's command to resume it, or name another resume file";
            return Err(CommandError::usage(format!("{}: {text}", path.display())));
        }
        if *recorded_output != output {
            return Err(CommandError::usage(format!(
                "{}: this file belongs to the output {}; name that output, or another resume file",
                path.display(),
                recorded_output.display()
            )));
        }
        Ok((journal, EarlierRuns::of(rest)))
    }

    /// Records that a call is about to be sent.
    pub(crate) fn chunk(&mut self, key: String, urls: &[String], output_bytes: u64) -> Result<Chunk, CommandError> {
        let digest = crate::urls::digest(urls);
        let chunk = Chunk { key, urls: urls.len() as u64, digest, output_bytes, unix_seconds: now() };
        self.append(&Entry::Chunk(chunk.clone()))?;
        Ok(chunk)
    }

    /// Records the id of the job.
    pub(crate) fn job(&mut self, id: &str) -> Result<(), CommandError> {
        self.append(&Entry::Job { id: id.to_owned() })
    }

    /// Records that the job has ended and that its results are on the disk.
    pub(crate) fn ended(&mut self, tally: Tally, output_bytes: u64) -> Result<(), CommandError> {
        self.append(&Entry::Ended { tally, output_bytes })
    }

    /// Records that the batch is complete.
    pub(crate) fn complete(&mut self) -> Result<(), CommandError> {
        self.append(&Entry::Complete)
    }

    fn append(&mut self, entry: &Entry) -> Result<(), CommandError> {
        let mut line = serde_json::to_string(entry).map_err(|error| CommandError::new(FAILURE, error.to_string()))?;
        line.push('\n');
        let write = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        write.map_err(|error| CommandError::file(&self.path, &error))
    }
}

impl EarlierRuns {
    fn of(entries: &[Entry]) -> EarlierRuns {
        let mut done = EarlierRuns::default();
        for entry in entries {
            match entry {
                Entry::Begun { .. } => {}
                Entry::Chunk(chunk) => {
                    done.output_bytes = chunk.output_bytes;
                    done.open = Some((chunk.clone(), None));
                }
                Entry::Job { id } => {
                    if let Some((_, job)) = &mut done.open {
                        *job = Some(id.clone());
                    }
                }
                Entry::Ended { tally, output_bytes } => {
                    done.chunks.extend(done.open.take().map(|(chunk, _)| chunk));
                    (done.tally, done.output_bytes) = (*tally, *output_bytes);
                }
                Entry::Complete => done.complete = true,
            }
        }
        done
    }
}

impl Chunk {
    /// Whether the key is still certain to name the same job.
    pub(crate) fn key_is_valid(&self) -> bool {
        now().saturating_sub(self.unix_seconds) < KEY_SECONDS
    }
}

#[expect(clippy::disallowed_methods, reason = "compares wall-clock times of different runs")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reopened_file_has_every_entry_but_one_that_broke_off() {
        let folder = tempfile::tempdir().unwrap();
        let (path, output) = (folder.path().join("j"), folder.path().join("o.csv"));
        let (mut journal, done) = Journal::open(&path, "call", &output).unwrap();
        assert!(done.chunks.is_empty() && done.open.is_none() && !done.complete);
        let urls = ["http://a/".to_owned()];
        let first = journal.chunk("k1".into(), &urls, 0).unwrap();
        journal.job("job_1").unwrap();
        let tally = Tally { succeeded: 1, credits: 1, ..Tally::default() };
        journal.ended(tally, 7).unwrap();
        let second = journal.chunk("k2".into(), &urls, 7).unwrap();
        assert!(Journal::open(&path, "call", &output).is_err(), "only one at a time");
        journal.file.write_all(b"{\"entry\":\"job\",\"id").unwrap();
        drop(journal);

        let (mut journal, done) = Journal::open(&path, "call", &output).unwrap();
        assert_eq!((done.chunks, done.tally, done.output_bytes), (vec![first], tally, 7));
        assert_eq!(done.open, Some((second.clone(), None)));
        assert!(second.key_is_valid() && !Chunk { unix_seconds: 0, ..second }.key_is_valid());
        journal.job("job_2").unwrap();
        journal.complete().unwrap();
        drop(journal);
        let (_, done) = Journal::open(&path, "call", &output).unwrap();
        assert!(done.complete);
        assert_eq!(done.open.unwrap().1.as_deref(), Some("job_2"));
        assert!(Journal::open(&path, "other", &output).is_err());
        assert!(Journal::open(&path, "call", Path::new("elsewhere.csv")).is_err());
    }
}
