//! The question to a model about a unit's page, stored beside the unit's provisional result until the model is asked.

use std::sync::Arc;

use domain::result_size::cut;
use domain::{Seq, Timestamp, UnitOutcome};
use extraction::Compact;
use serde_json::{Value, json};
use store::StoreError;
use store::model_batches::AskText;
use url::Url;

use runtime::assignment::Assignment;
use runtime::context::Context;
use runtime::rows::Rows;

/// Warning of a result that was ended before the model had answered.
pub const NOTICE: &str = "LLM_TIMEOUT: the model had not answered when the job ended";

/// A question to a model about a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The page's final URL.
    pub at: Url,
    /// When the page was read: the day from which "yesterday" on it counts.
    pub read_at: Timestamp,
    /// The text to read, and which fields are open.
    pub compact: Compact,
}

impl Ask {
    pub(crate) fn new(at: &Url, compact: Compact) -> Ask {
        Ask { at: at.clone(), read_at: Timestamp(0), compact }
    }

    fn text(&self) -> String {
        json!({ "at": self.at.as_str(), "read_at": self.read_at.0, "compact": self.compact }).to_string()
    }

    /// Reads a row. Returns `None` if it is not a question.
    pub fn parse(text: &str) -> Option<Ask> {
        let mut row: Value = serde_json::from_str(text).ok()?;
        Some(Ask {
            at: Url::parse(row["at"].as_str()?).ok()?,
            read_at: Timestamp(row["read_at"].as_i64()?),
            compact: serde_json::from_value(row["compact"].take()).ok()?,
        })
    }
}

/// Stores questions for later.
pub(crate) struct Asking {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
}

impl Asking {
    /// Stores a unit's question. Returns its provisional result, with the warning that the model has not answered.
    pub(crate) async fn put_off(
        &self,
        job: &Assignment,
        (seq, attempt): (Seq, u8),
        ask: Ask,
        mut outcome: UnitOutcome,
    ) -> Result<UnitOutcome, StoreError> {
        let ask = Ask { read_at: self.context.now(), ..ask };
        let row = AskText { seq, attempt, text: ask.text() };
        self.rows.retry(|| self.rows.store().model_batches.put_ask(job, &row)).await?;
        if let UnitOutcome::Success { warnings, .. } = &mut outcome {
            warnings.push(NOTICE.into());
        }
        Ok(cut(outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_back() {
        let compact =
            Compact { title: Some("T".into()), text: "a\n\"b\"".into(), open: vec![0, 3], pictures: Vec::new() };
        let at = Url::parse("https://e.test/a?b#c").unwrap();
        let ask = Ask { read_at: Timestamp(1_795_478_400_000), ..Ask::new(&at, compact) };
        assert_eq!(Ask::parse(&ask.text()), Some(ask));
        assert_eq!(Ask::parse("{}"), None);
    }
}
