//! The calls to a store, a queue or the model, as they are sent: what each reads, writes and costs.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::Value;

use super::units::write_units;

/// The service that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    DynamoDb,
    Sqs,
    Model,
}

/// A call as it was sent.
#[derive(Debug, Clone)]
pub struct Call {
    pub service: Service,
    pub operation: String,
    /// The number of rows that it writes.
    pub writes: usize,
    /// Its cost in write units.
    pub units: usize,
    /// The number of rows that it reads; a query counts as one.
    pub reads: usize,
    /// Whether it reads strongly consistent.
    pub consistent: bool,
    /// The number of entries of a batch call to SQS.
    pub entries: usize,
    /// The tables that it names.
    pub tables: Vec<String>,
}

impl Call {
    /// Whether it has an effect: writes rows, changes a queue, or is a request to the model's provider other than GET.
    pub fn has_effect(&self) -> bool {
        match self.service {
            Service::DynamoDb => self.writes > 0,
            Service::Sqs => true,
            Service::Model => !self.operation.starts_with("GET "),
        }
    }
}

/// Describes a request of the SDK to DynamoDB or SQS.
pub fn describe(request: &HttpRequest) -> Call {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let (service, operation) = target.rsplit_once('.').unwrap_or_default();
    let service = if service == "AmazonSQS" { Service::Sqs } else { Service::DynamoDb };
    let text = std::str::from_utf8(request.body().bytes().unwrap_or_default()).unwrap();
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    let (writes, reads) = match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => (1, 0),
        "TransactWriteItems" => (body["TransactItems"].as_array().map_or(0, Vec::len), 0),
        "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().unwrap();
            (tables.values().map(|t| t.as_array().map_or(0, Vec::len)).sum(), 0)
        }
        "GetItem" | "Query" | "Scan" => (0, 1),
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().unwrap();
            (0, tables.values().map(|t| t["Keys"].as_array().map_or(0, Vec::len)).sum())
        }
        _ => (0, 0),
    };
    let entries = body["Entries"].as_array().map_or(0, Vec::len);
    let names = ["runo-accounts", "runo-jobs", "runo-hosts"];
    let tables = names.iter().filter(|name| text.contains(**name)).map(|name| (*name).to_owned()).collect();
    let units = write_units(operation, &body);
    let requested = body["RequestItems"].as_object();
    let consistent = body["ConsistentRead"] == true
        || requested.is_some_and(|tables| tables.values().all(|of| of["ConsistentRead"] == true));
    Call { service, operation: operation.to_owned(), writes, units, reads, consistent, entries, tables }
}
