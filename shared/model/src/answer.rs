//! Reads a model's answer. Accepts only the form that the question asks for.

use serde_json::Value;

use crate::error::{Code, ModelError};
use crate::price::Usage;
use crate::question::key;
use crate::wire::Completion;

/// A model's claim about one field. It counts only once it has been checked against the page.
#[derive(Debug, Clone, PartialEq)]
pub struct AnsweredField {
    /// Index of the field in the question.
    pub field: usize,
    /// The value, of any type.
    pub value: Value,
    /// The words that the model says it read the value from.
    pub quote: String,
}

/// A model's answer about a page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The fields with a value, in the question's order.
    pub fields: Vec<AnsweredField>,
    /// Tokens used.
    pub usage: Usage,
}

impl Answer {
    /// Reads the completion of a question with `fields` fields.
    pub(crate) fn read(completion: Completion, fields: usize) -> Result<Answer, ModelError> {
        let usage = completion.usage.unwrap_or_default();
        let usage = Usage { input: usage.prompt_tokens, output: usage.completion_tokens };
        let empty = || ModelError::new(Code::Empty, "the model gave no answer");
        let choice = completion.choices.into_iter().next().ok_or_else(empty)?;
        let refused = choice.message.refusal.is_some_and(|text| !text.is_empty());
        match choice.finish_reason.as_deref() {
            Some("length") => return Err(ModelError::new(Code::Truncated, "the model's answer was cut off")),
            Some("content_filter") => return Err(ModelError::new(Code::Blocked, "the model refused this page")),
            _ if refused => return Err(ModelError::new(Code::Blocked, "the model refused this page")),
            _ => {}
        }
        let text = choice.message.content.filter(|text| !text.trim().is_empty()).ok_or_else(empty)?;
        let malformed = || ModelError::new(Code::Error, "the model's answer does not have the requested form");
        let Ok(Value::Object(mut members)) = serde_json::from_str(&text) else { return Err(malformed()) };
        let mut answer = Answer { fields: Vec::new(), usage };
        for field in 0..fields {
            let Some(Value::Object(mut claim)) = members.remove(&key(field)) else { return Err(malformed()) };
            let (Some(value), Some(quote)) = (claim.remove("value"), claim.remove("quote")) else {
                return Err(malformed());
            };
            match (value, quote) {
                (Value::Null, _) => {}
                (value, Value::String(quote)) => answer.fields.push(AnsweredField { field, value, quote }),
                // A value without a quote: the check against the page refuses it.
                (value, _) => answer.fields.push(AnsweredField { field, value, quote: String::new() }),
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(completion: Value, fields: usize) -> Result<Answer, Code> {
        Answer::read(serde_json::from_value(completion).unwrap(), fields).map_err(|e| e.code)
    }

    fn completion(text: &str, reason: &str) -> Value {
        json!({"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": reason}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}})
    }

    #[test]
    fn values_come_with_their_quotes() {
        let text = r#"{"f0": {"value": 3, "quote": "3 rooms"}, "f1": {"value": null, "quote": null},
            "f2": {"value": "x", "quote": null}}"#;
        let answer = read(completion(text, "stop"), 3).unwrap();
        assert_eq!(answer.usage, Usage { input: 10, output: 3 });
        let fields: Vec<_> = answer.fields.iter().map(|f| (f.field, f.value.clone(), f.quote.as_str())).collect();
        assert_eq!(fields, [(0, json!(3), "3 rooms"), (2, json!("x"), "")]);
    }

    #[test]
    fn every_other_answer_has_an_error_code() {
        for (completion, code) in [
            (json!({"choices": []}), Code::Empty),
            (completion("", "stop"), Code::Empty),
            (json!({"choices": [{"message": {"content": null}}]}), Code::Empty),
            (completion("{\"f0\": {\"val", "length"), Code::Truncated),
            (completion("", "content_filter"), Code::Blocked),
            (json!({"choices": [{"message": {"refusal": "I cannot", "content": null}}]}), Code::Blocked),
            (completion("Sure! Here is the JSON:", "stop"), Code::Error),
            (completion("[]", "stop"), Code::Error),
            (completion("{}", "stop"), Code::Error),
            (completion("{\"f0\": 7}", "stop"), Code::Error),
            (completion("{\"f0\": {\"value\": 7}}", "stop"), Code::Error),
        ] {
            assert_eq!(read(completion.clone(), 1), Err(code), "{completion}");
        }
    }
}
