//! How a command ends: its exit code, and what is said about it.

use std::io;

use runo_client::{Error as Refusal, ErrorKind};

use crate::terminal;

/// Every page was read.
pub(crate) const GOOD: u8 = 0;
/// Something failed: the service, the network, a file.
pub(crate) const FAILURE: u8 = 1;
/// The command line, the schema or the call is wrong; clap ends with this too.
pub(crate) const USAGE: u8 = 2;
/// Some pages could not be read.
pub(crate) const PAGES_FAILED: u8 = 3;
/// The job was cancelled.
pub(crate) const CANCELLED: u8 = 4;
/// No key, an unknown one, or a suspended account.
pub(crate) const KEY: u8 = 5;
/// Too few credits, or too many calls.
pub(crate) const QUOTA: u8 = 6;
/// The service cannot be reached.
pub(crate) const UNREACHABLE: u8 = 7;
/// There is no such job of this account.
pub(crate) const NO_JOB: u8 = 8;
/// Interrupted; what was begun goes on.
pub(crate) const INTERRUPTED: u8 = 130;
/// Who reads the output went away.
pub(crate) const PIPE: u8 = 141;

/// What `--help` says of exit codes.
pub(crate) const HELP: &str = "Exit codes:
  0    every page was read
  1    something failed: the service, the network, a file
  2    the command line, the schema or the call is wrong
  3    some pages could not be read
  4    the job was cancelled
  5    no key, an unknown one, or a suspended account
  6    too few credits, or too many calls
  7    the service cannot be reached
  8    there is no such job of this account
  130  interrupted; what was begun goes on
  141  who reads the output went away; what was begun goes on

Environment: RUNO_API_KEY, RUNO_BASE_URL (before what `runo login` keeps), NO_COLOR";

/// Why a command ended.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) code: u8,
    message: String,
}

impl Failed {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Failed {
        Failed { code, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Failed {
        Failed::new(USAGE, message)
    }

    /// A file that could not be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &io::Error) -> Failed {
        Failed::new(FAILURE, format!("{}: {error}", path.display()))
    }

    pub(crate) fn tell(&self) {
        if self.code != PIPE {
            terminal::tell(&format!("runo: {}", self.message));
        }
    }
}

impl From<Refusal> for Failed {
    fn from(error: Refusal) -> Failed {
        let code = match error.kind {
            ErrorKind::InvalidRequest | ErrorKind::Schema => USAGE,
            ErrorKind::Authentication => KEY,
            ErrorKind::RateLimited | ErrorKind::QuotaExceeded => QUOTA,
            ErrorKind::JobNotFound | ErrorKind::JobForbidden => NO_JOB,
            ErrorKind::ConnectionFailed => UNREACHABLE,
            ErrorKind::Page | ErrorKind::ModelMismatch => PAGES_FAILED,
            _ => FAILURE,
        };
        Failed::new(code, error.to_string())
    }
}

/// Of the output: a reader that went away is no failure of ours.
impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        let code = if error.kind() == io::ErrorKind::BrokenPipe { PIPE } else { FAILURE };
        Failed::new(code, format!("the output cannot be written: {error}"))
    }
}
