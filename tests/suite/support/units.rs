//! The write units of a call to DynamoDB, computed from its request. Sources: AWS, "DynamoDB read and write operations"
//! (one unit for each started kilobyte of the larger of the row before and after, twice that in a transaction) and
//! "Using global secondary indexes" (one for each index row that is put or removed, two if its key changes).

use base64::Engine as _;
use serde_json::Value;

/// The largest size of a job's row without what an update sets, in bytes.
const META_BYTES: usize = 900;

/// Bytes of an attribute's value in its wire form.
fn value_bytes(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    match kind.as_str() {
        "S" => value.as_str().map_or(0, str::len),
        "N" => value.as_str().map_or(0, |n| n.len().div_ceil(2) + 1),
        "B" => base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap()).unwrap().len(),
        "BOOL" | "NULL" => 1,
        other => panic!("no size for a value of type {other}"),
    }
}

fn item_bytes(item: &Value) -> usize {
    item.as_object().unwrap().iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn kilobytes(bytes: usize) -> usize {
    bytes.div_ceil(1_024).max(1)
}

fn put(item: &Value) -> (usize, usize) {
    let indexes = ["list_pk", "due_pk"].iter().filter(|key| item.get(**key).is_some()).count();
    (kilobytes(item_bytes(item)), indexes)
}

fn update(update: &Value) -> (usize, usize) {
    let values = update["ExpressionAttributeValues"].as_object();
    let bytes: usize = values.map_or(0, |values| values.values().map(value_bytes).sum());
    let expression = update["UpdateExpression"].as_str().unwrap();
    let rest = if update["Key"]["sk"]["S"] == "META" { META_BYTES } else { 0 };
    // A key that changes costs a removal and a put; one that is removed costs one.
    let indexes = if expression.contains("#list_pk") { 3 } else { 2 * usize::from(expression.contains("#due =")) };
    (kilobytes(bytes + rest), indexes)
}

/// The write units of a call.
pub fn write_units(operation: &str, body: &Value) -> usize {
    match operation {
        "PutItem" => {
            let (row, indexes) = put(&body["Item"]);
            row + indexes
        }
        "UpdateItem" => {
            let (row, indexes) = update(body);
            row + indexes
        }
        "BatchWriteItem" => {
            let puts = body["RequestItems"].as_object().unwrap().values().flat_map(|puts| puts.as_array().unwrap());
            puts.map(|request| put(&request["PutRequest"]["Item"]).0).sum()
        }
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().unwrap().iter();
            items
                .map(|item| {
                    let (row, indexes) =
                        if item["Put"].is_object() { put(&item["Put"]["Item"]) } else { update(&item["Update"]) };
                    2 * row + indexes
                })
                .sum()
        }
        _ => 0,
    }
}
