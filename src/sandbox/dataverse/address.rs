//! Addresses below `/api/data/v9.2/`: tables, rows by id or alternate key, what stands behind them.

use super::refusal::{Refusal, code};
use super::table::{Table, Tables};
use super::write::Named;
use crate::value::{Number, Text, Value};
use percent_encoding::percent_decode_str;

/// What a path names.
pub enum Address<'t> {
    /// All rows of a table.
    Rows(&'t Table),
    Row(&'t Table, Named),
    /// `contacts(…)/account_contacts/$ref`.
    Tie(&'t Table, Named, String),
    /// An action or function, or what describes the tables.
    Other(String),
}

/// Reads a path, still percent-encoded.
pub fn read<'t>(tables: &'t Tables, path: &str) -> Result<Address<'t>, Refusal> {
    let segment =
        |name: &str| Refusal::new(404, code::SEGMENT, format!("Resource not found for the segment '{name}'."));
    let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let (name, key) = match first.split_once('(') {
        Some((name, key)) => (name, Some(key.strip_suffix(')').ok_or_else(|| segment(first))?)),
        None => (first, None),
    };
    let Some(table) = tables.get(name) else {
        return match (key, rest, name.starts_with(char::is_uppercase)) {
            (None, None, true) => Ok(Address::Other(name.to_owned())),
            _ => Err(segment(name)),
        };
    };
    let named = key.map(|key| {
        let key = percent_decode_str(key).decode_utf8().map_err(|_| segment(first))?;
        named(table, &key)
    });
    match (named.transpose()?, rest) {
        (None, None) => Ok(Address::Rows(table)),
        (Some(named), None) => Ok(Address::Row(table, named)),
        (Some(named), Some(rest)) => match rest.strip_suffix("/$ref") {
            Some(navigation) if !navigation.contains('/') => Ok(Address::Tie(table, named, navigation.to_owned())),
            _ => Err(segment(rest)),
        },
        (None, Some(rest)) => Err(segment(rest)),
    }
}

/// What stands between the brackets: a GUID alone, or the columns of one alternate key.
pub fn named(table: &Table, key: &str) -> Result<Named, Refusal> {
    if let Ok(id) = uuid::Uuid::try_parse(key) {
        return Ok(Named::Id(id.hyphenated().to_string()));
    }
    let bad = |why: &str| Refusal::bad(code::QUERY, format!("Bad Request - Error in query syntax: {why}."));
    let mut parts: Vec<(String, Value)> = vec![];
    let mut rest = key;
    while !rest.is_empty() {
        let (column, after) = rest.split_once('=').ok_or_else(|| bad("a key is a GUID or name=value"))?;
        let (value, after) = match after.strip_prefix('\'') {
            Some(quoted) => {
                let (text, length) = quoted_text(quoted).ok_or_else(|| bad("a text in the key is not closed"))?;
                (Value::from(text), &quoted[length..])
            }
            None => {
                let end = after.find(',').unwrap_or(after.len());
                let written = &after[..end];
                let value = match uuid::Uuid::try_parse(written) {
                    Ok(id) => Value::from(id.hyphenated().to_string()),
                    Err(_) if written.parse::<i64>().is_ok() => Value::Number(Number::from_json(Text::from(written))),
                    Err(_) => return Err(bad("a text in a key stands in quotes")),
                };
                (value, &after[end..])
            }
        };
        parts.push((column.trim().to_owned(), value));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    if let [(column, Value::Text(id))] = parts.as_slice()
        && *column == table.id
    {
        return Ok(Named::Id(id.to_string()));
    }
    let is_key = |key: &&Vec<String>| key.len() == parts.len() && key.iter().all(|c| parts.iter().any(|(p, _)| p == c));
    match table.alternate_keys.iter().find(is_key) {
        Some(_) => Ok(Named::Alternate(parts)),
        None => Err(bad("the specified key is no defined alternate key of the entity")),
    }
}

/// A quoted text behind its opening quote, and how much of it was read.
fn quoted_text(text: &str) -> Option<(String, usize)> {
    let mut at = 0;
    loop {
        let end = at + text.get(at..)?.find('\'')?;
        match text.get(end + 1..).is_some_and(|rest| rest.starts_with('\'')) {
            true => at = end + 2,
            false => return Some((text.get(..end)?.replace("''", "'"), end + 1)),
        }
    }
}
