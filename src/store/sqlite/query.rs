//! Running statements: prepared once per connection, and lists with the conditions that were asked for.

use crate::store::{Listed, Page, StoreError};
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, OptionalExtension, Params, Row, ToSql, params_from_iter};

/// Runs a statement; how many rows it changed.
pub(super) fn execute(connection: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// The first row, if there is one.
pub(super) fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    Ok(connection.prepare_cached(sql)?.query_row(params, read).optional()?)
}

/// All rows.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params, read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// No part of a list is longer, whatever was asked for.
const LONGEST: usize = 1000;

/// A `select` whose conditions depend on what was asked.
pub(super) struct List {
    sql: String,
    params: Vec<Value>,
}

impl List {
    pub(super) fn new(columns: &str, table: &str) -> List {
        List { sql: format!("select {columns} from {table} where 1 = 1"), params: Vec::new() }
    }

    /// The next parameter, as it is written in the statement.
    fn parameter(&mut self, value: &dyn ToSql) -> Result<String, StoreError> {
        self.params.push(match value.to_sql()? {
            ToSqlOutput::Borrowed(value) => Value::try_from(value).map_err(rusqlite::Error::from)?,
            ToSqlOutput::Owned(value) => value,
            other => return Err(StoreError::Io(format!("a parameter of an unknown kind: {other:?}"))),
        });
        Ok(format!("${}", self.params.len()))
    }

    /// `left value`, where `left` ends with an operator.
    pub(super) fn and(&mut self, left: &str, value: &dyn ToSql) -> Result<(), StoreError> {
        let parameter = self.parameter(value)?;
        self.sql.push_str(&format!(" and {left} {parameter}"));
        Ok(())
    }

    /// `column` is among what one of `selects` finds. Each has the `values` where it says `{}`.
    pub(super) fn and_in(&mut self, column: &str, selects: &[&str], values: &[&dyn ToSql]) -> Result<(), StoreError> {
        let mut filled = Vec::with_capacity(selects.len());
        for select in selects {
            let mut select = (*select).to_owned();
            for value in values {
                select = select.replacen("{}", &self.parameter(*value)?, 1);
            }
            filled.push(select);
        }
        self.sql.push_str(&format!(" and {column} in ({})", filled.join(" union all ")));
        Ok(())
    }

    /// `column` is one of `values`; without values, anything.
    pub(super) fn and_any<T: ToSql>(&mut self, column: &str, values: &[T]) -> Result<(), StoreError> {
        let parameters = values.iter().map(|value| self.parameter(value)).collect::<Result<Vec<_>, _>>()?;
        if !parameters.is_empty() {
            self.sql.push_str(&format!(" and {column} in ({})", parameters.join(", ")));
        }
        Ok(())
    }

    /// `column` is like one of `patterns`, in which `\` makes the next character stand for itself.
    pub(super) fn and_like_any(&mut self, column: &str, patterns: &[String]) -> Result<(), StoreError> {
        let parameters = patterns.iter().map(|pattern| self.parameter(pattern)).collect::<Result<Vec<_>, _>>()?;
        let likes: Vec<String> = parameters.iter().map(|p| format!("{column} like {p} escape '\\'")).collect();
        self.sql.push_str(&format!(" and ({})", likes.join(" or ")));
        Ok(())
    }

    /// The part of the list that `page` asks for, largest `key` first; `place` gives an item's key.
    pub(super) fn page<T>(
        mut self,
        connection: &Connection,
        key: &str,
        page: &Page,
        after: Option<Value>,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
        place: impl Fn(&T) -> String,
    ) -> Result<Listed<T>, StoreError> {
        if let Some(after) = after {
            self.and(&format!("{key} <"), &after)?;
        }
        let limit = page.limit.clamp(1, LONGEST);
        let sql = format!("{} order by {key} desc limit {}", self.sql, limit + 1);
        let mut items = all(connection, &sql, params_from_iter(self.params), read)?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(place) } else { None };
        Ok(Listed { items, next })
    }
}
