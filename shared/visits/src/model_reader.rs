//! Asks the operator's model for fields that the rules left open: limits concurrent calls, keeps to the daily budget, and
//! accepts only values that the page supports. A failure leaves the page's values as they are. This module does not access
//! the rows of jobs.

mod draft;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::job::ModelUse;
use domain::{AccountId, Endpoint, Schema, Timestamp};
use extraction::CompactPage;
use extraction::grounding::{Claim, GroundingError, ShownText};
use language_model::batches::Batches;
use language_model::{
    Answer, AnsweredField, Asked, Code, Model, ModelConfig, ModelError, OpenField, Prices, Question, Usage,
};
use serde_json::Value;
use store::Store;
use store::model::ModelFigures;
use url::Url;

use permits::{CpuTimeLimit, FairSemaphore, Parsers};
use reader::Values;
use runtime::assignment::Assignment;
use runtime::metrics::MetricEvent;
use runtime::{Context, Semaphores};

use crate::waits::acquire_before;
pub use draft::{CheckedValues, Draft};

/// Part of a page's time that is reserved to check and write an answer.
const CHECK_RESERVE: Duration = Duration::from_millis(300);
/// A call is not started if less time than this is left.
const MIN_CALL_TIME: Duration = Duration::from_millis(700);

/// Asks the operator's model for fields that the rules left open.
pub struct ModelReader {
    model: Model,
    context: Arc<Context>,
    store: Store,
    /// A permit for each concurrent call.
    calls: FairSemaphore,
    /// Checks answers on its threads.
    parsers: Parsers,
}

/// What a model's values are checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceSource {
    /// The page's text.
    Page,
    /// The words that the model says it read in the pictures: nothing but the model has seen these.
    Pictures,
}

impl ModelReader {
    pub(crate) fn new(model: Model, context: Arc<Context>, store: Store, semaphores: &Semaphores) -> ModelReader {
        let (calls, parsers) = (semaphores.models.clone(), semaphores.parsers.clone());
        ModelReader { model, context, store, calls, parsers }
    }

    /// Returns the model's configuration.
    pub fn config(&self) -> &ModelConfig {
        self.model.config()
    }

    /// Returns the provider's batches, if they are switched on.
    pub fn batches(&self) -> Option<Batches> {
        self.model.batches()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.context.now()
    }

    /// Returns the maximum number of bytes of a page's text that the model gets for this job, or `None` if the job does
    /// not use the model.
    pub(crate) fn max_text(&self, job: &Assignment) -> Option<usize> {
        (job.spec.options.model == ModelUse::Auto).then(|| self.model.config().max_text)
    }

    /// Returns whether the model reads the pictures of a job's pages.
    pub(crate) fn reads_pictures(&self, job: &Assignment) -> bool {
        let options = &job.spec.options;
        let wanted = options.process_images && options.images_allowed && options.model == ModelUse::Auto;
        wanted && self.model.config().vision
    }

    /// Returns whether open fields of a job's pages are left to the provider's batch, since
    /// nobody waits for single pages.
    pub(crate) fn waits_for_batch(&self, job: &Assignment) -> bool {
        let batched = self.model.config().batch && job.async_mode && job.endpoint != Endpoint::Extract;
        // Pictures are read once it is known which fields the text leaves open.
        batched && !self.reads_pictures(job)
    }

    /// Asks for the fields that are open in a page's values, if any, and adds the answers that the page supports.
    pub(crate) async fn complete(&self, job: &Assignment, at: &Url, values: &mut Values, end: Instant) {
        let Some(compact) = values.compact.take().filter(|compact| !compact.open.is_empty()) else { return };
        let checked = self.consult(job, at, compact, self.context.now(), end).await;
        values.incomplete |= checked.is_err();
        let Values { data, warnings, render_mode, model_fields, .. } = values;
        Draft { data, warnings, render_mode, model_fields }.merge(checked);
    }

    /// Asks for the open fields of a page that was read at `read_at`, until `end`, and counts the call.
    ///
    /// # Errors
    /// The model did not answer, did not answer in time, or its budget is used up.
    pub async fn consult(
        &self,
        job: &Assignment,
        at: &Url,
        compact: CompactPage,
        read_at: Timestamp,
        end: Instant,
    ) -> Result<CheckedValues, ModelError> {
        let question = question(&job.spec.schema, at, &compact);
        self.consult_with_question(job, question, compact, EvidenceSource::Page, read_at, end).await
    }

    /// Like [`ModelReader::consult`], but with a question that was already built. The answer is checked against
    /// `evidence`.
    pub(crate) async fn consult_with_question(
        &self,
        job: &Assignment,
        question: Question,
        compact: CompactPage,
        evidence: EvidenceSource,
        read_at: Timestamp,
        end: Instant,
    ) -> Result<CheckedValues, ModelError> {
        let mut figures = ModelFigures::default();
        let values = match self.ask(job, question, end, &mut figures).await {
            Ok(Answer { fields, usage }) => {
                figures.input_tokens = usage.input;
                figures.output_tokens = usage.output;
                self.check_answer(job, fields, compact, evidence, read_at).await
            }
            Err(error) => Err(error),
        };
        match &values {
            Ok(values) => figures.refused_values = count_refused(values),
            Err(error) => figures.failures = BTreeMap::from([(error.code.name().to_owned(), 1)]),
        }
        self.count(&job.account, &figures).await;
        values
    }

    /// Counts calls in the metrics and in the account's figures.
    pub async fn count(&self, account: &AccountId, figures: &ModelFigures) {
        self.context.record(&MetricEvent::ModelCalled(figures));
        if let Err(error) = self.store.models.count_model_call(account, self.context.now(), figures).await {
            tracing::warn!(%error, "a call of the model could not be counted");
        }
    }

    async fn ask(
        &self,
        job: &Assignment,
        question: Question,
        end: Instant,
        figures: &mut ModelFigures,
    ) -> Result<Answer, ModelError> {
        let no_time = || {
            let text = "no time was left to ask the model: timeout_ms was nearly over, or the page waited too long for \
                        other calls of the model; raise timeout_ms";
            ModelError::new(Code::Timeout, text)
        };
        let permit = acquire_before(&self.calls, &job.account, end, CHECK_RESERVE + MIN_CALL_TIME).await;
        let _permit = permit.ok_or_else(no_time)?;
        let end = end.checked_sub(CHECK_RESERVE).filter(|end| *end >= Instant::now() + MIN_CALL_TIME);
        let end = end.ok_or_else(no_time)?;
        let now = self.context.now();
        let reserved = self.reserve(max_usage(&question), now).await?;
        figures.calls = 1;
        let asked = self.model.ask_with_cost(&question, end.into()).await;
        if let Some(reserved) = reserved {
            let cost = cost(reserved, &asked, self.model.config().prices);
            self.adjust_budget(cost.cast_signed().saturating_sub(reserved.cast_signed()), now).await;
        }
        asked.answer
    }

    /// Returns a model's values for a page that was read at `read_at`, each with whether the page supports it.
    ///
    /// # Errors
    /// Internal errors.
    pub async fn check_answer(
        &self,
        job: &Assignment,
        fields: Vec<AnsweredField>,
        compact: CompactPage,
        evidence: EvidenceSource,
        read_at: Timestamp,
    ) -> Result<CheckedValues, ModelError> {
        let (schema, locale) = (job.spec.schema.clone(), job.spec.options.locale.clone());
        // The check is short for any answer, so it needs no limit on processor time.
        let check = move |_: &CpuTimeLimit| Some(check_values(&fields, &schema, &compact, evidence, &locale, read_at));
        let broken =
            ModelError::new(Code::Error, "the model's answer could not be checked because of an internal error");
        self.parsers.run_blocking(&job.account, check).await.ok_or(broken)
    }

    /// Reserves a call's highest price from the day's budget. Returns `None` if there is no limit.
    ///
    /// # Errors
    /// The day's budget is used up, or could not be read.
    pub async fn reserve(&self, max: Usage, now: Timestamp) -> Result<Option<u64>, ModelError> {
        let config = self.model.config();
        let Some((budget, prices)) = config.daily_budget.zip(config.prices) else { return Ok(None) };
        let max = prices.cost(max);
        match self.store.models.reserve_model_budget(now, max, budget).await {
            Ok(true) => Ok(Some(max)),
            Ok(false) => {
                let spent =
                    "the operator's budget for the model is used up today; the model is asked again after midnight UTC";
                Err(ModelError::new(Code::RateLimited, spent))
            }
            Err(error) => {
                tracing::warn!(%error, "the model's budget could not be read; the model is not asked");
                Err(ModelError::new(Code::Unavailable, "the model's budget of today could not be read"))
            }
        }
    }

    /// Corrects what was reserved from the day's budget at `reserved_at` by the difference to what the calls cost.
    pub async fn adjust_budget(&self, difference: i64, reserved_at: Timestamp) {
        if difference == 0 {
            return;
        }
        if let Err(error) = self.store.models.adjust_model_budget(reserved_at, difference).await {
            tracing::warn!(%error, "could not correct what was reserved from the model's budget of today");
        }
    }
}

/// Returns the maximum number of tokens that a question may take.
pub fn max_usage(question: &Question) -> Usage {
    Usage { input: question.input_tokens(), output: question.output_tokens() }
}

/// Returns what a call may have cost at most. `highest` is the highest price of a try; it counts for each try whose cost is
/// unknown.
fn cost(highest: u64, asked: &Asked, prices: Option<Prices>) -> u64 {
    let answered = match (&asked.answer, prices) {
        (Ok(answer), Some(prices)) if answer.usage != Usage::default() => prices.cost(answer.usage),
        (Ok(_), _) => highest,
        (Err(_), _) => 0,
    };
    highest.saturating_mul(asked.uncertain_tries).saturating_add(answered)
}

/// Returns how many values were refused.
pub fn count_refused(values: &CheckedValues) -> u64 {
    values.iter().filter(|(_, value)| value.is_err()).count() as u64
}

/// Returns a model's values by field, if the page supports them, otherwise why it does not.
pub fn check_values(
    answers: &[AnsweredField],
    schema: &Schema,
    compact: &CompactPage,
    evidence: EvidenceSource,
    locale: &str,
    now: Timestamp,
) -> Vec<(String, Result<Value, GroundingError>)> {
    // The title counts as part of the text.
    let text = format!("{}\n{}", compact.title.as_deref().unwrap_or_default(), compact.text);
    let shown = ShownText::new(&text);
    let check = |answer: &AnsweredField| {
        let field = compact.open.get(answer.field).and_then(|index| schema.fields().get(*index))?;
        let claim = Claim { value: &answer.value, quote: &answer.quote };
        let value = match evidence {
            EvidenceSource::Page => shown.verify(field, claim, locale, now),
            EvidenceSource::Pictures => ShownText::new(&answer.quote).verify(field, claim, locale, now),
        };
        Some((field.field.clone(), value))
    };
    answers.iter().filter_map(check).collect()
}

/// Builds the question about a page.
pub fn question(schema: &Schema, at: &Url, compact: &CompactPage) -> Question {
    let asked = compact.open.iter().filter_map(|index| schema.fields().get(*index)).map(|field| OpenField {
        name: field.field.clone(),
        kind: field.kind,
        example: field.example.clone(),
        hint: field.hint.clone(),
    });
    Question {
        url: at.to_string(),
        title: compact.title.clone(),
        text: compact.text.clone(),
        fields: asked.collect(),
        pictures: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_kept_unless_the_cost_is_known() {
        let prices = Some(Prices { input: 1_000_000, output: 2_000_000 });
        let answered = |usage| Ok(Answer { fields: Vec::new(), usage });
        let failed = || Err(ModelError::new(Code::BadRequest, "x"));
        let used = Usage { input: 3, output: 4 };
        for (answer, uncertain_tries, want) in [
            (answered(used), 0, 11),
            (answered(Usage::default()), 0, 100),
            // An earlier try may be billed, too.
            (answered(used), 1, 111),
            (failed(), 3, 300),
            (failed(), 0, 0),
        ] {
            let asked = Asked { answer, uncertain_tries };
            assert_eq!(cost(100, &asked, prices), want, "{asked:?}");
        }
    }
}
