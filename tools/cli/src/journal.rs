//! How far a batch is, in a file, so that it goes on after a crash and nothing is paid twice.
//!
//! Before a job is asked for, its Idempotency-Key is on the disk: asked for again, it is the same job. Once it has a name,
//! its results can be read again, so an output that was cut in the middle of a job is cut back to the job's begin.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::exit::{FAILURE, Failed};
use crate::follow::Tally;

/// For so long a key surely names its job: the service keeps it for 24 hours.
const KEY_SECONDS: u64 = 23 * 3_600;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "lowercase")]
enum Entry {
    /// What it is about. Of the call only what it is known by: its headers may be secrets.
    Begun { version: u8, call: String, output: PathBuf },
    /// A job is about to be asked for; so long is the output.
    Chunk(Chunk),
    /// It has a name.
    Job { id: String },
    /// It has ended, and its results are on the disk: so many bytes; what came of all so far.
    Ended { tally: Tally, output_bytes: u64 },
    /// Nothing is left to do.
    Over,
}

/// One job's part of the URLs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    pub(crate) key: String,
    pub(crate) urls: u64,
    pub(crate) digest: String,
    pub(crate) output_bytes: u64,
    pub(crate) unix_seconds: u64,
}

/// What was done before.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) chunks: Vec<Chunk>,
    /// One that has not ended, and its job.
    pub(crate) open: Option<(Chunk, Option<String>)>,
    pub(crate) tally: Tally,
    /// How much of the output is good.
    pub(crate) output_bytes: u64,
    pub(crate) over: bool,
}

/// The file.
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens it, or begins it for a call and an output.
    pub(crate) fn open(path: &Path, call: &str, output: &Path) -> Result<(Journal, Done), Failed> {
        let failed = |error: io::Error| Failed::file(path, &error);
        let output = std::path::absolute(output).map_err(failed)?;
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(Failed::new(FAILURE, format!("{}: another `runo batch` is at it", path.display())));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Ok(()) => {}
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        // What was being written when it ended is no entry.
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        file.set_len(whole as u64).and_then(|()| file.seek(SeekFrom::End(0))).map_err(failed)?;
        let entries: Result<Vec<Entry>, _> = text[..whole].lines().map(serde_json::from_str).collect();
        let entries =
            entries.map_err(|error| Failed::usage(format!("{}: it is not a resume file: {error}", path.display())))?;
        let mut journal = Journal { path: path.to_owned(), file };
        let Some((Entry::Begun { version: 1, call: then, output: there }, rest)) = entries.split_first() else {
            if !entries.is_empty() {
                return Err(Failed::usage(format!("{}: it is not a resume file of this version", path.display())));
            }
            journal.append(&Entry::Begun { version: 1, call: call.to_owned(), output })?;
            return Ok((journal, Done::default()));
        };
        if then != call {
            let text = "it was begun with other fields, options or another service; it can only go on with the same";
            return Err(Failed::usage(format!("{}: {text}", path.display())));
        }
        if *there != output {
            return Err(Failed::usage(format!("{}: its results are in {}", path.display(), there.display())));
        }
        Ok((journal, Done::of(rest)))
    }

    /// A job is about to be asked for.
    pub(crate) fn chunk(&mut self, key: String, urls: &[String], output_bytes: u64) -> Result<Chunk, Failed> {
        let digest = crate::urls::digest(urls);
        let chunk = Chunk { key, urls: urls.len() as u64, digest, output_bytes, unix_seconds: now() };
        self.append(&Entry::Chunk(chunk.clone()))?;
        Ok(chunk)
    }

    /// It has a name.
    pub(crate) fn job(&mut self, id: &str) -> Result<(), Failed> {
        self.append(&Entry::Job { id: id.to_owned() })
    }

    /// It has ended, and its results are on the disk.
    pub(crate) fn ended(&mut self, tally: Tally, output_bytes: u64) -> Result<(), Failed> {
        self.append(&Entry::Ended { tally, output_bytes })
    }

    /// Nothing is left to do.
    pub(crate) fn over(&mut self) -> Result<(), Failed> {
        self.append(&Entry::Over)
    }

    fn append(&mut self, entry: &Entry) -> Result<(), Failed> {
        let mut line = serde_json::to_string(entry).map_err(|error| Failed::new(FAILURE, error.to_string()))?;
        line.push('\n');
        let write = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        write.map_err(|error| Failed::file(&self.path, &error))
    }
}

impl Done {
    fn of(entries: &[Entry]) -> Done {
        let mut done = Done::default();
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
                Entry::Over => done.over = true,
            }
        }
        done
    }
}

impl Chunk {
    /// Whether its key still names the job that it named.
    pub(crate) fn key_holds(&self) -> bool {
        now().saturating_sub(self.unix_seconds) < KEY_SECONDS
    }
}

#[expect(clippy::disallowed_methods, reason = "the time of day, compared with another day's")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_read_again_without_what_was_torn() {
        let folder = tempfile::tempdir().unwrap();
        let (path, output) = (folder.path().join("j"), folder.path().join("o.csv"));
        let (mut journal, done) = Journal::open(&path, "call", &output).unwrap();
        assert!(done.chunks.is_empty() && done.open.is_none() && !done.over);
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
        assert!(second.key_holds() && !Chunk { unix_seconds: 0, ..second }.key_holds());
        journal.job("job_2").unwrap();
        journal.over().unwrap();
        drop(journal);
        let (_, done) = Journal::open(&path, "call", &output).unwrap();
        assert!(done.over);
        assert_eq!(done.open.unwrap().1.as_deref(), Some("job_2"));
        assert!(Journal::open(&path, "other", &output).is_err());
        assert!(Journal::open(&path, "call", Path::new("elsewhere.csv")).is_err());
    }
}
