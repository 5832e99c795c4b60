//! Visits one page of a job: waits for a slot of its host and a permit, fetches it, renders it if that is asked for,
//! reads its values, asks the operator's model for fields that the rules left open, and admits the links that a crawl
//! finds in it. It writes what belongs to a page (links admitted, captures, cached results, questions for later), not
//! segments' states, leases, balances or the queue: those belong to `engine`.

pub mod captures;
pub mod hosts;
pub mod model_reader;
pub mod page_question;
pub mod remote;
pub mod unit;

mod attempts;
mod cache;
mod crawl;
mod pacing;
mod page;
mod reading;
mod rendering;
mod vision;
mod waits;

use std::fmt;
use std::sync::Arc;

use fetch::Fetcher;
use language_model::Model;
use render::Render;
use runtime::{Context, JobReader, Rows, Semaphores};

use attempts::PageFetcher;
use cache::ResultCache;
use captures::Captures;
use crawl::{CrawlCaches, Crawler};
use hosts::{HostPacing, RobotsReader};
use model_reader::ModelReader;
use pacing::UnitPacing;
use page::PageVisitor;
use page_question::QuestionStore;
use reading::PageReader;
use rendering::PageRenderer;
use unit::UnitRunner;
use vision::PictureReader;

/// The dependencies of a process's visits.
#[allow(missing_debug_implementations)] // a renderer need not be
pub struct PageDependencies {
    /// Clock, settings and metrics of the process.
    pub context: Arc<Context>,
    /// The rows.
    pub rows: Rows,
    /// Reads and remembers jobs.
    pub jobs: Arc<JobReader>,
    /// Fetches pages.
    pub fetcher: Fetcher,
    /// Renders pages, if there is a browser.
    pub renderer: Option<Arc<dyn Render>>,
    /// The operator's model, if there is one.
    pub model: Option<Model>,
    /// Semaphores that the accounts in this process share.
    pub semaphores: Semaphores,
}

/// Visits pages: the parts that other crates use.
pub struct Pages {
    /// Prepares units and visits their pages.
    pub units: Arc<UnitRunner>,
    /// Decides when pages may start at their hosts.
    pub hosts: Arc<HostPacing>,
    /// Reads the robots.txt of sites.
    pub robots: Arc<RobotsReader>,
    /// Reads captures of pages, such as screenshots.
    pub captures: Captures,
    /// Reads with the operator's model, if there is one.
    pub model: Option<Arc<ModelReader>>,
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}

impl Pages {
    /// Builds the parts.
    pub fn new(dependencies: PageDependencies) -> Pages {
        let PageDependencies { context, rows, jobs, fetcher, renderer, model, semaphores } = dependencies;
        let cx = || Arc::clone(&context);
        let model = model.map(|model| Arc::new(ModelReader::new(model, cx(), rows.store().clone(), &semaphores)));
        let hosts = Arc::new(HostPacing::new(cx(), rows.clone()));
        let robots = Arc::new(RobotsReader::new(cx(), rows.clone(), fetcher.clone(), Arc::clone(&hosts)));
        let pacing = Arc::new(UnitPacing { context: cx(), hosts: Arc::clone(&hosts), robots: Arc::clone(&robots) });
        let crawler = Arc::new(Crawler {
            context: cx(),
            rows: rows.clone(),
            jobs: Arc::clone(&jobs),
            robots: Arc::clone(&robots),
            fetcher: fetcher.clone(),
            semaphores: semaphores.clone(),
            caches: CrawlCaches::default(),
        });
        let pictures = Arc::new(PictureReader {
            model: model.clone(),
            fetcher: fetcher.clone(),
            permits: semaphores.pictures.clone(),
        });
        let visitor = PageVisitor {
            fetcher: PageFetcher {
                context: cx(),
                fetcher: fetcher.clone(),
                semaphores: semaphores.clone(),
                pacing: Arc::clone(&pacing),
            },
            renderer: PageRenderer {
                context: cx(),
                renderer,
                fetcher,
                semaphores: semaphores.clone(),
                pacing: Arc::clone(&pacing),
            },
            reader: PageReader {
                context: cx(),
                model: model.clone(),
                pictures: Arc::clone(&pictures),
                semaphores: semaphores.clone(),
            },
            model: model.clone(),
            pictures,
            crawler: Arc::clone(&crawler),
            semaphores: semaphores.clone(),
        };
        let captures = Captures { rows: rows.clone() };
        let units = UnitRunner {
            context: cx(),
            jobs,
            pacing,
            crawler,
            visitor: Arc::new(visitor),
            cache: Arc::new(ResultCache { context: cx(), rows: rows.clone() }),
            captures: captures.clone(),
            questions: QuestionStore { context: cx(), rows },
            semaphores,
        };
        Pages { units: Arc::new(units), hosts, robots, captures, model }
    }
}
