//! Limits the size of results for a model: a long page would fill the model's context window.

use serde_json::{Value, json};

/// Maximum number of bytes of results in one answer, as JSON: about 10,000 tokens.
pub(crate) const MAX_BYTES: usize = 30_000;

/// Maximum characters of a text and items of a list, tried in this order until the result fits.
const LIMITS: [(usize, usize); 4] = [(4_000, 200), (1_000, 50), (250, 12), (60, 3)];

/// Members that identify the page; they are not shortened.
const NEVER_SHORTENED: [&str; 2] = ["url", "final_url"];

/// Returns a value's size as JSON, in bytes.
pub(crate) fn json_size(value: &Value) -> usize {
    value.to_string().len()
}

/// Shortens long values of a result until it has [`MAX_BYTES`] at most, and notes that in a member `cut`.
pub(crate) fn shorten_to_fit(result: &mut Value) {
    let max = MAX_BYTES - CUT_NOTE.len() - 16;
    if json_size(result) <= max {
        return;
    }
    for (characters, items) in LIMITS {
        shorten(result, characters, items);
        if json_size(result) <= max {
            break;
        }
    }
    // Still too large, so it has very many fields: drop the last ones.
    while json_size(result) > max && result["data"].as_object_mut().is_some_and(|data| data.pop().is_some()) {}
    if let Some(members) = result.as_object_mut() {
        members.insert("cut".to_owned(), json!(CUT_NOTE));
    }
}

/// The text of `cut`.
const CUT_NOTE: &str = "long values were shortened or left out; GET /v1/jobs/{job_id}/result returns them in full";

fn shorten(value: &mut Value, characters: usize, items: usize) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(characters) {
                text.truncate(end);
                text.push('…');
            }
        }
        Value::Array(list) => {
            list.truncate(items);
            list.iter_mut().for_each(|item| shorten(item, characters, items));
        }
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if !NEVER_SHORTENED.contains(&name.as_str()) {
                    shorten(member, characters, items);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

trait Pop {
    fn pop(&mut self) -> Option<()>;
}

impl Pop for serde_json::Map<String, Value> {
    fn pop(&mut self) -> Option<()> {
        let last = self.keys().next_back().cloned()?;
        self.shift_remove(&last).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_fits_is_not_changed() {
        let mut result = json!({ "url": "https://a.example/", "data": { "text": "x".repeat(20_000), "n": 1 } });
        let before = result.clone();
        shorten_to_fit(&mut result);
        assert_eq!(result, before);
    }

    #[test]
    fn long_values_are_shortened_and_short_ones_kept() {
        let url = format!("https://a.example/{}", "u".repeat(7_000));
        let list: Vec<String> = (0..5_000).map(|n| format!("item {n}")).collect();
        let mut result =
            json!({ "url": url, "data": { "text": "é".repeat(300_000), "title": "A title", "list": list, "n": 7 } });
        shorten_to_fit(&mut result);
        assert!(json_size(&result) <= MAX_BYTES, "{}", json_size(&result));
        assert_eq!(
            (&result["url"], &result["data"]["title"], &result["data"]["n"]),
            (&json!(url), &json!("A title"), &json!(7))
        );
        assert!(result["data"]["text"].as_str().unwrap().ends_with("é…"));
        assert_eq!(result["data"]["list"][0], "item 0");
        assert!(result["cut"].as_str().unwrap().contains("/result"));
    }

    #[test]
    fn a_result_with_any_number_of_fields_is_made_to_fit() {
        let data: serde_json::Map<String, Value> =
            (0..200).map(|n| (format!("{n:0200}"), json!("x".repeat(400)))).collect();
        let mut result = json!({ "url": "https://a.example/", "data": data, "warnings": vec!["w".repeat(900); 200] });
        shorten_to_fit(&mut result);
        assert!(json_size(&result) <= MAX_BYTES, "{}", json_size(&result));
        assert!(result["data"].as_object().unwrap().len() > 50);
    }
}
