//! The event of an SQS trigger, and a function's response to it.

use serde_json::{Value, json};
use store::queue::{Queue, Received};

/// The identifiers in a partial batch response.
pub fn failures(answer: &Value) -> Vec<String> {
    let failures = answer["batchItemFailures"].as_array().unwrap_or_else(|| panic!("{answer}"));
    failures.iter().map(|f| f["itemIdentifier"].as_str().unwrap().to_owned()).collect()
}

/// The event of an SQS trigger.
/// Source: AWS, "Using Lambda with Amazon SQS", example event.
pub fn sqs_event(queue: &Queue, received: &[Received]) -> Value {
    let name = queue.url().rsplit('/').next().unwrap();
    let record = |message: &Received| {
        json!({
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": message.receive_count.to_string(),
                "SentTimestamp": message.sent_at.0.to_string(),
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": message.sent_at.0.to_string(),
            },
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:us-east-1:000000000000:{name}"),
            "awsRegion": "us-east-1",
        })
    };
    json!({ "Records": received.iter().map(record).collect::<Vec<_>>() })
}
