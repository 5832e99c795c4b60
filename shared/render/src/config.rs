//! What may be set.

use std::path::PathBuf;
use std::time::Duration;

/// Whether Chromium's own sandbox can be on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sandbox {
    /// Wherever this process is not root, which Chromium refuses.
    #[default]
    On,
    /// The surroundings have no user namespaces: AWS Lambda, which puts a machine of its own around the process instead.
    Impossible,
}

/// How pages are rendered.
#[derive(Debug, Clone)]
pub struct RenderConfig {
    /// The browser's program: see [`find`](crate::find::find).
    pub browser: PathBuf,
    /// Pages that are rendered at once.
    pub concurrency: usize,
    /// Whether its sandbox can be on.
    pub sandbox: Sandbox,
    /// What one page may take.
    pub limits: Limits,
    /// After how many pages the browser is started anew.
    pub pages_a_browser: u32,
    /// How many bytes all processes of the browser may hold.
    pub browser_memory: u64,
    /// How long a browser without a page is kept.
    pub idle: Duration,
    /// Where a browser's folder is made, which is gone with it.
    pub folders: PathBuf,
    /// How long it may take to answer what costs it nothing.
    pub answer: Duration,
}

impl RenderConfig {
    /// The defaults for a browser.
    pub fn new(browser: PathBuf, concurrency: usize) -> RenderConfig {
        RenderConfig {
            browser,
            concurrency,
            sandbox: Sandbox::default(),
            limits: Limits::default(),
            pages_a_browser: 250,
            browser_memory: 3 << 30,
            idle: Duration::from_secs(10),
            folders: std::env::temp_dir(),
            answer: Duration::from_secs(10),
        }
    }
}

/// What one page may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes as sent, in both directions.
    pub bytes: u64,
    /// Requests.
    pub requests: u32,
    /// Connections in all.
    pub connections: u32,
    /// Connections at once.
    pub connections_at_once: usize,
    /// Bytes of HTML.
    pub html: usize,
    /// Bytes of a screenshot; one that has more is taken again, smaller.
    pub screenshot: usize,
    /// Bytes of memory of its process.
    pub memory: u64,
    /// Documents that its window goes through.
    pub documents: u32,
    /// How long after it has loaded it may go on changing.
    pub settle: Duration,
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
            settle: Duration::from_secs(5),
        }
    }
}
