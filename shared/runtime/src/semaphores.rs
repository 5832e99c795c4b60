//! The limited resources of a process, shared out by account.

use permits::{Background, ByteSemaphore, FairSemaphore, HeavyPermits, Parsers};

use crate::settings::{Settings, processors};

/// Maximum size in bytes of pages that wait for a parser and no longer hold a permit to fetch.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// Maximum number of pages whose pictures are in memory at once: each takes 15 MB, and as much again as text.
const MAX_PICTURE_PAGES: u32 = 2;

/// The semaphores of a process, shared out by account. All engines of a process share them.
#[derive(Debug, Clone)]
pub struct Semaphores {
    /// Permits to fetch pages.
    pub pages: FairSemaphore,
    /// Permits for the bytes of fetched pages that wait for a parser.
    pub bodies: ByteSemaphore,
    /// Permits to parse pages: many more than processors would only make each page slower.
    pub parsers: Parsers,
    /// Permits to render pages in a browser.
    pub renders: FairSemaphore,
    /// Permits to call the operator's model.
    pub models: FairSemaphore,
    /// Permits to keep a page's pictures in memory.
    pub pictures: FairSemaphore,
    /// Permits for large bodies and heavy pages.
    pub heavy: HeavyPermits,
}

impl Semaphores {
    /// Creates the semaphores, with sizes from the settings and from the number of processors.
    pub fn new(settings: &Settings) -> Semaphores {
        let (pages, renders, models) =
            (settings.fetch_concurrency, settings.render_concurrency, settings.model_concurrency);
        // One more for the heavy page.
        let background = Background::new(processors().saturating_add(1));
        let parsers = Parsers::new(processors(), background.clone());
        Semaphores {
            pages: FairSemaphore::new(pages, pages / 8),
            bodies: ByteSemaphore::new(MAX_WAITING_BYTES),
            heavy: HeavyPermits::new(background, parsers.usage().clone()),
            parsers,
            renders: FairSemaphore::new(renders, renders / 8),
            models: FairSemaphore::new(models, models / 8),
            pictures: FairSemaphore::new(MAX_PICTURE_PAGES, 0),
        }
    }
}
