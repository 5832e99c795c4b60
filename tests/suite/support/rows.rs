//! Reads and writes rows without the store: for a table with rows that violate an invariant, or with very many rows.

use local::embedded::Service;
use serde_json::{Value, json};
use store::TableNames;

/// Sends a request to an embedded service. Panics if it fails.
pub async fn call(service: &Service, target: &str, body: &Value) -> Value {
    let request = http::Request::post("/").header("x-amz-target", target).body(body.to_string().into()).unwrap();
    let answer = service.call(request).await.unwrap();
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

fn key(pk: &str, sk: &str) -> Value {
    json!({ "pk": { "S": pk }, "sk": { "S": sk } })
}

/// The table of a partition key.
fn table_of(pk: &str) -> String {
    let names = TableNames::default();
    if pk.starts_with("JOB#") { names.jobs } else { names.accounts }
}

/// Returns a row, or `None` if it does not exist.
pub async fn get(service: &Service, pk: &str, sk: &str) -> Option<Value> {
    let body = json!({ "TableName": table_of(pk), "Key": key(pk, sk), "ConsistentRead": true });
    call(service, "DynamoDB_20120810.GetItem", &body).await.get("Item").cloned()
}

/// Returns the rows of a partition.
pub async fn partition(service: &Service, pk: &str) -> Vec<Value> {
    let body = json!({
        "TableName": table_of(pk),
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": { ":pk": { "S": pk } },
        "ConsistentRead": true,
    });
    call(service, "DynamoDB_20120810.Query", &body).await["Items"].as_array().cloned().unwrap_or_default()
}

/// Adds to a number in a row.
pub async fn add(service: &Service, pk: &str, sk: &str, attribute: &str, more: i64) {
    let body = json!({
        "TableName": table_of(pk),
        "Key": key(pk, sk),
        "UpdateExpression": "ADD #name :more",
        "ExpressionAttributeNames": { "#name": attribute },
        "ExpressionAttributeValues": { ":more": { "N": more.to_string() } },
    });
    call(service, "DynamoDB_20120810.UpdateItem", &body).await;
}

/// Deletes a row.
pub async fn delete(service: &Service, pk: &str, sk: &str) {
    let body = json!({ "TableName": table_of(pk), "Key": key(pk, sk) });
    call(service, "DynamoDB_20120810.DeleteItem", &body).await;
}

/// Puts rows of one table.
pub async fn put_all(service: &Service, rows: &[Value]) {
    for chunk in rows.chunks(25) {
        let table = table_of(chunk[0]["pk"]["S"].as_str().unwrap());
        let puts: Vec<Value> = chunk.iter().map(|row| json!({ "PutRequest": { "Item": row } })).collect();
        let answer =
            call(service, "DynamoDB_20120810.BatchWriteItem", &json!({ "RequestItems": { table: puts } })).await;
        assert_eq!(answer["UnprocessedItems"], json!({}));
    }
}
