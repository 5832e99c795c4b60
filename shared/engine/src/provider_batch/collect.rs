//! Takes a batch's answers: matches each line with its unit, checks it against the page, and merges it into the unit's
//! provisional result.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::Seq;
use domain::model_batch::{ModelBatch, unit_of};
use language_model::batches::Batch;
use language_model::{Answer, AnsweredLine, ModelError, Usage};
use runtime::assignment::Assignment;
use store::StoreError;
use store::model::ModelFigures;
use visits::model_reader::{CheckedValues, EvidenceSource, count_refused};
use visits::page_question::PageQuestion;

use super::answers::merge_answer;
use super::batches::{BATCH_PRICE_DIVISOR, ProviderBatches};

/// Units that are ended at once.
const UNITS_PER_GROUP: usize = 50;

impl ProviderBatches {
    /// Takes the answers of a batch that is over. Returns what they cost, in millionths of a dollar, or `None` if they
    /// could not be read now.
    pub(super) async fn collect_answers(
        &self,
        job: &Assignment,
        held: &ModelBatch,
        batch: &Batch,
    ) -> Result<Option<u64>, StoreError> {
        let known: HashSet<(Seq, u8)> = held.units.iter().copied().collect();
        let mut lines: HashMap<(Seq, u8), AnsweredLine> = HashMap::new();
        for file in &batch.files {
            let take = |line: &[u8]| {
                // Ignores lines for units that the batch did not ask about.
                if let Some(line) = AnsweredLine::read(line)
                    && let Some(unit) = unit_of(&line.custom_id).filter(|unit| known.contains(unit))
                {
                    lines.entry(unit).or_insert(line);
                }
            };
            if let Err(error) = self.provider.lines(file, take).await {
                tracing::warn!(job = %job.id, %error, "could not read a model batch's answers; trying again");
                return Ok(None);
            }
        }
        let waiting: HashSet<(Seq, u8)> = self.unanswered(job, held).await?.into_iter().collect();
        let mut spent = 0;
        for units in held.units.chunks(UNITS_PER_GROUP) {
            spent += self.collect_group(job, units, &mut lines, &waiting).await?;
        }
        Ok(Some(spent))
    }

    async fn collect_group(
        &self,
        job: &Assignment,
        units: &[(Seq, u8)],
        lines: &mut HashMap<(Seq, u8), AnsweredLine>,
        waiting: &HashSet<(Seq, u8)>,
    ) -> Result<u64, StoreError> {
        let answered: Vec<(Seq, u8)> = units.iter().copied().filter(|unit| lines.contains_key(unit)).collect();
        let questions = self.rows.retry(|| self.rows.store().model_batches.questions(&job.id, &answered)).await?;
        let results = self.rows.retry(|| self.rows.store().segments.results(&job.id, &answered)).await?;
        let (mut figures, mut spent, mut ended) = (ModelFigures::default(), 0, Vec::new());
        for unit @ (seq, attempt) in answered {
            let page_question = questions.get(&seq).and_then(|text| PageQuestion::parse(text));
            let (Some(page_question), Some(line)) = (page_question, lines.remove(&unit)) else { continue };
            let (values, usage) = self.read_line(job, page_question, line).await;
            figures.calls += u64::from(usage.is_some());
            let usage = usage.unwrap_or_default();
            figures.input_tokens += usage.input;
            figures.output_tokens += usage.output;
            spent += self.model.config().prices.map_or(0, |prices| prices.cost(usage) / BATCH_PRICE_DIVISOR);
            match &values {
                Ok(values) => figures.refused_values += count_refused(values),
                // The model is asked again about this unit alone.
                Err(error) if is_missing(error) => continue,
                Err(error) => count_failure(&mut figures.failures, error),
            }
            if waiting.contains(&unit)
                && let Some(text) = results.get(&seq).and_then(|provisional| merge_answer(provisional, values))
            {
                ended.push((seq, attempt, text));
            }
        }
        self.answers.end(job, ended).await?;
        if figures != ModelFigures::default() {
            self.model.count(&job.account, &figures).await;
        }
        Ok(spent)
    }

    /// Checks a line's values against the page. Returns those that the page supports, and the tokens
    /// used if there was an answer.
    async fn read_line(
        &self,
        job: &Assignment,
        page_question: PageQuestion,
        line: AnsweredLine,
    ) -> (Result<CheckedValues, ModelError>, Option<Usage>) {
        match line.answer(page_question.compact.open.len()) {
            Ok(Answer { fields, usage }) => {
                let source = EvidenceSource::Page;
                (
                    self.model.check_answer(job, fields, page_question.compact, source, page_question.read_at).await,
                    Some(usage),
                )
            }
            Err(error) => (Err(error), None),
        }
    }
}

/// Returns whether a line counts as missing: the provider failed and the line says nothing about the page.
fn is_missing(error: &ModelError) -> bool {
    error.status.is_some() || error.is_transient()
}

fn count_failure(failures: &mut BTreeMap<String, u64>, error: &ModelError) {
    *failures.entry(error.code.name().to_owned()).or_default() += 1;
}
