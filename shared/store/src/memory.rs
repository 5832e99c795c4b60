//! Rows in this process's memory instead of DynamoDB, for benchmarks that measure the cost of everything but the store.
//! Supports only the conditions and updates that this crate writes. Indexes stay in DynamoDB, so rows kept here are
//! neither listed nor found by a sweep. Nothing outlives the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use crate::error::StoreError;
use crate::item::Item;
use crate::ops::{Conditional, Transaction};

type Values = HashMap<String, AttributeValue>;
type Table = HashMap<String, BTreeMap<String, Item>>;

/// The rows of all tables.
#[derive(Debug, Default)]
pub struct Rows(Mutex<HashMap<String, Table>>);

impl Rows {
    fn tables(&self) -> MutexGuard<'_, HashMap<String, Table>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put_if(
        &self,
        table: &str,
        item: Item,
        condition: &str,
        values: Option<&Values>,
    ) -> Result<Conditional, StoreError> {
        let mut tables = self.tables();
        let old = find(&tables, table, &item)?;
        if !holds(condition, old, values)? {
            return Ok(Conditional::Refused(old.cloned()));
        }
        put(&mut tables, table, item)?;
        Ok(Conditional::Written)
    }

    pub(crate) fn update_if(
        &self,
        table: &str,
        key: Item,
        update: &str,
        condition: &str,
        values: &Values,
    ) -> Result<Conditional, StoreError> {
        let mut tables = self.tables();
        let old = find(&tables, table, &key)?;
        if !holds(condition, old, Some(values))? {
            return Ok(Conditional::Refused(old.cloned()));
        }
        let new = updated(old.cloned().unwrap_or(key), update, values)?;
        put(&mut tables, table, new)?;
        Ok(Conditional::Written)
    }

    pub(crate) fn transact(&self, items: &[TransactWriteItem]) -> Result<Transaction, StoreError> {
        let mut tables = self.tables();
        let (mut refused, mut new) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
        for item in items {
            if let Some(put) = &item.put {
                let old = find(&tables, &put.table_name, &put.item)?;
                let condition = put.condition_expression.as_deref().unwrap_or_default();
                refused.push(!holds(condition, old, put.expression_attribute_values.as_ref())?);
                new.push((&put.table_name, put.item.clone()));
            } else if let Some(update) = &item.update {
                let old = find(&tables, &update.table_name, &update.key)?;
                let values = update
                    .expression_attribute_values
                    .as_ref()
                    .ok_or_else(|| unsupported("an update without values"))?;
                let condition = update.condition_expression.as_deref().unwrap_or_default();
                let holds = holds(condition, old, Some(values))?;
                refused.push(!holds);
                if holds {
                    let row = old.cloned().unwrap_or_else(|| update.key.clone());
                    new.push((&update.table_name, updated(row, &update.update_expression, values)?));
                }
            } else {
                return Err(unsupported("this kind of transaction item"));
            }
        }
        if refused.contains(&true) {
            return Ok(Transaction::Refused(refused));
        }
        new.into_iter().try_for_each(|(table, row)| put(&mut tables, table, row))?;
        Ok(Transaction::Written)
    }

    pub(crate) fn put_many(&self, table: &str, items: Vec<Item>) -> Result<(), StoreError> {
        let mut tables = self.tables();
        items.into_iter().try_for_each(|item| put(&mut tables, table, item))
    }

    pub(crate) fn get(&self, table: &str, key: &Item) -> Result<Option<Item>, StoreError> {
        Ok(find(&self.tables(), table, key)?.cloned())
    }

    pub(crate) fn get_many(&self, table: &str, keys: &[Item]) -> Result<Vec<Item>, StoreError> {
        let tables = self.tables();
        let found = keys.iter().map(|key| Ok(find(&tables, table, key)?.cloned()));
        Ok(found.collect::<Result<Vec<_>, StoreError>>()?.into_iter().flatten().collect())
    }

    pub(crate) fn range(&self, table: &str, pk: &str, from: &str, to: &str, only: &[&str]) -> Vec<Item> {
        let tables = self.tables();
        let Some(rows) = tables.get(table).and_then(|rows| rows.get(pk)) else { return Vec::new() };
        let asked = |item: &Item| match only {
            [] => item.clone(),
            names => {
                names.iter().filter_map(|name| item.get_key_value(*name)).map(|(k, v)| (k.clone(), v.clone())).collect()
            }
        };
        rows.range(from.to_owned()..=to.to_owned()).map(|(_, item)| asked(item)).collect()
    }
}

fn unsupported(what: &str) -> StoreError {
    StoreError::Malformed(format!("rows in memory do not support {what}"))
}

fn key_of(item: &Item) -> Result<(&str, &str), StoreError> {
    let part = |name| item.get(name).and_then(|v| v.as_s().ok()).map(String::as_str);
    part("pk").zip(part("sk")).ok_or_else(|| unsupported("a row without pk and sk"))
}

fn find<'a>(tables: &'a HashMap<String, Table>, table: &str, item: &Item) -> Result<Option<&'a Item>, StoreError> {
    let (pk, sk) = key_of(item)?;
    Ok(tables.get(table).and_then(|rows| rows.get(pk)).and_then(|rows| rows.get(sk)))
}

fn put(tables: &mut HashMap<String, Table>, table: &str, item: Item) -> Result<(), StoreError> {
    let (pk, sk) = key_of(&item)?;
    let (pk, sk) = (pk.to_owned(), sk.to_owned());
    tables.entry(table.to_owned()).or_default().entry(pk).or_default().insert(sk, item);
    Ok(())
}

/// Returns whether a condition holds: terms joined by AND, and these by OR; a term may be a condition in brackets.
fn holds(condition: &str, row: Option<&Item>, values: Option<&Values>) -> Result<bool, StoreError> {
    if condition.is_empty() {
        return Ok(true);
    }
    for alternative in split(condition, " OR ") {
        let mut all = true;
        for term in split(alternative, " AND ") {
            all &= match term.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
                Some(inner) => holds(inner, row, values)?,
                None => term_holds(term, row, values)?,
            };
        }
        if all {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Splits a condition at each `separator` that is not in brackets.
fn split<'a>(condition: &'a str, separator: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, character) in condition.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && at >= start && condition[at..].starts_with(separator) => {
                parts.push(&condition[start..at]);
                start = at + separator.len();
            }
            _ => {}
        }
    }
    parts.push(&condition[start..]);
    parts
}

fn term_holds(term: &str, row: Option<&Item>, values: Option<&Values>) -> Result<bool, StoreError> {
    let attribute = |name: &str| row.and_then(|row| row.get(name));
    let inside =
        |function: &str| term.strip_prefix(function).and_then(|rest| rest.strip_prefix("(#")?.strip_suffix(')'));
    if let Some(name) = inside("attribute_not_exists") {
        return Ok(attribute(name).is_none());
    }
    if let Some(name) = inside("attribute_exists") {
        return Ok(attribute(name).is_some());
    }
    let mut words = term.split(' ');
    let (Some(name), Some(operator), Some(value), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(unsupported(term));
    };
    let given = |name: &str| values.and_then(|values| values.get(name)).ok_or_else(|| unsupported(term));
    let value = given(value)?;
    let found = match name.strip_prefix('#') {
        Some(name) => attribute(name),
        None => Some(given(name)?),
    };
    let Some(found) = found else { return Ok(false) };
    if let (Ok(left), Ok(right)) = (number(found), number(value)) {
        return match operator {
            "=" => Ok(left == right),
            "<" => Ok(left < right),
            "<=" => Ok(left <= right),
            ">=" => Ok(left >= right),
            _ => Err(unsupported(term)),
        };
    }
    if operator == "=" { Ok(found == value) } else { Err(unsupported(term)) }
}

fn number(value: &AttributeValue) -> Result<i128, StoreError> {
    let text = value.as_n().map_err(|_| unsupported("a value that is not a number"))?;
    text.parse().map_err(|_| unsupported("numbers with a fraction"))
}

/// Applies `SET … REMOVE … ADD …` or `ADD …` to a row; REMOVE and ADD are optional after SET.
fn updated(row: Item, update: &str, values: &Values) -> Result<Item, StoreError> {
    let mut row = row;
    let (set, remove, add) = match update.strip_prefix("ADD ") {
        Some(add) => (None, None, Some(add)),
        None => {
            let rest = update.strip_prefix("SET ").ok_or_else(|| unsupported(update))?;
            let (rest, add) = rest.split_once(" ADD ").map_or((rest, None), |(rest, add)| (rest, Some(add)));
            let (set, remove) = rest.split_once(" REMOVE ").map_or((rest, None), |(set, remove)| (set, Some(remove)));
            (Some(set), remove, add)
        }
    };
    let value = |name: &str| values.get(name).ok_or_else(|| unsupported(name));
    for clause in set.into_iter().flat_map(|clauses| clauses.split(',')).map(str::trim) {
        let words: Vec<&str> = clause.split_whitespace().collect();
        let (name, new) = match words[..] {
            [name, "=", new] => (name, value(new)?.clone()),
            [name, "=", old, sign @ ("+" | "-"), by] => {
                let old = row
                    .get(old.trim_start_matches('#'))
                    .ok_or_else(|| unsupported("arithmetic on a missing attribute"))?;
                let by = number(value(by)?)?;
                let sum = number(old)? + if sign == "+" { by } else { -by };
                (name, AttributeValue::N(sum.to_string()))
            }
            _ => return Err(unsupported(clause)),
        };
        row.insert(name.trim_start_matches('#').to_owned(), new);
    }
    for name in remove.into_iter().flat_map(|names| names.split(',')) {
        row.remove(name.trim().trim_start_matches('#'));
    }
    for clause in add.into_iter().flat_map(|clauses| clauses.split(',')) {
        let (name, new) = clause.trim().split_once(' ').ok_or_else(|| unsupported(clause))?;
        let (name, new) = (name.trim_start_matches('#'), value(new)?);
        let sum = match (row.get(name), new) {
            (None, new) => new.clone(),
            (Some(old), new) => AttributeValue::N((number(old)? + number(new)?).to_string()),
        };
        row.insert(name.to_owned(), sum);
    }
    Ok(row)
}

#[cfg(test)]
mod tests;
