//! Reads pictures of a page for fields that neither the rules nor the model found in its text: few and small pictures,
//! fetched through the address guard and shown to the operator's model in one call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::job::ModelUse;
use extraction::Compact;
use fetch::{Fetcher, Picture};
use language_model::Shown;
use permits::FairSemaphore;
use reader::{Values, is_found};
use url::Url;

use crate::modelling::{Draft, ModelReader, Witness, question};
use runtime::assignment::Assignment;

/// Maximum number of pictures of a page that are looked at.
const MAX_PICTURES: usize = 3;
/// Longest time to fetch one picture, and its maximum size in bytes.
const TIME: Duration = Duration::from_secs(5);
const MAX_BYTES: usize = 5 * 1024 * 1024;
/// Part of the page's time that is kept for the call.
const KEEP: Duration = Duration::from_secs(2);

/// Shows the pictures of pages to the model.
pub(crate) struct PictureReader {
    pub(crate) model: Option<Arc<ModelReader>>,
    pub(crate) fetcher: Fetcher,
    /// A permit for each page whose pictures are in memory.
    pub(crate) permits: FairSemaphore,
}

impl PictureReader {
    /// Returns a warning if the job asks for pictures to be looked at and they are not.
    pub(crate) fn note(&self, job: &Assignment) -> Option<String> {
        let options = &job.spec.options;
        let why = if !options.process_images {
            return None;
        } else if !options.images_allowed {
            "it requires the scale plan"
        } else if options.model == ModelUse::Never {
            "options.model is \"never\""
        } else if self.eyes().is_none() {
            "no model that looks at pictures is configured"
        } else {
            return None;
        };
        Some(format!("process_images was ignored: {why}"))
    }

    /// Returns what is needed to look at a page's pictures later, if the job wants that and there are pictures.
    pub(crate) fn wanted(&self, job: &Assignment, compact: &Compact) -> Option<Compact> {
        let wanted = self.sees(job) && !compact.pictures.is_empty();
        wanted.then(|| Compact { text: String::new(), ..compact.clone() })
    }

    /// Returns whether pictures of a job's pages are looked at.
    fn sees(&self, job: &Assignment) -> bool {
        self.eyes().is_some_and(|model| model.looks_at_pictures(job))
    }

    fn eyes(&self) -> Option<&Arc<ModelReader>> {
        self.model.as_ref().filter(|model| model.config().vision)
    }

    /// Asks the model to read the fields that are still open from a page's pictures, until `end`.
    pub(crate) async fn look(&self, job: &Assignment, at: &Url, page: Compact, values: &mut Values, end: Instant) {
        let Some(model) = self.eyes() else { return };
        let name = |index: &usize| job.spec.schema.fields().get(*index).map(|field| field.field.as_str());
        let is_open =
            |index: &usize| name(index).is_some_and(|name| values.data.get(name).is_none_or(|v| !is_found(v)));
        let open: Vec<usize> = page.open.iter().copied().filter(is_open).collect();
        if open.is_empty() {
            return;
        }
        let _permit = self.permits.acquire(&job.account).await;
        let pictures = self.fetch(&page.pictures, end).await;
        if pictures.is_empty() {
            values.warnings.push("none of the page's pictures could be fetched".into());
            return;
        }
        values.images_processed = u32::try_from(pictures.len()).ok();
        let page = Compact { open, ..page };
        let shown = pictures.iter().map(|picture| Shown::new(picture.media, &picture.bytes)).collect();
        let question = language_model::Question { pictures: shown, ..question(&job.spec.schema, at, &page) };
        drop(pictures);
        let judged = model.consult_about(job, question, page, Witness::Pictures, model.now(), end).await;
        values.model_failed |= judged.is_err();
        let Values { data, warnings, render_mode, model_fields, .. } = values;
        Draft { data, warnings, render_mode, model_fields }.take_in_seen(judged);
    }

    /// Returns the first pictures that can be fetched, one after the other.
    async fn fetch(&self, addresses: &[String], end: Instant) -> Vec<Picture> {
        let mut pictures = Vec::new();
        for address in addresses.iter().filter_map(|address| fetch::check_url(address).ok()) {
            let left = end.saturating_duration_since(Instant::now() + KEEP);
            if pictures.len() == MAX_PICTURES || left.is_zero() {
                break;
            }
            match self.fetcher.picture(&address, TIME.min(left), MAX_BYTES).await {
                Ok(picture) => pictures.push(picture),
                Err(error) => tracing::debug!(%error, "could not fetch a picture"),
            }
        }
        pictures
    }
}
