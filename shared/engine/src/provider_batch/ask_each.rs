//! Asks the model about each unit that a batch left unanswered: if the provider created no batch, or once the batch that
//! it created has no more answers.

use std::time::{Duration, Instant};

use domain::model_batch::ModelBatch;
use domain::{Seq, synthetic};
use futures_util::{StreamExt, TryStreamExt};
use runtime::assignment::Assignment;
use store::StoreError;
use visits::page_question::PageQuestion;

use super::answers::merge_answer;
use super::batches::{ProviderBatches, StepOutcome, TimeBudget};

/// Units whose questions are asked before the batch's row is written again, which extends its lease.
const UNITS_PER_RENEWAL: usize = 16;
/// Time to spare beyond the time of a call, in milliseconds.
const MARGIN_MS: i64 = 5_000;

impl ProviderBatches {
    /// Asks about the next few units that wait for an answer; closes the batch if there are none.
    pub(super) async fn ask_each(
        &self,
        job: &Assignment,
        held: &mut ModelBatch,
        time: TimeBudget,
    ) -> Result<StepOutcome, StoreError> {
        let waiting = self.unanswered(job, held).await?;
        if waiting.is_empty() {
            return Ok(self.close(held).await);
        }
        let config = self.model.config();
        let max = i64::try_from(config.timeout.as_millis()).unwrap_or(i64::MAX / 4).saturating_mul(2);
        let has_time = match time {
            TimeBudget::Short => false,
            TimeBudget::Until(until) => until.is_none_or(|until| self.now().plus_ms(max + MARGIN_MS) < until),
        };
        if !has_time || self.context.stopping() {
            return Ok(StepOutcome::Release(self.now()));
        }
        let timeout = config.timeout;
        let few: Vec<_> = waiting.into_iter().take(UNITS_PER_RENEWAL).collect();
        let results = self.rows.retry(|| self.rows.store().segments.results(&job.id, &few)).await?;
        let questions = self.rows.retry(|| self.rows.store().model_batches.questions(&job.id, &few)).await?;
        futures_util::stream::iter(few)
            .map(Ok)
            .try_for_each_concurrent(UNITS_PER_RENEWAL, |(seq, attempt)| {
                let page_question = questions.get(&seq).and_then(|text| PageQuestion::parse(text));
                let provisional = results.get(&seq).cloned();
                async move {
                    let text = match (page_question, provisional) {
                        (Some(question), Some(provisional)) => {
                            self.ask_one(job, question, &provisional, timeout).await.unwrap_or(provisional)
                        }
                        (None, Some(provisional)) => provisional,
                        (_, None) => self.lost_result(job, seq).await?,
                    };
                    // Each unit is ended by itself, so that an answer that was paid for is stored at once.
                    self.answers.end(job, vec![(seq, attempt, text)]).await
                }
            })
            .await?;
        Ok(StepOutcome::Continue)
    }

    /// Returns the result of a unit whose provisional result does not exist.
    async fn lost_result(&self, job: &Assignment, seq: Seq) -> Result<String, StoreError> {
        tracing::error!(job = %job.id, seq, "a unit that waits for the model has no result");
        Ok(synthetic::lost_json(&self.jobs.input_of(job, seq).await?.url))
    }

    async fn ask_one(
        &self,
        job: &Assignment,
        page_question: PageQuestion,
        provisional: &str,
        timeout: Duration,
    ) -> Option<String> {
        // Twice the timeout, so that waiting for its turn takes nothing from the call's own time.
        let end = Instant::now() + timeout + timeout;
        let values =
            self.model.consult(job, &page_question.at, page_question.compact, page_question.read_at, end).await;
        merge_answer(provisional, values)
    }
}
