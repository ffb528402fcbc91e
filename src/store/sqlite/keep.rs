//! Links and totals. A sum is kept beside what each node has added, so that asking for it costs the same however much
//! was added, and what was added can go with its run.

use super::query::{execute, one};
use super::rows::At;
use crate::store::{Keep, Kept, RunId, StoreError, sql};
use crate::value::Exact;
use jiff::Timestamp;
use rusqlite::{Connection, params};

pub(super) fn keep(c: &Connection, run: RunId, kept: &Kept, at: Timestamp) -> Result<(), StoreError> {
    let Kept { node, keep } = kept;
    match keep {
        Keep::Link { name, key, value: Some(value) } => {
            execute(c, sql::PUT_LINK, params![name, key, value, run, node, At(at)])?;
        }
        Keep::Link { name, key, value: None } => {
            execute(c, sql::DELETE_LINK, params![name, key])?;
        }
        Keep::Total { name, key, amount } => {
            let before = one(c, sql::ADDITION, params![run, node], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            })?;
            if let Some((name, key, amount)) = before {
                add(c, &name, &key, exact(&amount)?.neg(), at)?;
            }
            add(c, name, key, *amount, at)?;
            execute(c, sql::PUT_ADDITION, params![run, node, name, key, amount.to_string()])?;
        }
    }
    Ok(())
}

fn add(c: &Connection, name: &str, key: &str, amount: Exact, at: Timestamp) -> Result<(), StoreError> {
    let sum = match total(c, name, key)? {
        Some(sum) => sum.add(amount).map_err(|why| {
            StoreError::Conflict(format!("the total `{name}` under `{key}` cannot take what is added: {why}"))
        })?,
        None => amount,
    };
    execute(c, sql::PUT_TOTAL, params![name, key, sum.to_string(), At(at)])?;
    Ok(())
}

pub(super) fn total(c: &Connection, name: &str, key: &str) -> Result<Option<Exact>, StoreError> {
    let sum = one(c, sql::TOTAL, params![name, key], |row| row.get::<_, String>(0))?;
    sum.map(|sum| exact(&sum)).transpose()
}

pub(super) fn link(c: &Connection, name: &str, key: &str) -> Result<Option<String>, StoreError> {
    one(c, sql::LINK, params![name, key], |row| row.get(0))
}

fn exact(text: &str) -> Result<Exact, StoreError> {
    Exact::parse(text).map_err(|why| StoreError::Corrupt(format!("a total that is no number: {why}")))
}
