//! Exit codes and errors of the commands.

use std::io;

use runo_client::{Error as ClientError, ErrorKind};

use crate::terminal;

/// Every page was read.
pub(crate) const SUCCESS: u8 = 0;
/// The service, the network or a file failed.
pub(crate) const FAILURE: u8 = 1;
/// The command line, the schema or the call is invalid; clap exits with this code too.
pub(crate) const USAGE: u8 = 2;
/// Some pages could not be read.
pub(crate) const PAGES_FAILED: u8 = 3;
/// The job was cancelled.
pub(crate) const CANCELLED: u8 = 4;
/// The API key is missing or unknown, or the account is suspended.
pub(crate) const AUTHENTICATION: u8 = 5;
/// Too few credits, or too many calls.
pub(crate) const QUOTA: u8 = 6;
/// The service cannot be reached.
pub(crate) const UNREACHABLE: u8 = 7;
/// The account has no such job.
pub(crate) const NO_JOB: u8 = 8;
/// Interrupted; a job that was started keeps running.
pub(crate) const INTERRUPTED: u8 = 130;
/// The reader of the output closed the pipe.
pub(crate) const BROKEN_PIPE: u8 = 141;

/// Exit codes and environment variables, shown by `--help`.
pub(crate) const HELP: &str = "Exit codes:
  0    every page was read
  1    the service, the network or a file failed
  2    the command line, the schema or the call is invalid
  3    some pages could not be read
  4    the job was cancelled
  5    the API key is missing or unknown, or the account is suspended
  6    too few credits, or too many calls
  7    the service cannot be reached
  8    the account has no such job
  130  interrupted; a job that was started keeps running
  141  the reader of the output closed the pipe; a job that was started keeps running

Environment: RUNO_API_KEY and RUNO_BASE_URL (each overrides what `runo login` stored), NO_COLOR";

/// Why a command failed: the exit code and the message.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) code: u8,
    message: String,
}

impl CommandError {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> CommandError {
        CommandError { code, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> CommandError {
        CommandError::new(USAGE, message)
    }

    /// Error for a file that could not be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &io::Error) -> CommandError {
        CommandError::new(FAILURE, format!("{}: {error}", path.display()))
    }

    pub(crate) fn report(&self) {
        if self.code != BROKEN_PIPE {
            terminal::notice(&format!("runo: {}", self.message));
        }
    }
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> CommandError {
        let code = match error.kind {
            ErrorKind::InvalidRequest | ErrorKind::Schema => USAGE,
            ErrorKind::Authentication => AUTHENTICATION,
            ErrorKind::RateLimited | ErrorKind::QuotaExceeded => QUOTA,
            ErrorKind::JobNotFound | ErrorKind::JobForbidden => NO_JOB,
            ErrorKind::ConnectionFailed => UNREACHABLE,
            ErrorKind::Page | ErrorKind::ModelMismatch => PAGES_FAILED,
            _ => FAILURE,
        };
        CommandError::new(code, error.to_string())
    }
}

/// Errors of the output. A broken pipe is not a failure of this program, so it has its own code.
impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> CommandError {
        let code = if error.kind() == io::ErrorKind::BrokenPipe { BROKEN_PIPE } else { FAILURE };
        CommandError::new(code, format!("the output cannot be written: {error}"))
    }
}
