//! Reads fetched pages, on a thread of this process or in a child process. Knows nothing of rows, nor of how a page is
//! fetched.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use domain::{AccountId, Job, UnitError};
use extraction::budget::{Budget, Limits, Spent};
use extraction::weight;
use fetch::Page;

use crate::crawl::{Edge, Judged};
use crate::modelling::ModelReader;
use crate::vision::PictureReader;
use permits::{BytePermit, Growing, Permit, Slice};
use reader::{Reading, Task, Values, read_apart};
use runtime::assignment::Assignment;
use runtime::context::Context;
use runtime::semaphores::Semaphores;

/// A page that was fetched and is to be read.
pub(crate) struct Fetched<'j> {
    pub(crate) job: &'j Assignment,
    pub(crate) page: Page,
    pub(crate) held: Held,
    /// Judges the page's links; set for crawls.
    pub(crate) edge: Option<Arc<Edge>>,
    /// When reading has to end.
    pub(crate) end: Instant,
}

/// What was read: the page's values, and the judged links of a crawl's page.
pub(crate) type Read = (Result<Values, UnitError>, Vec<Judged>);

/// Reads pages.
pub(crate) struct PageReader {
    pub(crate) context: Arc<Context>,
    /// Decides how much of a page's text is kept for the model.
    pub(crate) model: Option<Arc<ModelReader>>,
    /// Says why pictures are not looked at although that was asked for.
    pub(crate) pictures: Arc<PictureReader>,
    pub(crate) semaphores: Semaphores,
}

impl PageReader {
    /// Reads a page. A `suspect` page (it may kill its reader) is read in a child process where one is configured.
    /// Returns `None` if the reader failed because of an internal error.
    pub(crate) async fn read_page(&self, fetched: Fetched<'_>, suspect: bool) -> Option<Read> {
        let Fetched { job, page, held, edge, end } = fetched;
        let mut task = Task::new(&job.spec, page.content_type, page.final_url, self.context.now(), edge.is_some());
        task.notes.extend(self.pictures.note(job));
        task.compact = self.model.as_ref().and_then(|model| model.wanted_text(job));
        let work = Work { task, body: page.body, held, edge, end };
        match &self.context.settings().reader {
            Some(program) if suspect => self.read_suspect(program, &job.account, work).await,
            Some(_) | None => self.read_here(&job.account, work).await,
        }
    }

    /// Reads a page on a thread of this process that does not serve the network. A page that is heavy, or turns out to
    /// be while it is read as a light one, waits for its turn among the heavy ones.
    async fn read_here(&self, account: &AccountId, work: Work) -> Option<Read> {
        let semaphores = &self.semaphores;
        let read = async {
            let mut light = Some(work);
            let mut heavy =
                match semaphores.parsers.run_blocking(account, move |slice| read_light(&mut light, slice)).await? {
                    Ok(read) => return Some(read),
                    Err(heavy) => heavy,
                };
            semaphores
                .heavy
                .reader
                .run_blocking(account, semaphores.parsers.metered(account, move || heavy.read()))
                .await
        };
        let read = read.await;
        if read.is_none() {
            tracing::error!("extraction panicked, or the process is ending");
        }
        read
    }

    /// Reads a page that may kill its reader in a child process. It counts as a heavy page.
    async fn read_suspect(&self, program: &Path, account: &AccountId, work: Work) -> Option<Read> {
        let Work { task, body, held, edge, end } = work;
        let permit = self.semaphores.heavy.reader.acquire(account).await;
        drop(held);
        let Reading { values, links } = match read_apart(program, task, &body, end).await {
            Ok(reading) => reading,
            Err(error) => {
                tracing::error!(%error, "could not start a child process to read a page");
                return None;
            }
        };
        drop(permit);
        let judge = move |edge: &Edge, slice: &Slice| {
            let over = || slice.is_over() || Instant::now() >= end;
            let judged = edge.judge(&links, &Budget::until(&over));
            (!slice.is_over()).then_some(judged)
        };
        let judged = match edge {
            Some(edge) => self.semaphores.parsers.run_blocking(account, move |slice| judge(&edge, slice)).await?,
            None => Vec::new(),
        };
        Some((values, judged))
    }
}

/// A page to be read, without its job.
struct Work {
    task: Task,
    body: Bytes,
    held: Held,
    edge: Option<Arc<Edge>>,
    end: Instant,
}

impl Work {
    fn read(&mut self) -> Read {
        // Given back as soon as reading starts, so that other pages are fetched meanwhile.
        self.held = Held::default();
        self.read_within(Limits::PAGE, &|| false).0
    }

    fn read_within(&self, limits: Limits, is_over: &dyn Fn() -> bool) -> (Read, Option<Spent>) {
        let over = || is_over() || Instant::now() >= self.end;
        let budget = Budget::limited_until(limits, &over);
        let Reading { values, links } = self.task.read(&self.body, &budget);
        let judged = self.edge.as_ref().map(|edge| edge.judge(&links, &budget)).unwrap_or_default();
        ((values, judged), budget.spent())
    }
}

/// Reads a page within the limits of a light one. Returns the work if the page needs more, and
/// `None` if the slice ended.
fn read_light(work: &mut Option<Work>, slice: &Slice) -> Option<Result<Read, Work>> {
    let light = work.as_ref()?;
    if weight::is_heavy(&light.body) {
        return work.take().map(Err);
    }
    match light.read_within(Limits::LIGHT, &|| slice.is_over()) {
        (_, Some(Spent::Time)) if slice.is_over() && Instant::now() < light.end => None,
        (read, None | Some(Spent::Time)) => Some(Ok(read)),
        (_, Some(Spent::Steps | Spent::Bytes | Spent::Nodes)) => work.take().map(Err),
    }
}

/// What a body holds while it waits for a reader: the permits of a large body, or room for its bytes, or, if there is
/// no room, its permit to be fetched. All three bound what is in memory.
#[derive(Default)]
pub(crate) struct Held {
    _permit: Option<Permit>,
    _room: Option<BytePermit>,
    _growing: Option<Arc<Growing>>,
}

impl Held {
    pub(crate) fn take(
        semaphores: &Semaphores,
        job: &Job,
        permit: Permit,
        growing: Arc<Growing>,
        body: &Bytes,
    ) -> Held {
        if growing.is_large() {
            return Held { _growing: Some(growing), ..Held::default() };
        }
        match semaphores.bodies.take(&job.account, body.len()) {
            Some(room) => Held { _room: Some(room), ..Held::default() },
            None => Held { _permit: Some(permit), ..Held::default() },
        }
    }
}
