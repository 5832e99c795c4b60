//! Converts results from the wire into results of the caller's type.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::schema::Schema;
use crate::types::{Failure, Page, Problem, Row, Success};

/// The shape of rows: which groups of dotted names become objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    groups: Vec<String>,
}

impl Shape {
    pub(crate) fn of(schema: &Schema) -> Shape {
        Shape { groups: schema.groups() }
    }

    /// Converts one line, or one element of `results`. A row that does not fit the type becomes a failure.
    pub(crate) fn page<T: DeserializeOwned>(&self, members: Row, job_id: Option<&str>) -> Result<Page<T>> {
        let page = serde_json::from_value::<Page<Row>>(Value::Object(members));
        let page = page.map_err(|e| Error::protocol(format!("a result cannot be decoded: {e}"), job_id))?;
        Ok(match page {
            Page::Failure(failure) => Page::Failure(failure),
            Page::Success(page) => match self.row::<T>(&page.data) {
                Ok(data) => Page::Success(with_data(page, data)),
                Err(error) => Page::Failure(Failure {
                    index: page.index,
                    url: page.url,
                    final_url: page.final_url,
                    attempts: page.attempts,
                    error: Problem {
                        code: "MODEL_MISMATCH".to_owned(),
                        message: error.to_string(),
                        retryable: false,
                        attempts: None,
                    },
                    data: Some(page.data),
                }),
            },
        })
    }

    /// Deserializes a row. If it does not fit, tries again with null for each object whose members are all empty.
    fn row<T: DeserializeOwned>(&self, data: &Row) -> serde_json::Result<T> {
        if self.groups.is_empty() {
            return T::deserialize(Value::Object(data.clone()));
        }
        let nested = self.nest(data);
        T::deserialize(Value::Object(nested.clone())).or_else(|error| {
            let mut with_nulls = nested;
            for group in &self.groups {
                if let Some(value) = with_nulls.get_mut(group).filter(|value| is_empty_object(value)) {
                    *value = Value::Null;
                }
            }
            T::deserialize(Value::Object(with_nulls)).map_err(|_| error)
        })
    }

    fn nest(&self, data: &Row) -> Row {
        let mut nested = Row::new();
        for (name, value) in data {
            let parts = name.split_once('.').filter(|(group, _)| self.groups.iter().any(|one| one == group));
            match parts {
                None => nested.insert(name.clone(), value.clone()),
                Some((group, inner)) => {
                    let object = nested.entry(group).or_insert_with(|| Value::Object(Row::new()));
                    object.as_object_mut().and_then(|object| object.insert(inner.to_owned(), value.clone()))
                }
            };
        }
        nested
    }
}

fn is_empty_object(value: &Value) -> bool {
    let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    value.as_object().is_some_and(|object| object.values().all(empty))
}

fn with_data<T>(page: Success<Row>, data: T) -> Success<T> {
    let Success { index, url, final_url, attempts, render_mode, data: _, warnings, images_processed, .. } = page;
    let (model_fields, captures, explain) = (page.model_fields, page.captures, page.explain);
    Success {
        index,
        url,
        final_url,
        attempts,
        render_mode,
        data,
        warnings,
        images_processed,
        model_fields,
        captures,
        explain,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Brand {
        name: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Product {
        title: String,
        brand: Option<Brand>,
    }

    fn shape() -> Shape {
        let brand = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
        let schema = json!({ "properties": { "title": { "type": "string" }, "brand": brand } });
        Shape::of(&Schema::from_json(schema).unwrap())
    }

    fn read(data: Value) -> Page<Product> {
        let line = json!({ "index": 3, "url": "u", "status": "success", "render_mode": "fetch", "data": data });
        shape().page(line.as_object().unwrap().clone(), None).unwrap()
    }

    #[test]
    fn dotted_names_become_objects() {
        let page = read(json!({ "title": "A", "brand.name": "B" }));
        assert_eq!(page.data(), Some(&Product { title: "A".into(), brand: Some(Brand { name: "B".into() }) }));
        let page = read(json!({ "title": "A", "brand.name": null }));
        assert_eq!(page.data(), Some(&Product { title: "A".into(), brand: None }));
    }

    #[test]
    fn a_row_that_does_not_fit_is_a_failure_with_its_values() {
        let data = json!({ "title": null, "brand.name": "B" });
        let Page::Failure(failure) = read(data.clone()) else { panic!("it does not fit") };
        assert_eq!((failure.index, failure.error.code.as_str()), (Some(3), "MODEL_MISMATCH"));
        assert_eq!(json!(failure.data), data);
    }

    #[test]
    fn a_malformed_result_is_a_protocol_error() {
        let error = shape().page::<Row>(Row::new(), Some("job_1")).unwrap_err();
        assert_eq!((error.code.as_str(), error.job_id.as_deref()), ("PROTOCOL_ERROR", Some("job_1")));
    }
}
