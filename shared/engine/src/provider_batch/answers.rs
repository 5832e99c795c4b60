//! Ends units that waited for a model: writes their results first, each once, then the segments that name them.

use std::sync::Arc;

use domain::machine::Event;
use domain::result_size::limit_size;
use domain::{Job, Seq, UnitOutcome, synthetic};
use futures_util::{StreamExt, TryStreamExt};
use language_model::ModelError;
use runtime::context::Context;
use runtime::rows::Rows;
use store::StoreError;
use store::results::ResultText;
use visits::model_reader::{CheckedValues, Draft};
use visits::page_question::UNANSWERED_WARNING;

use crate::runner::Runners;

/// Maximum number of results that are written at once.
const MAX_PUTS: usize = 16;

/// Ends units that waited for a model. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
    pub(crate) runners: Arc<Runners>,
}

/// A unit, the attempt that read its page, and its result.
pub(super) type Answer = (Seq, u8, String);

impl Answers {
    /// Ends units with these results, and settles the job if nothing is open afterwards.
    pub(super) async fn end(&self, job: &Job, answers: Vec<Answer>) -> Result<(), StoreError> {
        if answers.is_empty() {
            return Ok(());
        }
        let at = self.context.now();
        let events =
            answers.iter().map(|(seq, attempt, _)| Event::Answered { seq: *seq, attempt: *attempt, at }).collect();
        futures_util::stream::iter(answers)
            .map(|(seq, attempt, text)| async move {
                let result = ResultText { seq, attempt: attempt.saturating_add(1), text };
                self.rows.retry(|| self.rows.store().model_batches.put_answer(job, &result)).await
            })
            .buffer_unordered(MAX_PUTS)
            .try_collect::<()>()
            .await?;
        // Reads the job again: its state and units may have changed.
        if let Some(job) = self.rows.job(&job.id).await?.filter(|job| !job.state.ended()) {
            self.runners.end_with_events(job, None, events).await?;
        }
        Ok(())
    }

    /// Ends units with their provisional results, without the model's answers.
    pub(super) async fn end_without_answers(&self, job: &Job, units: Vec<(Seq, u8)>) -> Result<(), StoreError> {
        let results = self.rows.retry(|| self.rows.store().segments.results(&job.id, &units)).await?;
        let answer = |(seq, attempt)| Some((seq, attempt, results.get(&seq)?.clone()));
        self.end(job, units.into_iter().filter_map(answer).collect()).await
    }
}

/// Merges the model's answer, or the reason why there is none, into a provisional result. Returns `None` if
/// the text is not a result.
pub(super) fn merge_answer(provisional: &str, values: Result<CheckedValues, ModelError>) -> Option<String> {
    let mut outcome: UnitOutcome = serde_json::from_str(provisional).ok()?;
    if let UnitOutcome::Success { data, warnings, render_mode, model_fields, .. } = &mut outcome {
        warnings.retain(|warning| warning != UNANSWERED_WARNING);
        Draft { data, warnings, render_mode, model_fields }.merge(values);
    }
    Some(synthetic::json(&limit_size(outcome)))
}

#[cfg(test)]
mod tests {
    use language_model::Code;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_answer_replaces_open_fields_and_the_warning() {
        let provisional = json!({"url": "https://e.test/", "status": "success", "render_mode": "structured",
            "data": {"b": null, "a": "x"}, "warnings": ["w", UNANSWERED_WARNING], "images_processed": null});
        let read =
            |values| serde_json::from_str::<Value>(&merge_answer(&provisional.to_string(), values).unwrap()).unwrap();
        let got = read(Ok(vec![("b".into(), Ok(json!(3)))]));
        assert_eq!(got["data"].to_string(), r#"{"b":3,"a":"x"}"#, "in the schema's order");
        assert_eq!((&got["warnings"], &got["model_fields"]), (&json!(["w"]), &json!(["b"])));
        assert_eq!(got["render_mode"], "fetch");
        let got = read(Err(ModelError::new(Code::Blocked, "no")));
        assert_eq!((&got["warnings"], &got["render_mode"]), (&json!(["w", "LLM_BLOCKED: no"]), &json!("structured")));
        assert_eq!(merge_answer("{", Ok(Vec::new())), None);
    }
}
