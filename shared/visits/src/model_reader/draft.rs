//! Adds a model's values to a page's result.

use domain::RenderMode;
use extraction::grounding::GroundingError;
use language_model::ModelError;
use serde_json::{Map, Value};

/// Values by field, or why the page does not support them.
pub type CheckedValues = Vec<(String, Result<Value, GroundingError>)>;

/// The parts of a page's result that a model may add to.
pub struct Draft<'v> {
    /// Values by field: all fields of the schema, in its order.
    pub data: &'v mut Map<String, Value>,
    /// Warnings of the result.
    pub warnings: &'v mut Vec<String>,
    /// Where the values came from.
    pub render_mode: &'v mut RenderMode,
    /// Fields whose values come from the model, in the schema's order.
    pub model_fields: &'v mut Vec<String>,
}

impl Draft<'_> {
    /// Like [`Draft::merge`], for values that a model read in pictures: each gets a warning, since
    /// nothing else confirms it.
    pub(crate) fn merge_from_pictures(&mut self, values: Result<CheckedValues, ModelError>) {
        let fields: Vec<String> = values.iter().flatten().filter(|(_, v)| v.is_ok()).map(|(f, _)| f.clone()).collect();
        self.merge(values);
        let warning = |field| format!("field \"{field}\": read from a picture; the page's text does not confirm it");
        self.warnings.extend(fields.into_iter().map(warning));
    }

    /// Adds the values that the page supports, with a warning for each value that it does not support, or a warning
    /// why there are none.
    pub fn merge(&mut self, values: Result<CheckedValues, ModelError>) {
        for (field, value) in match values {
            Ok(values) => values,
            Err(error) => return self.warnings.push(error.to_string()),
        } {
            match value {
                Ok(value) => {
                    self.data.insert(field.clone(), value);
                    self.model_fields.push(field);
                }
                Err(why) => {
                    self.warnings.push(format!("field \"{field}\": the model's value was refused: {why}"));
                }
            }
        }
        // Fields read from pictures come after those read from the text.
        let data = &*self.data;
        self.model_fields.sort_by_key(|field| data.keys().position(|name| name == field));
        if !self.model_fields.is_empty() && *self.render_mode == RenderMode::Structured {
            *self.render_mode = RenderMode::Fetch;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_text_and_pictures_are_listed_in_the_schemas_order() {
        let Value::Object(mut data) = json!({"b": null, "a": null, "c": null}) else { panic!() };
        let (mut warnings, mut render_mode, mut model_fields) = (Vec::new(), RenderMode::Structured, Vec::new());
        let mut draft = Draft {
            data: &mut data,
            warnings: &mut warnings,
            render_mode: &mut render_mode,
            model_fields: &mut model_fields,
        };
        draft.merge(Ok(vec![("a".into(), Ok(json!(1)))]));
        draft.merge_from_pictures(Ok(vec![("c".into(), Ok(json!(3))), ("b".into(), Ok(json!(2)))]));
        assert_eq!(Value::Object(data).to_string(), r#"{"b":2,"a":1,"c":3}"#);
        assert_eq!(model_fields, ["b", "a", "c"]);
        assert_eq!((render_mode, warnings.len()), (RenderMode::Fetch, 2), "{warnings:?}");
    }
}
