//! Takes a batch's answers: matches each line with its unit, checks it against the page, and merges it into the unit's
//! provisional result.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::Seq;
use domain::model_batch::{ModelBatch, unit_of};
use language_model::batches::Batch;
use language_model::{Answer, AnsweredLine, ModelError, Usage};
use store::StoreError;
use store::model::ModelFigures;

use super::answers::with_answer;
use super::making::SHARE;
use super::work::ProviderBatches;
use runtime::assignment::Assignment;
use visits::ask::Ask;
use visits::modelling::{JudgedValues, Witness, refused};

/// Units that are ended at once.
const GROUP: usize = 50;

impl ProviderBatches {
    /// Takes the answers of a batch that is over. Returns what they cost, in millionths of a dollar, or `None` if they
    /// could not be read now.
    pub(super) async fn harvest(
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
        let still: HashSet<(Seq, u8)> = self.still_asked(job, held).await?.into_iter().collect();
        let mut spent = 0;
        for units in held.units.chunks(GROUP) {
            spent += self.harvest_group(job, units, &mut lines, &still).await?;
        }
        Ok(Some(spent))
    }

    async fn harvest_group(
        &self,
        job: &Assignment,
        units: &[(Seq, u8)],
        lines: &mut HashMap<(Seq, u8), AnsweredLine>,
        still: &HashSet<(Seq, u8)>,
    ) -> Result<u64, StoreError> {
        let answered: Vec<(Seq, u8)> = units.iter().copied().filter(|unit| lines.contains_key(unit)).collect();
        let asks = self.rows.retry(|| self.rows.store().model_batches.asks(&job.id, &answered)).await?;
        let there = self.rows.retry(|| self.rows.store().segments.results(&job.id, &answered)).await?;
        let (mut figures, mut spent, mut ended) = (ModelFigures::default(), 0, Vec::new());
        for unit @ (seq, attempt) in answered {
            let ask = asks.get(&seq).and_then(|text| Ask::parse(text));
            let (Some(ask), Some(line)) = (ask, lines.remove(&unit)) else { continue };
            let (judged, usage) = self.read_line(job, ask, line).await;
            figures.calls += u64::from(usage.is_some());
            let usage = usage.unwrap_or_default();
            figures.input_tokens += usage.input;
            figures.output_tokens += usage.output;
            spent += self.model.config().prices.map_or(0, |prices| prices.cost(usage) / SHARE);
            match &judged {
                Ok(values) => figures.refused_values += refused(values),
                // This unit is asked for again by itself.
                Err(error) if is_missing(error) => continue,
                Err(error) => add(&mut figures.failures, error),
            }
            if still.contains(&unit)
                && let Some(text) = there.get(&seq).and_then(|provisional| with_answer(provisional, judged))
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
        ask: Ask,
        line: AnsweredLine,
    ) -> (Result<JudgedValues, ModelError>, Option<Usage>) {
        match line.answer(ask.compact.open.len()) {
            Ok(Answer { fields, usage }) => {
                (self.model.judge_answer(job, fields, ask.compact, Witness::Page, ask.read_at).await, Some(usage))
            }
            Err(error) => (Err(error), None),
        }
    }
}

/// Returns whether a line counts as missing: the provider failed and the line says nothing about the page.
fn is_missing(error: &ModelError) -> bool {
    error.status.is_some() || error.is_passing()
}

fn add(failures: &mut BTreeMap<String, u64>, error: &ModelError) {
    *failures.entry(error.code.name().to_owned()).or_default() += 1;
}
