//! Who reads a page that was fetched: a thread of this process, or a process of its own. Knows nothing of rows, and
//! nothing of how a page is fetched.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use domain::{Job, UnitError};
use extraction::budget::Budget;
use fetch::Page;

use crate::Engine;
use crate::crawl::{Edge, Judged};
use crate::gate::{Place, Room};
use crate::reader::{Reading, Task, Values, past, read_apart};

/// A page that was fetched and is to be read.
pub(crate) struct Fetched<'j> {
    pub(crate) job: &'j Job,
    pub(crate) page: Page,
    pub(crate) held: Held,
    /// Who judges its links: a crawl.
    pub(crate) edge: Option<Arc<Edge>>,
    /// When it must have been read.
    pub(crate) end: Instant,
}

/// What was read: the page's values, and what a crawl makes of its links.
pub(crate) type Read = (Result<Values, UnitError>, Vec<Judged>);

impl Engine {
    /// Has a page read. `suspect`: it may kill its reader. `None` where its reader failed by a fault of ours.
    pub(crate) async fn read_page(&self, fetched: Fetched<'_>, suspect: bool) -> Option<Read> {
        match &self.settings().reader {
            Some(program) if suspect => self.read_suspect(program, fetched).await,
            Some(_) | None => self.read_here(fetched).await,
        }
    }

    fn task(&self, job: &Job, page: Page, links: bool) -> (Task, Bytes) {
        (Task::new(job, page.content_type, page.final_url, self.now(), links), page.body)
    }

    /// Reads a page on a thread of this process, within the unit's budget. `None` where that panicked.
    async fn read_here(&self, fetched: Fetched<'_>) -> Option<Read> {
        let Fetched { job, page, held, edge, end } = fetched;
        let (task, body) = self.task(job, page, edge.is_some());
        // Work for the processor: off the threads that serve the network.
        let work = move || {
            // Given back as soon as somebody reads, so that others fetch meanwhile.
            drop(held);
            let over = past(end);
            let budget = Budget::until(&over);
            let Reading { values, links } = task.read(&body, &budget);
            (values, edge.map(|edge| edge.judge(&links, &budget)).unwrap_or_default())
        };
        let read = self.inner.gates.parsers.work(&job.account, work).await;
        if read.is_none() {
            tracing::error!("extraction failed: it panicked, or the process ends");
        }
        read
    }

    /// Has a page read that may kill its reader by a process of its own, in one parser's place.
    async fn read_suspect(&self, program: &Path, fetched: Fetched<'_>) -> Option<Read> {
        let Fetched { job, page, held, edge, end } = fetched;
        let (task, body) = self.task(job, page, edge.is_some());
        let place = self.inner.gates.parsers.enter(&job.account).await;
        drop(held);
        let Reading { values, links } = match read_apart(program, task, &body, end).await {
            Ok(reading) => reading,
            Err(error) => {
                tracing::error!(%error, "a process to read a page in could not be started");
                return None;
            }
        };
        drop(place);
        let judge = move |edge: Arc<Edge>| {
            let over = past(end);
            edge.judge(&links, &Budget::until(&over))
        };
        let judged = match edge {
            Some(edge) => self.inner.gates.parsers.work(&job.account, move || judge(edge)).await?,
            None => Vec::new(),
        };
        Some((values, judged))
    }
}

/// What a body holds while it waits for a parser: room for its bytes, or, where there is none, its place to be fetched,
/// so that what is in memory is bounded by both.
pub(crate) struct Held {
    _place: Option<Place>,
    _room: Option<Room>,
}

impl Held {
    pub(crate) fn take(engine: &Engine, job: &Job, place: Place, body: &Bytes) -> Held {
        match engine.inner.gates.bodies.take(&job.account, body.len()) {
            Some(room) => Held { _place: None, _room: Some(room) },
            None => Held { _place: Some(place), _room: None },
        }
    }
}
