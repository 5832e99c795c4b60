//! The lines of a batch: its units' questions, as many as one batch takes.

use domain::Seq;
use domain::model_batch::{self, MAX_BYTES, MAX_UNITS};
use language_model::{Usage, batch_line};
use store::StoreError;

use runtime::assignment::Assignment;
use runtime::rows::Rows;
use visits::model_reader::{max_usage, question};
use visits::page_question::PageQuestion;

/// Number of questions that are read at once: a few megabytes.
const QUESTIONS_PER_READ: usize = 50;

/// A batch's file before it is uploaded.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) bytes: Vec<u8>,
    /// Maximum number of tokens that the lines may take.
    pub(super) max_usage: Usage,
    /// The units that the lines ask about.
    pub(super) units: Vec<(Seq, u8)>,
}

impl Lines {
    /// Returns the lines for the first of these units, as many as one batch takes, but at least one.
    pub(super) async fn of(
        job: &Assignment,
        units: &[(Seq, u8)],
        model: &str,
        rows: &Rows,
    ) -> Result<Lines, StoreError> {
        let mut lines = Lines::default();
        for chunk in units.chunks(QUESTIONS_PER_READ) {
            let questions = rows.retry(|| rows.store().model_batches.questions(&job.id, chunk)).await?;
            for (seq, attempt) in chunk {
                let page_question = questions.get(seq).and_then(|text| PageQuestion::parse(text));
                let line = page_question.map(|page_question| {
                    let question = question(&job.spec.schema, &page_question.at, &page_question.compact);
                    (batch_line(&model_batch::custom_id(*seq, *attempt), &question, model), max_usage(&question))
                });
                // A unit without a question is part of the batch, too. It counts as a unit that was not answered.
                let (line, max) = line.unwrap_or_default();
                let full = lines.units.len() >= MAX_UNITS || lines.bytes.len() + line.len() > MAX_BYTES;
                if full && !lines.units.is_empty() {
                    return Ok(lines);
                }
                lines.bytes.extend_from_slice(line.as_bytes());
                lines.max_usage.input += max.input;
                lines.max_usage.output += max.output;
                lines.units.push((*seq, *attempt));
            }
        }
        Ok(lines)
    }
}
