//! Configuration of the renderer.

use std::path::PathBuf;
use std::time::Duration;

/// Whether Chromium's own sandbox can be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sandbox {
    /// Used, unless this process runs as root: Chromium refuses that.
    #[default]
    On,
    /// Not available: the environment has no user namespaces, as in AWS Lambda, which isolates the process in its own
    /// virtual machine instead.
    Unavailable,
}

/// How pages are rendered.
#[derive(Debug, Clone)]
pub struct RenderConfig {
    /// Path of the browser's executable; see [`find`](crate::find::find).
    pub browser: PathBuf,
    /// Maximum number of pages rendered at once.
    pub concurrency: usize,
    /// Whether the browser's sandbox can be used.
    pub sandbox: Sandbox,
    /// Limits of one page.
    pub limits: Limits,
    /// Number of pages after which the browser is replaced.
    pub max_pages_per_browser: u32,
    /// Maximum memory in bytes of all processes of the browser together.
    pub max_browser_memory: u64,
    /// How long an idle browser is kept.
    pub idle_timeout: Duration,
    /// Directory in which a browser's folder is created; the folder is removed with the browser.
    pub temp_dir: PathBuf,
    /// Timeout for commands that cost the browser nothing.
    pub command_timeout: Duration,
}

impl RenderConfig {
    /// Returns the defaults for a browser.
    pub fn new(browser: PathBuf, concurrency: usize) -> RenderConfig {
        RenderConfig {
            browser,
            concurrency,
            sandbox: Sandbox::default(),
            limits: Limits::default(),
            max_pages_per_browser: 250,
            max_browser_memory: 3 << 30,
            idle_timeout: Duration::from_secs(10),
            temp_dir: std::env::temp_dir(),
            command_timeout: Duration::from_secs(10),
        }
    }
}

/// Limits of one page.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum number of bytes as sent, in both directions.
    pub bytes: u64,
    /// Maximum number of requests.
    pub requests: u32,
    /// Maximum number of connections in total.
    pub connections: u32,
    /// Maximum number of simultaneous connections.
    pub connections_at_once: usize,
    /// Maximum size of the HTML in bytes.
    pub html: usize,
    /// Maximum size of a screenshot in bytes; a larger one is taken again at a smaller scale.
    pub screenshot: usize,
    /// Maximum memory of its process in bytes.
    pub memory: u64,
    /// Maximum number of documents that its window shows in sequence.
    pub documents: u32,
    /// How long to wait until a loaded page is quiet. A page that exceeded a limit has stalled after the same time.
    pub quiet_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            bytes: 25 << 20,
            requests: 300,
            connections: 200,
            connections_at_once: 64,
            html: 10 << 20,
            screenshot: 380_000,
            memory: 1 << 30,
            documents: 10,
            quiet_timeout: Duration::from_secs(5),
        }
    }
}
