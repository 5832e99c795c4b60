//! Reads fetched pages, on a thread of this process or in a child process. Knows nothing of rows, nor of how a page is
//! fetched.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use domain::{AccountId, Job, UnitError};
use extraction::budget::{Budget, Limits, Resource};
use extraction::weight;
use fetch::Page;
use permits::{BytePermit, CpuTimeLimit, LargeBodyPermits, Permit};
use reader::{Reading, Task, Values, read_in_child};
use runtime::assignment::Assignment;
use runtime::context::Context;
use runtime::semaphores::Semaphores;

use crate::crawl::{CheckedLink, LinkFilter};
use crate::model_reader::ModelReader;
use crate::vision::PictureReader;

/// A page that was fetched and is to be read.
pub(crate) struct Fetched<'j> {
    pub(crate) job: &'j Assignment,
    pub(crate) page: Page,
    pub(crate) body_permits: BodyPermits,
    /// Checks the page's links; set for crawls.
    pub(crate) link_filter: Option<Arc<LinkFilter>>,
    /// When reading has to end.
    pub(crate) end: Instant,
}

/// What was read: the page's values, and the checked links of a crawl's page.
pub(crate) type ValuesAndLinks = (Result<Values, UnitError>, Vec<CheckedLink>);

/// Reads pages.
pub(crate) struct PageReader {
    pub(crate) context: Arc<Context>,
    /// Decides how much of a page's text is kept for the model.
    pub(crate) model: Option<Arc<ModelReader>>,
    /// Explains why pictures are not read although the job asked for it.
    pub(crate) pictures: Arc<PictureReader>,
    pub(crate) semaphores: Semaphores,
}

impl PageReader {
    /// Reads a page. A `suspect` page (it may kill its reader) is read in a child process where one is configured.
    /// Returns `None` if the reader failed because of an internal error.
    pub(crate) async fn read_page(&self, fetched: Fetched<'_>, suspect: bool) -> Option<ValuesAndLinks> {
        let Fetched { job, page, body_permits, link_filter, end } = fetched;
        let mut task =
            Task::new(&job.spec, page.content_type, page.final_url, self.context.now(), link_filter.is_some());
        task.extra_warnings.extend(self.pictures.ignored_warning(job));
        task.compact = self.model.as_ref().and_then(|model| model.max_text(job));
        let work = Work { task, body: page.body, body_permits, link_filter, end };
        match &self.context.settings().reader {
            Some(program) if suspect => self.read_in_child(program, &job.account, work).await,
            Some(_) | None => self.read_in_process(&job.account, work).await,
        }
    }

    /// Reads a page on a thread of this process that does not serve the network. A heavy page waits for its turn among
    /// the heavy ones. This also applies if a light read shows that the page is heavy.
    async fn read_in_process(&self, account: &AccountId, work: Work) -> Option<ValuesAndLinks> {
        let semaphores = &self.semaphores;
        let read = async {
            let mut light = Some(work);
            let mut heavy = match semaphores
                .parsers
                .run_blocking(account, move |cpu_limit| read_light(&mut light, cpu_limit))
                .await?
            {
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
            tracing::error!("extraction panicked, or the process is ending; the page's unit ends as INTERNAL");
        }
        read
    }

    /// Reads a page that may kill its reader in a child process. It counts as a heavy page.
    async fn read_in_child(&self, program: &Path, account: &AccountId, work: Work) -> Option<ValuesAndLinks> {
        let Work { task, body, body_permits, link_filter, end } = work;
        let permit = self.semaphores.heavy.reader.acquire(account).await;
        drop(body_permits);
        let Reading { values, links } = match read_in_child(program, task, &body, end).await {
            Ok(reading) => reading,
            Err(error) => {
                tracing::error!(%error, "could not start a child process to read a page");
                return None;
            }
        };
        drop(permit);
        let check = move |link_filter: &LinkFilter, cpu_limit: &CpuTimeLimit| {
            let is_over = || cpu_limit.is_exceeded() || Instant::now() >= end;
            let links = link_filter.check(&links, &Budget::with_deadline(&is_over));
            (!cpu_limit.is_exceeded()).then_some(links)
        };
        let links = match link_filter {
            Some(link_filter) => {
                self.semaphores.parsers.run_blocking(account, move |cpu_limit| check(&link_filter, cpu_limit)).await?
            }
            None => Vec::new(),
        };
        Some((values, links))
    }
}

/// A page to be read, without its job.
struct Work {
    task: Task,
    body: Bytes,
    body_permits: BodyPermits,
    link_filter: Option<Arc<LinkFilter>>,
    end: Instant,
}

impl Work {
    fn read(&mut self) -> ValuesAndLinks {
        // Given back as soon as reading starts, so that other pages are fetched meanwhile.
        self.body_permits = BodyPermits::default();
        self.read_within(Limits::PAGE, &|| false).0
    }

    fn read_within(&self, limits: Limits, is_over: &dyn Fn() -> bool) -> (ValuesAndLinks, Option<Resource>) {
        let must_end = || is_over() || Instant::now() >= self.end;
        let budget = Budget::limited_with_deadline(limits, &must_end);
        let Reading { values, links } = self.task.read(&self.body, &budget);
        let links = self.link_filter.as_ref().map(|filter| filter.check(&links, &budget)).unwrap_or_default();
        ((values, links), budget.exhausted())
    }
}

/// Reads a page within the limits of a light one. If the page needs more, returns the work. If it exceeds the limit on
/// processor time, returns `None`.
fn read_light(work: &mut Option<Work>, cpu_limit: &CpuTimeLimit) -> Option<Result<ValuesAndLinks, Work>> {
    let light = work.as_ref()?;
    if weight::is_heavy(&light.body) {
        return work.take().map(Err);
    }
    match light.read_within(Limits::LIGHT, &|| cpu_limit.is_exceeded()) {
        (_, Some(Resource::Time)) if cpu_limit.is_exceeded() && Instant::now() < light.end => None,
        (read, None | Some(Resource::Time)) => Some(Ok(read)),
        (_, Some(Resource::Steps | Resource::Bytes | Resource::Nodes)) => work.take().map(Err),
    }
}

/// The permits of a body that waits for a reader. Each bounds the memory that bodies take. A large body has its own
/// permits, another body a permit for its bytes, or, if there is none, the permit to fetch it.
#[derive(Default)]
pub(crate) struct BodyPermits {
    _permit: Option<Permit>,
    _bytes: Option<BytePermit>,
    _large_body: Option<Arc<LargeBodyPermits>>,
}

impl BodyPermits {
    pub(crate) fn take(
        semaphores: &Semaphores,
        job: &Job,
        permit: Permit,
        large_body: Arc<LargeBodyPermits>,
        body: &Bytes,
    ) -> BodyPermits {
        if large_body.is_large() {
            return BodyPermits { _large_body: Some(large_body), ..BodyPermits::default() };
        }
        match semaphores.bodies.take(&job.account, body.len()) {
            Some(bytes) => BodyPermits { _bytes: Some(bytes), ..BodyPermits::default() },
            None => BodyPermits { _permit: Some(permit), ..BodyPermits::default() },
        }
    }
}
