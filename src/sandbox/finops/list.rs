//! Lists: `$filter $select $orderby $top $skip $count`, page by page. An option that F&O does not know is refused.

use super::refusal::{Refusal, bad};
use super::{Entity, Finops, etag, text, written};
use crate::sandbox::filter;
use crate::sandbox::server::{Call, Reply};
use crate::value::{Number, Record, Text, Value};

impl Finops {
    pub(super) fn list(&self, entity: &Entity, call: &Call) -> Result<Reply, Refusal> {
        for (name, _) in &call.query {
            if !["$filter", "$select", "$top", "$skip", "$orderby", "$count", "cross-company"].contains(&name.as_str())
            {
                return Err(bad(&format!("The query parameter '{name}' is not supported.")));
            }
        }
        let filter =
            call.parameter("$filter").map(|f| filter::parse(f, &entity.row)).transpose().map_err(|e| bad(&e))?;
        let number = |name: &str| {
            call.parameter(name).map(str::parse::<usize>).transpose().map_err(|_| bad("A whole number was expected."))
        };
        let (top, skip) = (number("$top")?, number("$skip")?.unwrap_or(0));
        let state = self.lock();
        let all = state.rows.get(&entity.name).map(Vec::as_slice).unwrap_or_default();
        let mut rows: Vec<&Record> = all
            .iter()
            .filter(|row| self.company_visible(call, row) && filter.as_ref().is_none_or(|filter| filter.holds(row)))
            .collect();
        if let Some(order) = call.parameter("$orderby") {
            for part in order.split(',').rev() {
                let (column, descending) = match part.trim().split_once(' ') {
                    Some((column, "desc")) => (column, true),
                    Some((column, "asc")) => (column, false),
                    None => (part.trim(), false),
                    Some(_) => return Err(bad("`$orderby` takes asc or desc.")),
                };
                if !entity.row.fields.contains_key(column) {
                    return Err(bad(&format!("Could not find a property named '{column}'.")));
                }
                rows.sort_by(|a, b| {
                    let order = order_of(a.get(column), b.get(column));
                    if descending { order.reverse() } else { order }
                });
            }
        }
        let count = rows.len();
        let wanted = top.unwrap_or(usize::MAX);
        let size = wanted.min(self.settings.page);
        let shown = rows.iter().skip(skip).take(size);
        let rows: Result<Vec<Value>, Refusal> = shown
            .map(|row| {
                let mut body = Record::new();
                body.set("@odata.etag".into(), text(&etag(row)));
                select(row, call.parameter("$select"), entity)?
                    .iter()
                    .for_each(|(n, v)| body.set(n.clone(), v.clone()));
                Ok(Value::Record(body))
            })
            .collect();
        let rows = rows?;
        let more = wanted > size && skip + size < count;
        let mut body = Record::new();
        body.set("@odata.context".into(), text(&self.context(&entity.name, "")));
        if call.parameter("$count") == Some("true") {
            body.set("@odata.count".into(), Value::Number(Number::from(count as i64)));
        }
        body.set("value".into(), Value::from(rows));
        if more {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &call.query {
                match name.as_str() {
                    "$skip" => {}
                    "$top" => drop(query.append_pair("$top", &(wanted - size).to_string())),
                    _ => drop(query.append_pair(name, value)),
                }
            }
            query.append_pair("$skip", &(skip + size).to_string());
            body.set(
                "@odata.nextLink".into(),
                text(&format!("{}/data/{}?{}", self.base(), entity.name, query.finish())),
            );
        }
        Ok(Reply::json(200, written(&Value::Record(body))))
    }
}

fn order_of(a: Option<&Value>, b: Option<&Value>) -> std::cmp::Ordering {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.compare(b),
        (Some(a), Some(b)) => a.as_text().map(|t| t.to_string()).cmp(&b.as_text().map(|t| t.to_string())),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// The row with the columns that are asked for.
pub fn select(row: &Record, columns: Option<&str>, entity: &Entity) -> Result<Record, Refusal> {
    let mut shown = Record::new();
    match columns {
        None => row.iter().filter(|(n, _)| !n.starts_with('#')).for_each(|(n, v)| shown.set(n.clone(), v.clone())),
        Some(columns) => {
            for column in columns.split(',').map(str::trim) {
                if !entity.row.fields.contains_key(column) {
                    return Err(bad(&format!("Could not find a property named '{column}'.")));
                }
                shown.set(Text::from(column), row.get(column).cloned().unwrap_or(Value::Null));
            }
        }
    }
    Ok(shown)
}
