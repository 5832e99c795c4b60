//! Renders pages for the other functions, which invoke it by IAM: a [`Request`] in, an [`Answer`] out, one page at a
//! time. It has no table, no queue and no rights, because it runs untrusted scripts.

use std::ffi::OsStr;
use std::time::Duration;

use api::config::Config;
use api::env::{ConfigError, Env};
use fetch::{BuildError, Fetcher};
use render::{Answer, Limits, MAX_ANSWER_BYTES, RenderConfig, Renderer, Request, Sandbox, find};

/// Idle time of the browser. Longer than Lambda keeps a process, so the browser ends with the process.
const BROWSER_IDLE: Duration = Duration::from_secs(6 * 3_600);
/// Memory of the function in MB, if the environment does not contain it.
const DEFAULT_MEMORY_MB: u64 = 2_048;

/// The function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable of the environment is missing or unreadable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The HTTP client for pages could not be built.
    #[error(transparent)]
    Fetch(#[from] BuildError),
    /// There is no browser in the image.
    #[error("there is no Chromium on the PATH, or at the path that the environment variable BROWSER contains")]
    NoBrowser,
}

/// Builds the renderer from the environment. Makes no network call and starts no browser yet.
///
/// # Errors
/// A variable cannot be read, or there is no browser.
pub fn renderer(env: &Env<'_>) -> Result<Renderer, StartError> {
    let config = Config::read(env, Default::default())?;
    let path = env.text("PATH");
    let browser = find::find(env.text("BROWSER").as_deref(), path.as_ref().map(OsStr::new));
    let want = "a whole number of MB from 512 to 65536";
    let memory = env.number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", DEFAULT_MEMORY_MB, 512..=65_536, want)? << 20;
    let limits = Limits::default();
    let render = RenderConfig {
        // A page must reach its limit before the function does.
        limits: Limits { memory: limits.memory.min(memory / 2), ..limits },
        max_browser_memory: memory / 4 * 3,
        idle_timeout: BROWSER_IDLE,
        sandbox: Sandbox::Unavailable,
        ..RenderConfig::new(browser.ok_or(StartError::NoBrowser)?, 1)
    };
    Ok(Renderer::new(render, Fetcher::new(config.fetch)?))
}

/// Renders one page. Returns when nothing of it is running any more: a Lambda function is frozen once it has answered.
pub async fn handle(renderer: &Renderer, request: Request) -> Answer {
    let rendered = renderer.render(request).await;
    renderer.wait_until_idle().await;
    Answer::pack(rendered, MAX_ANSWER_BYTES)
}
