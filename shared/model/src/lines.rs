//! The lines of a batch: questions, and their answers.

use serde_json::json;

use crate::answer::Answer;
use crate::error::{Code, ModelError};
use crate::question::Question;
use crate::wire::{BatchLine, LineResponse};

/// Returns a question's line. `custom_id` identifies its answer.
pub fn batch_line(custom_id: &str, question: &Question, model: &str) -> String {
    let line = json!({
        "custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": question.body(model),
    });
    format!("{line}\n")
}

/// The answer to one question.
#[derive(Debug)]
pub struct AnsweredLine {
    /// Identifies the question.
    pub custom_id: String,
    response: Option<LineResponse>,
}

impl AnsweredLine {
    /// Reads a line. Returns `None` if it is not one.
    pub fn read(line: &[u8]) -> Option<AnsweredLine> {
        let BatchLine { custom_id, response } = serde_json::from_slice(line).ok()?;
        Some(AnsweredLine { custom_id, response })
    }

    /// Returns the answer to its question, which has `fields` fields.
    ///
    /// # Errors
    /// There is no answer, or it does not have the requested form.
    pub fn answer(self, fields: usize) -> Result<Answer, ModelError> {
        let failed = ModelError::new(Code::Unavailable, "the provider's batch gave no answer");
        let response = self.response.ok_or(failed)?;
        if let Some(status) = response.status_code.filter(|status| *status != 200) {
            return Err(ModelError::of_status(status));
        }
        let malformed = |_| ModelError::new(Code::Error, "the model's answer cannot be read");
        Answer::read(serde_json::from_value(response.body).map_err(malformed)?, fields)
    }
}

#[cfg(test)]
mod tests {
    use domain::FieldType;
    use serde_json::{Value, json};

    use super::*;
    use crate::question::OpenField;

    fn answer(line: &Value, fields: usize) -> Result<usize, Code> {
        let read = AnsweredLine::read(line.to_string().as_bytes()).unwrap();
        assert_eq!(read.custom_id, "u1");
        read.answer(fields).map(|answer| answer.fields.len()).map_err(|error| error.code)
    }

    #[test]
    fn a_line_has_the_same_body_as_a_call() {
        let field = OpenField { name: "a".into(), kind: FieldType::String, example: json!("x"), hint: None };
        let question = Question {
            url: "https://e.test/".into(),
            title: None,
            text: "t".into(),
            fields: vec![field],
            pictures: Vec::new(),
        };
        let line = batch_line("u1", &question, "small");
        assert!(line.ends_with("}\n") && line.matches('\n').count() == 1);
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&read["custom_id"], &read["url"]), (&json!("u1"), &json!("/v1/chat/completions")));
        assert_eq!(read["body"], question.body("small"));
    }

    #[test]
    fn an_answered_line_is_read_like_the_answer_of_a_call() {
        let content = json!({"f0": {"value": "x", "quote": "x"}}).to_string();
        let body = json!({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]});
        let line = |response: Value| json!({"id": "r", "custom_id": "u1", "response": response, "error": null});
        assert_eq!(answer(&line(json!({"status_code": 200, "body": body})), 1), Ok(1));
        assert_eq!(answer(&line(json!({"status_code": 429, "body": {}})), 1), Err(Code::RateLimited));
        assert_eq!(answer(&line(json!({"status_code": 200, "body": "?"})), 1), Err(Code::Error));
        let expired = json!({"custom_id": "u1", "response": null, "error": {"code": "batch_expired", "message": "m"}});
        assert_eq!(answer(&expired, 1), Err(Code::Unavailable));
        assert!(AnsweredLine::read(b"{}").is_none() && AnsweredLine::read(b"nonsense").is_none());
    }
}
