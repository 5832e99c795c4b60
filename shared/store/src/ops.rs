//! The few kinds of DynamoDB calls made here: conditional put and update, transaction, get, batch get, query. Conflicts
//! with other transactions are retried here with jitter, and unprocessed keys are requested again.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, PutRequest, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    WriteRequest,
};
use futures_util::future::try_join_all;

use crate::error::StoreError;
use crate::item::{Item, names};
use crate::{Backend, Base};

/// The result of a conditional write of one row.
#[derive(Debug)]
pub(crate) enum Conditional {
    Written,
    /// The condition failed. Contains the current row, if there is one.
    Refused(Option<Item>),
}

/// The result of a transaction.
#[derive(Debug)]
pub(crate) enum Transaction {
    Written,
    /// For each item, in order, whether its condition failed.
    Refused(Vec<bool>),
}

/// Returns a put for a transaction whose condition has no values.
pub(crate) fn tx_put(table: &str, item: Item, condition: &str) -> Result<TransactWriteItem, StoreError> {
    tx_put_if(table, item, condition, HashMap::new())
}

/// Returns a conditional put for a transaction; `values` may be empty.
pub(crate) fn tx_put_if(
    table: &str,
    item: Item,
    condition: &str,
    values: HashMap<String, AttributeValue>,
) -> Result<TransactWriteItem, StoreError> {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression(condition)
        .set_expression_attribute_names(names(&[condition]))
        // DynamoDB refuses an empty map.
        .set_expression_attribute_values((!values.is_empty()).then_some(values))
        .build()?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Returns an update for a transaction; `condition` may be empty.
pub(crate) fn tx_update(
    table: &str,
    key: Item,
    update: &str,
    condition: &str,
    values: HashMap<String, AttributeValue>,
) -> Result<TransactWriteItem, StoreError> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key))
        .update_expression(update)
        .set_condition_expression((!condition.is_empty()).then(|| condition.to_owned()))
        .set_expression_attribute_names(names(&[update, condition]))
        .set_expression_attribute_values(Some(values))
        .build()?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// The condition that there is no row yet.
pub(crate) const ABSENT: &str = "attribute_not_exists(#pk)";

impl Base {
    /// Writes a row if a condition holds.
    pub(crate) async fn put_if(
        &self,
        table: &str,
        item: Item,
        condition: &str,
        values: Option<HashMap<String, AttributeValue>>,
    ) -> Result<Conditional, StoreError> {
        let db = match &self.backend {
            Backend::DynamoDb(db) => db,
            Backend::Memory { rows, .. } => return rows.put_if(table, item, condition, values.as_ref()),
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            let sent = db
                .put_item()
                .table_name(table)
                .set_item(Some(item.clone()))
                .condition_expression(condition)
                .set_expression_attribute_names(names(&[condition]))
                .set_expression_attribute_values(values.clone())
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            match sent {
                Ok(_) => return Ok(Conditional::Written),
                Err(e) => match e.as_service_error() {
                    Some(PutItemError::ConditionalCheckFailedException(c)) => {
                        return Ok(Conditional::Refused(c.item.clone()));
                    }
                    Some(PutItemError::TransactionConflictException(_)) => self.back_off("PutItem", attempt).await?,
                    Some(_) | None => return Err(StoreError::sdk("PutItem", e)),
                },
            }
        }
    }

    /// Writes many rows, without a condition and in no order.
    pub(crate) async fn put_many(&self, table: &str, items: Vec<Item>) -> Result<(), StoreError> {
        let db = match &self.backend {
            Backend::DynamoDb(db) => db,
            Backend::Memory { rows, .. } => return rows.put_many(table, items),
        };
        let mut requests = Vec::with_capacity(items.len());
        for item in items {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            requests.push(WriteRequest::builder().put_request(put).build());
        }
        // The service's limit is 25 rows per request.
        let chunk = async |chunk: &[WriteRequest]| {
            let (mut open, mut attempt) = (chunk.to_vec(), 0);
            while !open.is_empty() {
                if attempt > 0 {
                    self.back_off("BatchWriteItem", attempt).await?;
                }
                attempt += 1;
                let before = open.len();
                let wrote = db.batch_write_item().request_items(table, open).send().await;
                let wrote = wrote.map_err(|e| StoreError::sdk("BatchWriteItem", e))?;
                open = wrote.unprocessed_items.and_then(|mut left| left.remove(table)).unwrap_or_default();
                if open.len() < before {
                    // Some rows are written: the tries count from the first again, and the next still waits, because
                    // what is left was throttled.
                    attempt = 1;
                }
            }
            Ok::<_, StoreError>(())
        };
        try_join_all(requests.chunks(25).map(chunk)).await?;
        Ok(())
    }

    /// Updates a row if a condition holds; `condition` may be empty.
    pub(crate) async fn update_if(
        &self,
        table: &str,
        key: Item,
        update: &str,
        condition: &str,
        values: HashMap<String, AttributeValue>,
    ) -> Result<Conditional, StoreError> {
        let db = match &self.backend {
            Backend::DynamoDb(db) => db,
            Backend::Memory { rows, .. } => return rows.update_if(table, key, update, condition, &values),
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            let sent = db
                .update_item()
                .table_name(table)
                .set_key(Some(key.clone()))
                .update_expression(update)
                .set_condition_expression((!condition.is_empty()).then(|| condition.to_owned()))
                .set_expression_attribute_names(names(&[update, condition]))
                .set_expression_attribute_values(Some(values.clone()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            match sent {
                Ok(_) => return Ok(Conditional::Written),
                Err(e) => match e.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(c)) => {
                        return Ok(Conditional::Refused(c.item.clone()));
                    }
                    Some(UpdateItemError::TransactionConflictException(_)) => {
                        self.back_off("UpdateItem", attempt).await?;
                    }
                    Some(_) | None => return Err(StoreError::sdk("UpdateItem", e)),
                },
            }
        }
    }

    /// Writes all items or none. Retries after conflicts with other transactions.
    pub(crate) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Transaction, StoreError> {
        let db = match &self.backend {
            Backend::DynamoDb(db) => db,
            Backend::Memory { rows, .. } => return rows.transact(&items),
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            // Each try is a request of its own with a fresh token from the SDK; only the SDK's own resends share a
            // token.
            let sent = db.transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let error = match sent {
                Ok(_) => return Ok(Transaction::Written),
                Err(e) => e,
            };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(c)) => {
                    let codes: Vec<&str> =
                        c.cancellation_reasons().iter().map(|r| r.code().unwrap_or("None")).collect();
                    let refused: Vec<bool> = codes.iter().map(|c| *c == "ConditionalCheckFailed").collect();
                    if refused.contains(&true) {
                        return Ok(Transaction::Refused(refused));
                    }
                    if !codes.iter().all(|c| is_transient(c)) {
                        tracing::error!(?codes, "a transaction was refused as malformed");
                        return Err(StoreError::Malformed(format!("transaction refused: {codes:?}")));
                    }
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => {}
                Some(_) | None => return Err(StoreError::sdk("TransactWriteItems", error)),
            }
            self.back_off("TransactWriteItems", attempt).await?;
        }
    }

    /// Waits before try `attempt + 1`, with full jitter. Fails if that would exceed the allowed number of tries.
    async fn back_off(&self, operation: &'static str, attempt: u32) -> Result<(), StoreError> {
        if attempt >= self.retry.max_tries {
            return Err(StoreError::Contended { operation, tries: attempt });
        }
        let max = self.retry.base_ms << attempt.min(6);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=max))).await;
        Ok(())
    }

    /// Reads one row, strongly consistent.
    pub(crate) async fn get(&self, table: &str, key: Item) -> Result<Option<Item>, StoreError> {
        let db = match &self.backend {
            Backend::DynamoDb(db) => db,
            Backend::Memory { rows, .. } => return rows.get(table, &key),
        };
        let got = db.get_item().table_name(table).set_key(Some(key)).consistent_read(true).send().await;
        Ok(got.map_err(|e| StoreError::sdk("GetItem", e))?.item)
    }

    /// Reads many rows, strongly consistent, in no order. Missing rows are left out.
    pub(crate) async fn get_many(&self, table: &str, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let db = match &self.backend {
            Backend::DynamoDb(db) => db,
            Backend::Memory { rows, .. } => return rows.get_many(table, &keys),
        };
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(100) {
            let mut open = chunk.to_vec();
            let mut attempt = 0;
            while !open.is_empty() {
                if attempt > 0 {
                    self.back_off("BatchGetItem", attempt).await?;
                }
                attempt += 1;
                let request = KeysAndAttributes::builder().set_keys(Some(open)).consistent_read(true).build()?;
                let got = db.batch_get_item().request_items(table, request).send().await;
                let mut got = got.map_err(|e| StoreError::sdk("BatchGetItem", e))?;
                if let Some(items) = got.responses.as_mut().and_then(|r| r.remove(table)) {
                    if !items.is_empty() {
                        // Some rows are read: the tries count from none again, and the next does not wait, because
                        // the limit of an answer's size may have left the others out.
                        attempt = 0;
                    }
                    found.extend(items);
                }
                open = got.unprocessed_keys.and_then(|mut u| u.remove(table)).map(|u| u.keys).unwrap_or_default();
            }
        }
        Ok(found)
    }

    /// Reads all pages of a partition's rows with sort keys in a range, both ends included, strongly consistent. `only`
    /// names the attributes to read; all if empty.
    pub(crate) async fn range(
        &self,
        table: &str,
        pk: &str,
        (from, to): (String, String),
        only: &[&str],
    ) -> Result<Vec<Item>, StoreError> {
        let db = match &self.backend {
            Backend::DynamoDb(db) => db,
            Backend::Memory { rows, .. } => return Ok(rows.range(table, pk, &from, &to, only)),
        };
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let condition = "#pk = :pk AND #sk BETWEEN :from AND :to";
            let projection = only.iter().map(|a| format!("#{a}")).collect::<Vec<_>>().join(", ");
            let page = db
                .query()
                .table_name(table)
                .key_condition_expression(condition)
                .set_projection_expression((!only.is_empty()).then(|| projection.clone()))
                .set_expression_attribute_names(names(&[condition, &projection]))
                .expression_attribute_values(":pk", AttributeValue::S(pk.into()))
                .expression_attribute_values(":from", AttributeValue::S(from.clone()))
                .expression_attribute_values(":to", AttributeValue::S(to.clone()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|e| StoreError::sdk("Query", e))?;
            found.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }
}

/// Returns whether a cancellation reason is transient.
fn is_transient(code: &str) -> bool {
    matches!(code, "None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
}

/// Returns whether the service reported a missing table, a setup fault that deserves a message of its own.
pub(crate) fn is_missing_table<E: ProvideErrorMetadata, R>(e: &SdkError<E, R>) -> bool {
    e.code() == Some("ResourceNotFoundException")
}
