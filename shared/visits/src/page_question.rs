//! The question to a model about a unit's page, stored beside the unit's provisional result until the model is asked.

use std::sync::Arc;

use domain::result_size::limit_size;
use domain::{Seq, Timestamp, UnitOutcome};
use extraction::CompactPage;
use serde_json::{Value, json};
use store::StoreError;
use store::model_batches::QuestionText;
use url::Url;

use runtime::assignment::Assignment;
use runtime::context::Context;
use runtime::rows::Rows;

/// Warning of a result that was ended before the model had answered.
pub const UNANSWERED_WARNING: &str = "LLM_TIMEOUT: the model had not answered when the job ended";

/// A question to a model about a page.
#[derive(Debug, Clone, PartialEq)]
pub struct PageQuestion {
    /// The page's final URL.
    pub at: Url,
    /// When the page was read: "yesterday" on it is relative to this day.
    pub read_at: Timestamp,
    /// The text to read, and which fields are open.
    pub compact: CompactPage,
}

impl PageQuestion {
    pub(crate) fn new(at: &Url, compact: CompactPage) -> PageQuestion {
        PageQuestion { at: at.clone(), read_at: Timestamp(0), compact }
    }

    fn text(&self) -> String {
        json!({ "at": self.at.as_str(), "read_at": self.read_at.0, "compact": self.compact }).to_string()
    }

    /// Reads a row. Returns `None` if it is not a question.
    pub fn parse(text: &str) -> Option<PageQuestion> {
        let mut row: Value = serde_json::from_str(text).ok()?;
        Some(PageQuestion {
            at: Url::parse(row["at"].as_str()?).ok()?,
            read_at: Timestamp(row["read_at"].as_i64()?),
            compact: serde_json::from_value(row["compact"].take()).ok()?,
        })
    }
}

/// Stores questions that a model is asked later.
pub(crate) struct QuestionStore {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
}

impl QuestionStore {
    /// Stores a unit's question. Returns its provisional result, with the warning that the model has not answered.
    pub(crate) async fn store(
        &self,
        job: &Assignment,
        (seq, attempt): (Seq, u8),
        page_question: PageQuestion,
        mut outcome: UnitOutcome,
    ) -> Result<UnitOutcome, StoreError> {
        let page_question = PageQuestion { read_at: self.context.now(), ..page_question };
        let row = QuestionText { seq, attempt, text: page_question.text() };
        self.rows.retry(|| self.rows.store().model_batches.put_question(job, &row)).await?;
        if let UnitOutcome::Success { warnings, .. } = &mut outcome {
            warnings.push(UNANSWERED_WARNING.into());
        }
        Ok(limit_size(outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_back() {
        let compact =
            CompactPage { title: Some("T".into()), text: "a\n\"b\"".into(), open: vec![0, 3], pictures: Vec::new() };
        let at = Url::parse("https://e.test/a?b#c").unwrap();
        let page_question = PageQuestion { read_at: Timestamp(1_795_478_400_000), ..PageQuestion::new(&at, compact) };
        assert_eq!(PageQuestion::parse(&page_question.text()), Some(page_question));
        assert_eq!(PageQuestion::parse("{}"), None);
    }
}
