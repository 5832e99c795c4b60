//! Reads a page in a child process, so that a page that kills its reader kills nothing else.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use domain::time::millis;
use domain::{ErrorCode, UnitError};
use extraction::links::Links;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::child::ARGUMENT;
use crate::protocol::{Limits, ReadRequest};
use crate::{Reading, Task};

/// Address space of a child in bytes: a page of 10 MB with two million nodes takes half of it.
const MAX_MEMORY_BYTES: u64 = 512 * 1024 * 1024;
/// Maximum size of an answer in bytes: 5,000 links in 4 MB, values, and JSON's overhead.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// Reads a page in a child process: `program` with [`ARGUMENT`]. The child is killed when `end` has passed or this
/// future is dropped. If it dies, the reading says that the page cannot be read.
///
/// # Errors
/// The process could not be started or reached: a fault of this machine.
pub async fn read_in_child(program: &Path, task: Task, body: &[u8], end: Instant) -> io::Result<Reading> {
    let left = end.saturating_duration_since(Instant::now());
    let limits = Limits { memory: MAX_MEMORY_BYTES, cpu_secs: left.as_secs() + 1 };
    let request = ReadRequest { task, ms: millis(left), limits };
    let mut child = Command::new(program)
        .arg(ARGUMENT)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(mut to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("the process has no input or output"));
    };
    let send_request = async move {
        // A child that dies early does not read its input; only its missing answer counts.
        if to.write_all(&request.head()).await.is_ok() {
            let _ = to.write_all(body).await;
        }
    };
    let mut answer = Vec::new();
    let mut from = from.take(MAX_ANSWER_BYTES);
    let exchange = async { tokio::join!(send_request, from.read_to_end(&mut answer)).1 };
    match tokio::time::timeout_at(end.into(), exchange).await {
        Ok(read) => read.map(drop)?,
        Err(_) => {
            return Ok(failed(ErrorCode::Timeout, "reading the page took longer than what was left of timeout_ms"));
        }
    }
    Ok(Reading::parse(&answer).unwrap_or_else(|| {
        tracing::info!("a process that read a page died");
        failed(
            ErrorCode::UnsupportedContent,
            "reading the page takes more memory or processor time than a page may take",
        )
    }))
}

fn failed(code: ErrorCode, text: &str) -> Reading {
    Reading { values: Err(UnitError::new(code, text)), links: Links::default() }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use std::time::Duration;

    use domain::{Schema, Timestamp};
    use serde_json::json;
    use url::Url;

    use super::*;

    /// A shell script in place of the program that reads a page.
    struct Script(PathBuf);

    impl Script {
        fn new(name: &str, text: &str) -> Script {
            let file = std::env::temp_dir().join(format!("runo-test-reader-{name}-{}", std::process::id()));
            std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700)).unwrap();
            Script(file)
        }

        async fn read(&self, ms: u64) -> ErrorCode {
            let task = Task {
                schema: Schema::parse(&json!([{"field": "title", "type": "string", "example": "x"}])).unwrap(),
                locale: "en-US".into(),
                extra_warnings: Vec::new(),
                content_type: Some("text/html".into()),
                url: Url::parse("https://e.test/").unwrap(),
                now: Timestamp(0),
                links: false,
                detect_shell: false,
                compact: None,
                explain: false,
            };
            // More than a pipe holds: a child that does not read it must not block the writer.
            let body = vec![b' '; 1024 * 1024];
            loop {
                let end = Instant::now() + Duration::from_millis(ms);
                match read_in_child(&self.0, task.clone(), &body, end).await {
                    // Another test's process was forked while the script was open for writing: it holds the file open
                    // until it runs its own program.
                    Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    read => return read.unwrap().values.unwrap_err().code,
                }
            }
        }
    }

    impl Drop for Script {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[tokio::test]
    async fn a_reader_that_hangs_is_killed_when_the_units_time_ends() {
        let pid_file = std::env::temp_dir().join(format!("runo-test-reader-pid-{}", std::process::id()));
        let hangs =
            Script::new("hangs", &format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000", pid_file.display()));
        assert_eq!(hangs.read(4_000).await, ErrorCode::Timeout);
        let pid = std::fs::read_to_string(&pid_file).unwrap();
        std::fs::remove_file(&pid_file).unwrap();
        // The process was killed; reaping it may take a moment.
        let process = PathBuf::from(format!("/proc/{}/status", pid.trim()));
        let runs = || std::fs::read_to_string(&process).is_ok_and(|text| !text.contains("State:\tZ"));
        let until = Instant::now() + Duration::from_secs(10);
        while runs() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(!runs(), "the process still runs");
    }

    #[tokio::test]
    async fn a_page_whose_reader_dies_cannot_be_read() {
        for (name, text) in [("killed", "kill -9 $$"), ("ends", "exit 0"), ("babbles", "cat > /dev/null; echo '{}'")] {
            assert_eq!(Script::new(name, text).read(20_000).await, ErrorCode::UnsupportedContent, "{name}");
        }
    }
}
