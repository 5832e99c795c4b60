//! What rules left open, asked of the operator's model: whose turn it is, what the day may cost, and which of its values
//! the page bears out. A fault of it leaves the page's values as they are. Knows no jobs' rows and no network.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::job::ModelUse;
use domain::{AccountId, Endpoint, RenderMode, Schema, Timestamp};
use extraction::Compact;
use extraction::grounding::{Claim, Shown, Ungrounded};
use language_model::batches::Batches;
use language_model::{Answer, Answered, Asked, Code, Model, ModelConfig, ModelError, Question, Usage};
use serde_json::{Map, Value};
use store::Store;
use store::model::ModelFigures;
use url::Url;

use permits::{FairSemaphore, Parsers, Slice};
use reader::Values;
use runtime::assignment::Assignment;
use runtime::metrics::MetricEvent;
use runtime::{Context, Semaphores};

/// What is kept of a page's time to judge an answer and write it down.
const KEEP: Duration = Duration::from_millis(300);
/// Shortest time in which a call is begun.
const SHORTEST: Duration = Duration::from_millis(700);

/// Reads with the operator's model what rules left open.
pub struct ModelReader {
    model: Model,
    context: Arc<Context>,
    store: Store,
    /// A permit for each call at once.
    calls: FairSemaphore,
    /// Whose threads judge answers.
    parsers: Parsers,
}

/// Values by field, or why the page does not bear them out.
pub type JudgedValues = Vec<(String, Result<Value, Ungrounded>)>;

/// What a model's values are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// The page's text.
    Page,
    /// What it says that is written in the pictures: nobody but the model has seen it.
    Pictures,
}

/// What there is to say of a page so far, as far as a model may add to it.
pub struct Draft<'v> {
    /// Values by field.
    pub data: &'v mut Map<String, Value>,
    /// What is said beside them.
    pub warnings: &'v mut Vec<String>,
    /// Where they came from.
    pub render_mode: &'v mut RenderMode,
    /// Fields whose values are the model's.
    pub model_fields: &'v mut Vec<String>,
}

impl Draft<'_> {
    /// The same of values that a model says are written in pictures: each is told, since nothing else confirms it.
    pub(crate) fn take_in_seen(&mut self, judged: Result<JudgedValues, ModelError>) {
        let seen: Vec<String> = judged.iter().flatten().filter(|(_, v)| v.is_ok()).map(|(f, _)| f.clone()).collect();
        self.take_in(judged);
        let told = |field| format!("field \"{field}\": read from a picture; the page's text does not confirm it");
        self.warnings.extend(seen.into_iter().map(told));
    }

    /// Takes in what the page bears out of a model's values, and says what was refused; or why there are none.
    pub fn take_in(&mut self, judged: Result<JudgedValues, ModelError>) {
        for (field, value) in match judged {
            Ok(values) => values,
            Err(error) => return self.warnings.push(error.to_string()),
        } {
            match value {
                Ok(value) => {
                    self.data.insert(field.clone(), value);
                    self.model_fields.push(field);
                }
                Err(why) => {
                    self.warnings.push(format!("field \"{field}\": the model's value was refused: {why}"));
                }
            }
        }
        if !self.model_fields.is_empty() && *self.render_mode == RenderMode::Structured {
            *self.render_mode = RenderMode::Fetch;
        }
    }
}

impl ModelReader {
    pub(crate) fn new(model: Model, context: Arc<Context>, store: Store, semaphores: &Semaphores) -> ModelReader {
        let (calls, parsers) = (semaphores.models.clone(), semaphores.parsers.clone());
        ModelReader { model, context, store, calls, parsers }
    }

    /// How the model is set up.
    pub fn config(&self) -> &ModelConfig {
        self.model.config()
    }

    /// The provider's batches, where they are switched on.
    pub fn batches(&self) -> Option<Batches> {
        self.model.batches()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.context.now()
    }

    /// Most bytes of a page's text that a job's pages are to be written down in for the model; `None` where it is not to
    /// be asked.
    pub(crate) fn wanted_text(&self, job: &Assignment) -> Option<usize> {
        (job.spec.options.model == ModelUse::Auto).then(|| self.model.config().max_text)
    }

    /// Whether the pictures of a job's pages are looked at.
    pub(crate) fn looks_at_pictures(&self, job: &Assignment) -> bool {
        let options = &job.spec.options;
        let wanted = options.process_images && options.images_allowed && options.model == ModelUse::Auto;
        wanted && self.model.config().vision
    }

    /// Whether what is open in a job's pages is asked by the provider's batch, for which nobody waits page by page.
    pub(crate) fn waits_for_batch(&self, job: &Assignment) -> bool {
        let batched = self.model.config().batch && job.async_mode && job.endpoint != Endpoint::Extract;
        // Pictures are looked at once it is known what words do not tell.
        batched && !self.looks_at_pictures(job)
    }

    /// Asks for what is open in a page's values, if anything is, and puts what the page bears out among them.
    pub(crate) async fn complete(&self, job: &Assignment, at: &Url, values: &mut Values, end: Instant) {
        let Some(compact) = values.compact.take().filter(|compact| !compact.open.is_empty()) else { return };
        let judged = self.consult(job, at, compact, self.context.now(), end).await;
        values.model_failed = judged.is_err();
        let Values { data, warnings, render_mode, model_fields, .. } = values;
        Draft { data, warnings, render_mode, model_fields }.take_in(judged);
    }

    /// Asks for what is open in a page that was read at `read_at`, until `end`, and counts the call.
    ///
    /// # Errors
    /// The model did not answer, or not in time; nothing may be spent.
    pub async fn consult(
        &self,
        job: &Assignment,
        at: &Url,
        compact: Compact,
        read_at: Timestamp,
        end: Instant,
    ) -> Result<JudgedValues, ModelError> {
        let question = question(&job.spec.schema, at, &compact);
        self.consult_about(job, question, compact, Witness::Page, read_at, end).await
    }

    /// The same, with a question that was put already, and by what its answer is judged.
    pub(crate) async fn consult_about(
        &self,
        job: &Assignment,
        question: Question,
        compact: Compact,
        witness: Witness,
        read_at: Timestamp,
        end: Instant,
    ) -> Result<JudgedValues, ModelError> {
        let mut figures = ModelFigures::default();
        let judged = match self.ask(job, question, end, &mut figures).await {
            Ok(Answer { fields, usage }) => {
                figures.input_tokens = usage.input;
                figures.output_tokens = usage.output;
                self.judge_answer(job, fields, compact, witness, read_at).await
            }
            Err(error) => Err(error),
        };
        match &judged {
            Ok(values) => figures.refused_values = refused(values),
            Err(error) => figures.failures = BTreeMap::from([(error.code.name().to_owned(), 1)]),
        }
        self.count(&job.account, &figures).await;
        judged
    }

    /// Tells whoever counts of calls.
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
        let _permit = self.calls.acquire(&job.account).await;
        let end = end.checked_sub(KEEP).filter(|end| *end >= Instant::now() + SHORTEST);
        let end = end.ok_or(ModelError::new(Code::Timeout, "there was no time left to ask the model"))?;
        let now = self.context.now();
        let reserved = self.reserve(most_of(&question), now).await?;
        figures.calls = 1;
        let answer = self.model.ask(&question, end.into()).await;
        if let Some(reserved) = reserved {
            self.give_back(reserved, &answer, now).await;
        }
        answer
    }

    /// Which of a model's values the page bears out that was read at `read_at`.
    ///
    /// # Errors
    /// A fault of ours.
    pub async fn judge_answer(
        &self,
        job: &Assignment,
        fields: Vec<Answered>,
        compact: Compact,
        witness: Witness,
        read_at: Timestamp,
    ) -> Result<JudgedValues, ModelError> {
        let (schema, locale) = (job.spec.schema.clone(), job.spec.options.locale.clone());
        // Short, whatever the answer: it is not cut.
        let judge = move |_: &Slice| Some(judge(&fields, &schema, &compact, witness, &locale, read_at));
        let broken = ModelError::new(Code::Error, "the model's answer could not be judged because of a fault of ours");
        self.parsers.run_blocking(&job.account, judge).await.ok_or(broken)
    }

    /// Sets a call's highest price aside. `None` where nothing limits what a day costs.
    ///
    /// # Errors
    /// The day's budget is spent, or could not be read.
    pub async fn reserve(&self, most: Usage, now: Timestamp) -> Result<Option<u64>, ModelError> {
        let config = self.model.config();
        let Some((budget, prices)) = config.daily_budget.zip(config.prices) else { return Ok(None) };
        let most = prices.cost(most);
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
        self.return_unused(reserved.saturating_sub(taken), now).await;
    }

    /// Gives back what was set aside at `reserved_at` and not taken.
    pub async fn return_unused(&self, unused: u64, reserved_at: Timestamp) {
        if let Err(error) = self.store.models.return_model_budget(reserved_at, unused).await {
            tracing::warn!(%error, "the model's budget could not be corrected; it is used up sooner");
        }
    }
}

/// Most tokens that a question may take.
pub fn most_of(question: &Question) -> Usage {
    Usage { input: question.input_tokens(), output: question.output_tokens() }
}

/// How many values were refused.
pub fn refused(values: &JudgedValues) -> u64 {
    values.iter().filter(|(_, value)| value.is_err()).count() as u64
}

/// Which of a model's values a page bears out, by field; of the others, why it does not.
pub fn judge(
    said: &[Answered],
    schema: &Schema,
    compact: &Compact,
    witness: Witness,
    locale: &str,
    now: Timestamp,
) -> Vec<(String, Result<Value, Ungrounded>)> {
    // What the title says counts too.
    let text = format!("{}\n{}", compact.title.as_deref().unwrap_or_default(), compact.text);
    let shown = Shown::new(&text);
    let judge = |said: &Answered| {
        let field = compact.open.get(said.field).and_then(|index| schema.fields().get(*index))?;
        let claim = Claim { value: &said.value, quote: &said.quote };
        let judged = match witness {
            Witness::Page => shown.judge(field, claim, locale, now),
            Witness::Pictures => Shown::new(&said.quote).judge(field, claim, locale, now),
        };
        Some((field.field.clone(), judged))
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
    Question {
        url: at.to_string(),
        title: compact.title.clone(),
        text: compact.text.clone(),
        fields: asked.collect(),
        pictures: Vec::new(),
    }
}
