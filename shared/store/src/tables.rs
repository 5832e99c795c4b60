//! The only definition of the tables: the local stack and the tests create them from it, and the deployment template
//! must match it.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TimeToLiveSpecification,
};

use crate::error::StoreError;
use crate::keys::{BY_ACCOUNT, BY_DUE};
use crate::{Admin, TableNames};

/// A sparse index that projects keys only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDef {
    /// Its name.
    pub name: &'static str,
    /// Partition attribute (string).
    pub partition: &'static str,
    /// Sort attribute, and whether it is a number.
    pub sort: (&'static str, bool),
}

/// A table: partition `pk` and sort `sk`, both strings, on demand, TTL on `ttl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDef {
    /// Its name.
    pub name: String,
    /// Its indexes.
    pub indexes: Vec<IndexDef>,
    /// Whether to enable point-in-time recovery, as for the table with the balances.
    pub point_in_time_recovery: bool,
}

/// The attribute that TTL reads, in Unix seconds.
pub const TTL_ATTRIBUTE: &str = "ttl";

/// Returns the definitions of all tables.
pub fn definitions(names: &TableNames) -> Vec<TableDef> {
    vec![
        TableDef { name: names.accounts.clone(), indexes: vec![], point_in_time_recovery: true },
        TableDef {
            name: names.jobs.clone(),
            indexes: vec![
                IndexDef { name: BY_ACCOUNT, partition: "list_pk", sort: ("list_sk", false) },
                IndexDef { name: BY_DUE, partition: "due_pk", sort: ("due", true) },
            ],
            point_in_time_recovery: false,
        },
        TableDef { name: names.hosts.clone(), indexes: vec![], point_in_time_recovery: false },
    ]
}

fn attribute(name: &str, number: bool) -> Result<AttributeDefinition, StoreError> {
    let kind = if number { ScalarAttributeType::N } else { ScalarAttributeType::S };
    Ok(AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()?)
}

fn key_schema(partition: &str, sort: &str) -> Result<Vec<KeySchemaElement>, StoreError> {
    let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok(vec![element(partition, KeyType::Hash)?, element(sort, KeyType::Range)?])
}

impl Admin {
    /// Creates missing tables. For the local stack and tests; in the cloud the template creates them.
    ///
    /// # Errors
    /// DynamoDB does not answer or refuses.
    pub async fn create_tables(&self) -> Result<(), StoreError> {
        let existing = self.table_list().await?;
        for table in definitions(&self.tables) {
            if existing.contains(&table.name) {
                continue;
            }
            let mut attributes = vec![attribute("pk", false)?, attribute("sk", false)?];
            let mut create = self.db().create_table().table_name(&table.name).billing_mode(BillingMode::PayPerRequest);
            for element in key_schema("pk", "sk")? {
                create = create.key_schema(element);
            }
            for index in &table.indexes {
                attributes.push(attribute(index.partition, false)?);
                attributes.push(attribute(index.sort.0, index.sort.1)?);
                let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
                create = create.global_secondary_indexes(
                    GlobalSecondaryIndex::builder()
                        .index_name(index.name)
                        .set_key_schema(Some(key_schema(index.partition, index.sort.0)?))
                        .projection(keys_only)
                        .build()?,
                );
            }
            create
                .set_attribute_definitions(Some(attributes))
                .send()
                .await
                .map_err(|e| StoreError::sdk("CreateTable", e))?;
            let ttl = TimeToLiveSpecification::builder().attribute_name(TTL_ATTRIBUTE).enabled(true).build()?;
            self.db()
                .update_time_to_live()
                .table_name(&table.name)
                .time_to_live_specification(ttl)
                .send()
                .await
                .map_err(|e| StoreError::sdk("UpdateTimeToLive", e))?;
        }
        Ok(())
    }

    async fn table_list(&self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        let mut pages = self.db().list_tables().into_paginator().send();
        while let Some(page) = pages.next().await {
            found.extend(page.map_err(|e| StoreError::sdk("ListTables", e))?.table_names.unwrap_or_default());
        }
        Ok(found)
    }
}
