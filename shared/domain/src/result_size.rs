//! Shortens results that would not fit their rows, and adds a warning that says so.

use crate::UnitOutcome;

/// Maximum size of a result's JSON text; DynamoDB's limit for an item is 400 KB.
const MAX_RESULT_BYTES: usize = 64 * 1024;

/// Shortens a result that would not fit its row, the longest values first, and adds a warning.
pub fn limit_size(mut outcome: UnitOutcome) -> UnitOutcome {
    let UnitOutcome::Success { data, warnings, .. } = &mut outcome else { return outcome };
    let size = |data: &serde_json::Map<_, _>, warnings: &[String]| {
        serde_json::to_string(data).map_or(0, |t| t.len()) + warnings.iter().map(|w| w.len() + 3).sum::<usize>()
    };
    // Leaves room for URLs (8 KB each), the envelope and the added warning.
    let max_bytes = MAX_RESULT_BYTES - 20 * 1024;
    if size(data, warnings) <= max_bytes {
        return outcome;
    }
    if warnings.len() > 50 {
        warnings.truncate(50);
        warnings.push("further warnings were left out".into());
    }
    for w in warnings.iter_mut() {
        if w.chars().count() > 300 {
            *w = w.chars().take(300).collect();
        }
    }
    let mut max_value_bytes = max_bytes / 2;
    while size(data, &[]) > max_bytes.saturating_sub(size(&serde_json::Map::new(), warnings)) && max_value_bytes > 0 {
        for value in data.values_mut() {
            shorten(value, max_value_bytes);
        }
        max_value_bytes /= 2;
    }
    warnings.push(format!(
        "the result was too large (at most {} KiB): its longest values or its warnings were shortened",
        MAX_RESULT_BYTES / 1024
    ));
    outcome
}

fn shorten(value: &mut serde_json::Value, bytes: usize) {
    use serde_json::Value;
    match value {
        Value::String(text) if text.len() > bytes => {
            let mut end = bytes;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
        }
        Value::Array(items) => {
            let mut sum = 0;
            let keep = items.iter().take_while(|v| {
                sum += v.as_str().map_or(24, |s| s.len() + 3);
                sum <= bytes
            });
            let keep = keep.count();
            items.truncate(keep);
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::RenderMode;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::synthetic;

    fn success(data: Value, warnings: Vec<String>) -> UnitOutcome {
        let Value::Object(data) = data else { panic!("an object") };
        UnitOutcome::Success {
            url: "https://x.test/".into(),
            final_url: None,
            render_mode: RenderMode::Fetch,
            data,
            warnings,
            images_processed: None,
            model_fields: Vec::new(),
            captures: Vec::new(),
            explain: Vec::new(),
            attempts: None,
        }
    }

    #[test]
    fn small_results_are_unchanged() {
        let r = success(json!({"a": "x"}), vec![]);
        assert_eq!(limit_size(r.clone()), r);
    }

    #[test]
    fn large_results_are_cut_with_a_warning() {
        for data in [
            json!({"a": "é".repeat(80_000), "b": "kept", "n": 3}),
            json!({"list": vec!["word"; 30_000], "b": "kept"}),
            Value::Object((0..200).map(|i| (format!("f{i}"), json!("y".repeat(3_000)))).collect::<Map<_, _>>()),
        ] {
            let keys = data.as_object().unwrap().len();
            let out = limit_size(success(data, vec!["w".repeat(2_000); 80]));
            assert!(synthetic::json(&out).len() < MAX_RESULT_BYTES, "{}", synthetic::json(&out).len());
            let UnitOutcome::Success { data, warnings, .. } = &out else { panic!("a success") };
            assert_eq!(data.len(), keys);
            assert!(warnings.last().unwrap().contains("shortened"));
            if let Some(b) = data.get("b") {
                assert_eq!(b, "kept");
            }
        }
    }
}
