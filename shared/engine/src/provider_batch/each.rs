//! Asks the model unit by unit for what a batch left unanswered: after the provider made no batch, or once nothing more
//! comes of the one that it made.

use std::time::{Duration, Instant};

use domain::Seq;
use domain::model_batch::ModelBatch;
use futures_util::{StreamExt, TryStreamExt};
use store::StoreError;

use super::answers::{Answer, with_answer};
use super::work::{Patience, ProviderBatches, Then};
use runtime::assignment::Assignment;
use visits::ask::Ask;

/// Units that are asked for before the batch's row is written again, which extends its lease.
const GROUP: usize = 16;
/// Milliseconds to spare beyond the time of a call.
const MARGIN_MS: i64 = 5_000;

impl ProviderBatches {
    /// Asks for a few units that still wait; closes the batch if there are none.
    pub(super) async fn ask_each(
        &self,
        job: &Assignment,
        held: &mut ModelBatch,
        patience: Patience,
    ) -> Result<Then, StoreError> {
        let missing = self.still_asked(job, held).await?;
        if missing.is_empty() {
            return Ok(self.close(held).await);
        }
        let config = self.model.config();
        let max = i64::try_from(config.timeout.as_millis()).unwrap_or(i64::MAX / 4).saturating_mul(2);
        let has_time = match patience {
            Patience::Short => false,
            Patience::Until(until) => until.is_none_or(|until| self.now().plus_ms(max + MARGIN_MS) < until),
        };
        if !has_time || self.context.stopping() {
            return Ok(Then::Later(self.now()));
        }
        let few: Vec<(Seq, u8)> = missing.into_iter().take(GROUP).collect();
        let asks = self.rows.retry(|| self.rows.store().model_batches.asks(&job.id, &few)).await?;
        let there = self.rows.retry(|| self.rows.store().segments.results(&job.id, &few)).await?;
        let timeout = config.timeout;
        let units = few.iter().map(|(seq, attempt)| {
            let (ask, provisional) = (asks.get(seq).and_then(|text| Ask::parse(text)), there.get(seq).cloned());
            (*seq, *attempt, ask, provisional.unwrap_or_default())
        });
        futures_util::stream::iter(units)
            .map(Ok)
            .try_for_each_concurrent(GROUP, |(seq, attempt, ask, provisional)| async move {
                let text = match ask {
                    Some(ask) => self.ask_one(job, ask, &provisional, timeout).await,
                    None => None,
                };
                // Each unit is ended by itself, so that what was paid for is kept at once.
                let answer: Answer = (seq, attempt, text.unwrap_or(provisional));
                self.answers.end(job, vec![answer]).await
            })
            .await?;
        Ok(Then::On)
    }

    async fn ask_one(&self, job: &Assignment, ask: Ask, provisional: &str, timeout: Duration) -> Option<String> {
        // Twice the timeout, so that waiting for its turn takes nothing from the call's own time.
        let end = Instant::now() + timeout + timeout;
        let judged = self.model.consult(job, &ask.at, ask.compact, ask.read_at, end).await;
        with_answer(provisional, judged)
    }
}
