//! Reads pictures of a page for fields that neither the rules nor the model found in its text: few and small pictures,
//! fetched through the address guard and shown to the operator's model in one call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::job::ModelUse;
use extraction::CompactPage;
use fetch::{Fetcher, Picture};
use language_model::EncodedPicture;
use permits::FairSemaphore;
use reader::{Values, is_found};
use runtime::assignment::Assignment;
use url::Url;

use crate::model_reader::{Draft, EvidenceSource, ModelReader, question};
use crate::waits::acquire_before;

/// Maximum number of pictures of a page that are read.
const MAX_PICTURES: usize = 3;
/// Maximum time to fetch one picture, and its maximum size in bytes.
const PICTURE_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_PICTURE_BYTES: usize = 5 * 1024 * 1024;
/// Part of the page's time that is reserved for the call.
const CALL_RESERVE: Duration = Duration::from_secs(2);

/// Shows the pictures of pages to the model.
pub(crate) struct PictureReader {
    pub(crate) model: Option<Arc<ModelReader>>,
    pub(crate) fetcher: Fetcher,
    /// A permit for each page whose pictures are in memory.
    pub(crate) permits: FairSemaphore,
}

impl PictureReader {
    /// Returns a warning if the job asks for pictures to be read and they are not.
    pub(crate) fn ignored_warning(&self, job: &Assignment) -> Option<String> {
        let options = &job.spec.options;
        let why = if !options.process_images {
            return None;
        } else if !options.images_allowed {
            "it requires the plan scale"
        } else if options.model == ModelUse::Never {
            "options.model is \"never\""
        } else if self.vision_model().is_none() {
            "no model that reads pictures is configured"
        } else {
            return None;
        };
        Some(format!("process_images was ignored: {why}"))
    }

    /// Returns what is needed to read a page's pictures later, if the job wants that and there are pictures.
    pub(crate) fn wanted(&self, job: &Assignment, compact: &CompactPage) -> Option<CompactPage> {
        let wanted = self.reads_pictures(job) && !compact.pictures.is_empty();
        wanted.then(|| CompactPage { text: String::new(), ..compact.clone() })
    }

    /// Returns whether pictures of a job's pages are read.
    fn reads_pictures(&self, job: &Assignment) -> bool {
        self.vision_model().is_some_and(|model| model.reads_pictures(job))
    }

    fn vision_model(&self) -> Option<&Arc<ModelReader>> {
        self.model.as_ref().filter(|model| model.config().vision)
    }

    /// Asks the model to read the fields that are still open from a page's pictures, until `end`.
    pub(crate) async fn read(&self, job: &Assignment, at: &Url, page: CompactPage, values: &mut Values, end: Instant) {
        let Some(model) = self.vision_model() else { return };
        let name = |index: &usize| job.spec.schema.fields().get(*index).map(|field| field.field.as_str());
        let is_open =
            |index: &usize| name(index).is_some_and(|name| values.data.get(name).is_none_or(|v| !is_found(v)));
        let open: Vec<usize> = page.open.iter().copied().filter(is_open).collect();
        if open.is_empty() {
            return;
        }
        // Held until the answer is there.
        let permit = acquire_before(&self.permits, &job.account, end, CALL_RESERVE).await;
        if permit.is_none() {
            values.incomplete = true;
            values.warnings.push("no time was left to look at the page's pictures; raise timeout_ms".into());
            return;
        }
        let pictures = self.fetch(&page.pictures, end).await;
        if pictures.is_empty() {
            values.warnings.push("none of the page's pictures could be fetched".into());
            return;
        }
        values.images_processed = u32::try_from(pictures.len()).ok();
        let page = CompactPage { open, ..page };
        let shown = pictures.iter().map(|picture| EncodedPicture::new(picture.media, &picture.bytes)).collect();
        let question = language_model::Question { pictures: shown, ..question(&job.spec.schema, at, &page) };
        drop(pictures);
        let checked =
            model.consult_with_question(job, question, page, EvidenceSource::Pictures, model.now(), end).await;
        values.incomplete |= checked.is_err();
        let Values { data, warnings, render_mode, model_fields, .. } = values;
        Draft { data, warnings, render_mode, model_fields }.merge_from_pictures(checked);
    }

    /// Returns the first pictures that can be fetched, one after the other.
    async fn fetch(&self, addresses: &[String], end: Instant) -> Vec<Picture> {
        let mut pictures = Vec::new();
        for address in addresses.iter().filter_map(|address| fetch::check_url(address).ok()) {
            let left = end.saturating_duration_since(Instant::now() + CALL_RESERVE);
            if pictures.len() == MAX_PICTURES || left.is_zero() {
                break;
            }
            match self.fetcher.picture(&address, PICTURE_TIMEOUT.min(left), MAX_PICTURE_BYTES).await {
                Ok(picture) => pictures.push(picture),
                Err(error) => tracing::debug!(%error, "could not fetch a picture"),
            }
        }
        pictures
    }
}
