//! What there is only so much of in a process, shared out by account.

use crate::settings::{Settings, processors};
use permits::{Background, ByteSemaphore, FairSemaphore, Heavy, Parsers};

/// Most bytes of pages that wait for a parser and hold no permit to be fetched any more.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

/// Pages whose pictures are in memory at once: each has 15 MB, and as much again as text.
const PICTURES: u32 = 2;

/// What there is only so much of in a process, shared out by account. Engines of one process share one.
#[derive(Debug, Clone)]
pub struct Semaphores {
    /// A permit for each page that is fetched at once.
    pub pages: FairSemaphore,
    /// Room for pages that were fetched and wait for a parser.
    pub bodies: ByteSemaphore,
    /// A permit for each page that is parsed at once: many more than there are processors would only make each slower.
    pub parsers: Parsers,
    /// A permit for each page that a browser renders at once.
    pub renders: FairSemaphore,
    /// A permit for each call of the operator's model at once.
    pub models: FairSemaphore,
    /// A permit for each page whose pictures are in memory at once.
    pub pictures: FairSemaphore,
    /// Permits for large bodies and heavy pages.
    pub heavy: Heavy,
}

impl Semaphores {
    /// Permits for as many pages as the settings say, and for parsers on the processors that there are.
    pub fn new(settings: &Settings) -> Semaphores {
        let (pages, renders, models) =
            (settings.fetch_concurrency, settings.render_concurrency, settings.model_concurrency);
        // One more for the heavy page.
        let background = Background::new(processors().saturating_add(1));
        let parsers = Parsers::new(processors(), background.clone());
        Semaphores {
            pages: FairSemaphore::new(pages, pages / 8),
            bodies: ByteSemaphore::new(WAITING_BYTES),
            heavy: Heavy::new(background, parsers.usage().clone()),
            parsers,
            renders: FairSemaphore::new(renders, renders / 8),
            models: FairSemaphore::new(models, models / 8),
            pictures: FairSemaphore::new(PICTURES, 0),
        }
    }
}
