//! What rules left open, asked of the operator's model: whose turn it is, what the day may cost, and which of its values
//! the page bears out. A fault of it leaves the page's values as they are. Knows no jobs' rows and no network.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::job::ModelUse;
use domain::{RenderMode, Schema, Timestamp};
use extraction::Compact;
use extraction::grounding::{Claim, Shown, Ungrounded};
use language_model::{Answer, Answered, Asked, Code, Model, ModelError, Question, Usage};
use serde_json::Value;
use store::Store;
use store::model::ModelFigures;
use url::Url;

use crate::assignment::Assignment;
use crate::clock::Clock;
use crate::metrics::{MetricEvent, MetricRecorder};
use permits::{FairSemaphore, Parsers, Slice};
use reader::Values;

/// What is kept of a page's time to judge an answer and write it down.
const KEEP: Duration = Duration::from_millis(300);
/// Shortest time in which a call is begun.
const SHORTEST: Duration = Duration::from_millis(700);

/// Reads with the operator's model what rules left open.
pub(crate) struct ModelReader {
    pub(crate) model: Model,
    pub(crate) store: Store,
    /// A permit for each call at once.
    pub(crate) calls: FairSemaphore,
    /// Whose threads judge answers.
    pub(crate) parsers: Parsers,
    pub(crate) recorder: Arc<dyn MetricRecorder>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What a call came to, with what its values were refused for.
struct Judged {
    values: Vec<(String, Result<Value, Ungrounded>)>,
    usage: Usage,
}

impl ModelReader {
    /// Most bytes of a page's text that a job's pages are to be written down in for the model; `None` where it is not to
    /// be asked.
    pub(crate) fn wanted_text(&self, job: &Assignment) -> Option<usize> {
        (job.spec.options.model == ModelUse::Auto).then(|| self.model.config().max_text)
    }

    /// Asks for what is open in a page's values, if anything is, and puts what the page bears out among them.
    pub(crate) async fn complete(&self, job: &Assignment, at: &Url, values: &mut Values, end: Instant) {
        let Some(compact) = values.compact.take().filter(|compact| !compact.open.is_empty()) else { return };
        let now = self.clock.now();
        let mut figures = ModelFigures::default();
        match self.ask(job, at, compact, now, end, &mut figures).await {
            Ok(judged) => {
                figures.input_tokens = judged.usage.input;
                figures.output_tokens = judged.usage.output;
                for (field, value) in judged.values {
                    match value {
                        Ok(value) => {
                            values.data.insert(field.clone(), value);
                            values.model_fields.push(field);
                        }
                        Err(why) => {
                            figures.refused_values += 1;
                            values.warnings.push(format!("field \"{field}\": the model's value was refused: {why}"));
                        }
                    }
                }
                if !values.model_fields.is_empty() && values.render_mode == RenderMode::Structured {
                    values.render_mode = RenderMode::Fetch;
                }
            }
            Err(error) => {
                values.model_failed = true;
                values.warnings.push(error.to_string());
                figures.failures = BTreeMap::from([(error.code.name().to_owned(), 1)]);
            }
        }
        self.recorder.record(&MetricEvent::ModelCalled(&figures));
        if let Err(error) = self.store.models.count_model_call(&job.account, now, &figures).await {
            tracing::warn!(%error, "a call of the model could not be counted");
        }
    }

    async fn ask(
        &self,
        job: &Assignment,
        at: &Url,
        compact: Compact,
        now: Timestamp,
        end: Instant,
        figures: &mut ModelFigures,
    ) -> Result<Judged, ModelError> {
        let _permit = self.calls.acquire(&job.account).await;
        let end = end.checked_sub(KEEP).filter(|end| *end >= Instant::now() + SHORTEST);
        let end = end.ok_or(ModelError::new(Code::Timeout, "there was no time left to ask the model"))?;
        let question = question(&job.spec.schema, at, &compact);
        let reserved = self.reserve(&question, now).await?;
        figures.calls = 1;
        let answer = self.model.ask(&question, end.into()).await;
        if let Some(reserved) = reserved {
            self.give_back(reserved, &answer, now).await;
        }
        let Answer { fields, usage } = answer?;
        let (schema, locale) = (job.spec.schema.clone(), job.spec.options.locale.clone());
        // Short, whatever the answer: it is not cut.
        let judge = move |_: &Slice| Some(judge(&fields, &schema, &compact, &locale, now));
        let broken = ModelError::new(Code::Error, "the model's answer could not be judged because of a fault of ours");
        let values = self.parsers.run_blocking(&job.account, judge).await.ok_or(broken)?;
        Ok(Judged { values, usage })
    }

    /// Sets a call's highest price aside. `None` where nothing limits what a day costs.
    async fn reserve(&self, question: &Question, now: Timestamp) -> Result<Option<u64>, ModelError> {
        let config = self.model.config();
        let Some((budget, prices)) = config.daily_budget.zip(config.prices) else { return Ok(None) };
        let most = prices.cost(Usage { input: question.input_tokens(), output: question.output_tokens() });
        match self.store.models.reserve_model_budget(now, most, budget).await {
            Ok(true) => Ok(Some(most)),
            Ok(false) => {
                let spent =
                    "what the operator allows the model to cost today is spent; it is asked again after midnight UTC";
                Err(ModelError::new(Code::RateLimited, spent))
            }
            Err(error) => {
                tracing::warn!(%error, "the model's budget could not be read; it is not asked");
                Err(ModelError::new(Code::Unavailable, "what the model has cost today could not be read"))
            }
        }
    }

    /// Gives back what a call did not take of its reservation. Where it is not known what it took, all of it stays.
    async fn give_back(&self, reserved: u64, answer: &Result<Answer, ModelError>, now: Timestamp) {
        let taken = match (answer, self.model.config().prices) {
            (Ok(answer), Some(prices)) if answer.usage != Usage::default() => prices.cost(answer.usage),
            // Refused before it was read.
            (Err(error), _) if error.status.is_some() => 0,
            _ => return,
        };
        if let Err(error) = self.store.models.return_model_budget(now, reserved.saturating_sub(taken)).await {
            tracing::warn!(%error, "the model's budget could not be corrected; it is used up sooner");
        }
    }
}

/// Which of a model's values a page bears out, by field; of the others, why it does not.
pub fn judge(
    said: &[Answered],
    schema: &Schema,
    compact: &Compact,
    locale: &str,
    now: Timestamp,
) -> Vec<(String, Result<Value, Ungrounded>)> {
    // What the title says counts too.
    let text = format!("{}\n{}", compact.title.as_deref().unwrap_or_default(), compact.text);
    let shown = Shown::new(&text);
    let judge = |said: &Answered| {
        let field = compact.open.get(said.field).and_then(|index| schema.fields().get(*index))?;
        let claim = Claim { value: &said.value, quote: &said.quote };
        Some((field.field.clone(), shown.judge(field, claim, locale, now)))
    };
    said.iter().filter_map(judge).collect()
}

/// What is asked about a page.
pub fn question(schema: &Schema, at: &Url, compact: &Compact) -> Question {
    let asked = compact.open.iter().filter_map(|index| schema.fields().get(*index)).map(|field| Asked {
        name: field.field.clone(),
        kind: field.kind,
        example: field.example.clone(),
        hint: field.hint.clone(),
    });
    Question { url: at.to_string(), title: compact.title.clone(), text: compact.text.clone(), fields: asked.collect() }
}
