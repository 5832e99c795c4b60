//! The process of a browser. A shell starts it, and ends it when this process or the shell ends; a pipe connects this
//! process to it.

use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use tempfile::TempDir;
use tokio::process::{ChildStdin, ChildStdout};
use tokio_util::sync::CancellationToken;

use super::flags::flags;
use crate::config::{RenderConfig, Sandbox};

/// The script of the shell that starts the browser.
const KEEP_SCRIPT: &str = include_str!("keep.sh");
/// Search path for the browser's process. No other variable of this process's environment is passed on: some are
/// secrets.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Time that the shell has to end a browser before its process group is killed.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// A browser's process. Killed with all its descendants when dropped.
pub(crate) struct Process {
    pid: Arc<Mutex<Option<Pid>>>,
    /// Cancelled once the process has ended and its folder is removed.
    ended: CancellationToken,
    /// Process id at the root of the tree whose memory is watched.
    pub(crate) root: u32,
}

/// The pipe to the browser: commands go in, answers come out.
pub(crate) type Pipe = (ChildStdin, ChildStdout);

impl Process {
    /// Starts the process.
    pub(crate) async fn start(config: &RenderConfig, proxy: SocketAddr) -> io::Result<(Process, Pipe)> {
        let folder = tempfile::Builder::new().prefix("runo-browser-").tempdir_in(&config.temp_dir)?;
        let sandbox = config.sandbox == Sandbox::On && !rustix::process::geteuid().is_root();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", KEEP_SCRIPT, "keep"]).arg(std::process::id().to_string()).arg(folder.path());
        command.arg(&config.browser).args(flags(folder.path(), proxy, sandbox));
        // All temporary files go into the folder, which is removed with the process.
        command.env_clear().env("PATH", PATH).env("RUNO_KEEP", KEEP_SCRIPT).env("LANG", "C.UTF-8").env("TZ", "UTC");
        for name in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
            command.env(name, folder.path());
        }
        command.env("DBUS_SESSION_BUS_ADDRESS", "disabled:").env("DBUS_SYSTEM_BUS_ADDRESS", "disabled:");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let (started, start) = tokio::sync::oneshot::channel();
        let (pid, ended) = (Arc::new(Mutex::new(None)), CancellationToken::new());
        let (slot, end) = (Arc::clone(&pid), ended.clone());
        // Uses its own thread: the kernel treats the death of the thread that started the child as the death of its
        // parent.
        thread::Builder::new().name("browser".into()).spawn(move || {
            let _end = end.drop_guard();
            match command.spawn() {
                Ok(child) => wait_for_end(child, &slot, started, folder),
                Err(error) => drop(started.send(Err(error))),
            }
        })?;
        let (root, stdin, stdout) = start.await.map_err(io::Error::other)??;
        let process = Process { pid, ended, root };
        Ok((process, (ChildStdin::from_std(stdin)?, ChildStdout::from_std(stdout)?)))
    }

    /// Ends the process.
    pub(crate) fn kill(&self) {
        let pid = *self.pid.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pid) = pid else { return };
        // The shell ends what it started. If `setpriv` or `setsid` is missing, the process is not the shell but the
        // browser.
        let _ = kill_process(pid, Signal::TERM);
        let (slot, ended) = (Arc::clone(&self.pid), self.ended.clone());
        let kill_group = move || {
            let slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(pid) = *slot {
                let _ = kill_process_group(pid, Signal::KILL);
            }
        };
        // Outside a runtime nothing can wait for the process. Its pipe has closed, so the browser ends by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if tokio::time::timeout(KILL_GRACE, ended.cancelled()).await.is_err() {
                    kill_group();
                }
            });
        }
    }

    /// Waits until the process has ended and nothing is left of it.
    pub(crate) async fn wait_for_exit(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

type StartSender = tokio::sync::oneshot::Sender<io::Result<(u32, std::process::ChildStdin, std::process::ChildStdout)>>;

/// Waits until a process ends. Publishes its id only while the id is valid.
fn wait_for_end(mut child: Child, slot: &Mutex<Option<Pid>>, started: StartSender, folder: TempDir) {
    let pid = Pid::from_child(&child);
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(pid);
    if let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) {
        // If nobody waits for it any more, both ends of the pipe close, and the browser ends.
        let _ = started.send(Ok((child.id(), stdin, stdout)));
    }
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {}
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    *slot = None;
    let _ = kill_process_group(pid, Signal::KILL);
    let _ = child.wait();
    drop(slot);
    drop(folder);
}
