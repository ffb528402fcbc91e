//! Dataverse's `RemoteExecutionContext` → the event as a flow sees it: which row of which table, what became of it, and
//! its columns as a plain record, named and written as the Web API reads them.
//!
//! Pure. Whatever is missing in a context is missing in the event: above 256 KB Dataverse leaves out the row and its
//! images, and the event says so (`oversized`). Finance & Operations sends its data events in the same form, with a
//! prefix before every name.

use super::event::EventGroup;
use super::payload::Types;
use super::system::System;
use crate::language::types::{Kind, TypeSource};
use crate::value::paths::Paths;
use crate::value::{Record, Text, Value, time};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const NAME: &str = "remote_execution_context";
/// What Finance & Operations puts before the names of its tables and columns.
const PREFIX: &str = "mserp_";
/// Which table a lookup points to, as the Web API writes it beside the column.
const TABLE_OF: &str = "@Microsoft.Dynamics.CRM.lookuplogicalname";

/// Reads the contexts of one system, with all of its tables.
#[derive(Clone, Debug)]
pub struct Context {
    /// By the system's own name of one row.
    tables: BTreeMap<String, Table>,
    /// The fields that an event has.
    gives: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Table {
    name: Text,
    key: Vec<Text>,
    /// By their names in lower case.
    columns: HashMap<String, Column>,
}

#[derive(Clone, Debug)]
struct Column {
    name: Text,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Date,
    /// A text stays what it is, whatever it looks like.
    Text,
    Other,
}

impl Context {
    /// The reader of a group of events, where they are contexts.
    pub fn of(group: &EventGroup, system: &System, types: &Types) -> Option<Context> {
        group.decode.as_ref().filter(|decode| decode.code == NAME)?;
        let tables = system.entities.values().filter_map(|entity| {
            let row = types.payload(&entity.ty);
            let fields = row.as_ref().and_then(|row| row.fields());
            let columns = fields.into_iter().flat_map(|record| &record.fields).filter(|(_, field)| !field.write_only);
            let columns = columns.map(|(name, field)| {
                let form = match field.ty.kind {
                    Kind::Date => Form::Date,
                    Kind::Text => Form::Text,
                    _ => Form::Other,
                };
                (name.to_lowercase(), Column { name: name.clone(), form })
            });
            let key = entity.key.iter().map(|column| Text::from(column.as_str())).collect();
            let table = Table { name: entity.name.as_str().into(), key, columns: columns.collect() };
            Some((entity.logical_name.clone()?, table))
        });
        Some(Context { tables: tables.collect(), gives: group.gives.keys().cloned().collect() })
    }

    /// The event; `None`: the body is no context.
    pub fn event(&self, body: &Value) -> Option<Value> {
        let (message, logical) = (text(body.get("MessageName"))?, text(body.get("PrimaryEntityName"))?);
        let table = self.tables.get(logical);
        let id = text(body.get("PrimaryEntityId"));
        let (pre, post) = (self.images(body, table, "PreEntityImages"), self.images(body, table, "PostEntityImages"));
        let target = self.target(body, table);
        let key = table.and_then(|table| {
            let rows = [target.as_ref(), post.as_ref(), pre.as_ref()];
            let find = |column: &Text| rows.iter().flatten().find_map(|row| row.get(column).cloned());
            let key: Option<Record> = table.key.iter().map(|column| Some((column.clone(), find(column)?))).collect();
            key.map(Value::Record)
        });
        let entity = table.map_or_else(|| Text::from(logical), |table| table.name.clone());
        let fields = [
            ("message", Some(Value::from(message))),
            ("entity", Some(Value::Text(entity))),
            ("id", id.map(Value::from)),
            ("key", key),
            ("target", target.map(Value::Record)),
            ("pre", pre.map(Value::Record)),
            ("post", post.map(Value::Record)),
            ("depth", Some(body.get("Depth").clone()).filter(|depth| !depth.is_absent())),
            ("oversized", Some(Value::Bool(body.get("InputParameters").as_list().is_none()))),
        ];
        let given = fields.into_iter().filter(|(name, _)| self.gives.contains(*name));
        let there = given.filter_map(|(name, value)| Some((Text::from(name), value?)));
        Some(Value::Record(there.collect()))
    }

    /// A context without what a project drops. The paths are those of the event, for that is what its author sees.
    pub fn without(&self, body: &Value, drop: &Paths) -> Value {
        let body = drop.without(body);
        let (Some(event), Value::Record(whole)) = (self.event(&body), &body) else { return body };
        let kept = drop.without(&event);
        if kept == event {
            return body;
        }
        let table = text(body.get("PrimaryEntityName")).and_then(|logical| self.tables.get(logical));
        let mut whole = whole.clone();
        // Says the same once more.
        whole.set("ParentContext".into(), Value::Null);
        for (place, field) in [("InputParameters", "target"), ("PreEntityImages", "pre"), ("PostEntityImages", "post")]
        {
            let Some(parts) = body.get(place).as_list() else { continue };
            let parts = parts.iter().map(|part| without_columns(part, table, kept.get(field)));
            whole.set(place.into(), Value::from(parts.collect::<Vec<_>>()));
        }
        Value::Record(whole)
    }

    fn target(&self, body: &Value, table: Option<&Table>) -> Option<Record> {
        let parameters = body.get("InputParameters").as_list()?;
        let target = parameters.iter().find(|part| text(part.get("key")) == Some("Target"))?;
        row(target.get("value"), table)
    }

    /// All images together: they are of one row at one moment.
    fn images(&self, body: &Value, table: Option<&Table>, place: &str) -> Option<Record> {
        let images = body.get(place).as_list()?;
        let mut whole: Option<Record> = None;
        for image in images.iter().filter_map(|image| row(image.get("value"), table)) {
            let whole = whole.get_or_insert_with(Record::new);
            image.iter().for_each(|(name, value)| whole.set(name.clone(), value.clone()));
        }
        whole
    }
}

/// The columns of an `Entity`. `None`: it is none, as the reference that names a deleted row.
fn row(entity: &Value, table: Option<&Table>) -> Option<Record> {
    let attributes = entity.get("Attributes").as_list()?;
    let mut row = Record::new();
    for attribute in attributes {
        let Some(name) = text(attribute.get("key")) else { continue };
        let value = attribute.get("value");
        let (column, form) = column(name, value, table);
        if let Some(to) = text(value.get("LogicalName")).filter(|_| is_reference(value)) {
            row.set(format!("{column}{TABLE_OF}").into(), Value::from(to));
        }
        row.set(column, plain(value, form));
    }
    // A row names itself, whatever it says of itself.
    if let (Some([key]), Some(id)) = (table.map(|table| table.key.as_slice()), text(entity.get("Id")))
        && !row.contains(key)
        && table.is_some_and(|table| table.columns.get(key.as_str()).is_some_and(|known| known.form == Form::Text))
    {
        row.set(key.clone(), Value::from(id));
    }
    Some(row)
}

/// The column as the Web API reads it, and how it is written.
fn column(name: &str, value: &Value, table: Option<&Table>) -> (Text, Form) {
    let bare = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
    let known = |name: &str| table.and_then(|table| table.columns.get(name));
    let lookup = format!("_{bare}_value");
    let found = match is_reference(value) {
        true => known(&lookup),
        // Of an empty lookup the value does not tell that it is one.
        false => known(&bare).or_else(|| known(&lookup).filter(|_| *value == Value::Null)),
    };
    match found {
        Some(column) => (column.name.clone(), column.form),
        None if is_reference(value) => (lookup.into(), Form::Other),
        None => (bare.into(), Form::Other),
    }
}

fn without_columns(part: &Value, table: Option<&Table>, kept: &Value) -> Value {
    let (Value::Record(part), Value::Record(entity)) = (part, part.get("value")) else { return part.clone() };
    let Some(attributes) = entity.get("Attributes").and_then(Value::as_list) else {
        return Value::Record(part.clone());
    };
    let stays = |attribute: &&Value| {
        let name = text(attribute.get("key"));
        name.is_some_and(|name| *kept.get(&column(name, attribute.get("value"), table).0) != Value::Missing)
    };
    let attributes: Vec<Value> = attributes.iter().filter(stays).cloned().collect();
    let (mut part, mut entity) = (part.clone(), entity.clone());
    entity.set("Attributes".into(), Value::from(attributes));
    entity.set("FormattedValues".into(), Value::from(Vec::<Value>::new()));
    part.set("value".into(), Value::Record(entity));
    Value::Record(part)
}

/// A column's value as JSON of the Web API has it.
fn plain(value: &Value, form: Form) -> Value {
    match value {
        Value::Text(text) if form != Form::Text => when(text, form),
        Value::List(items) => {
            // Several options are one text.
            let chosen: Option<Vec<String>> = items.iter().map(|item| whole(item.get("Value"))).collect();
            match chosen.filter(|chosen| !chosen.is_empty()) {
                Some(chosen) => Value::from(chosen.join(",")),
                None => Value::from(items.iter().map(|item| plain(item, Form::Other)).collect::<Vec<_>>()),
            }
        }
        Value::Record(record) => {
            if is_reference(value) {
                return value.get("Id").clone();
            }
            if record.contains("Attributes") {
                return row(value, None).map_or(Value::Null, Value::Record);
            }
            match (record.get("Value"), record.get("Entities")) {
                (Some(inner), _) => plain(inner, form),
                (None, Some(rows)) => plain(rows, Form::Other),
                (None, None) => Value::Record(
                    record
                        .iter()
                        .filter(|(name, _)| name.as_str() != "__type")
                        .map(|(name, value)| (name.clone(), plain(value, Form::Other)))
                        .collect(),
                ),
            }
        }
        other => other.clone(),
    }
}

fn is_reference(value: &Value) -> bool {
    value
        .as_record()
        .is_some_and(|record| record.contains("LogicalName") && record.contains("Id") && !record.contains("Attributes"))
}

/// A date or time as the Web API writes it; any other text as it is.
fn when(text: &Text, form: Form) -> Value {
    let written = match (instant(text), form) {
        (Some(at), Form::Date) => time::write_time(at).ok().and_then(|at| at.get(..10).map(str::to_owned)),
        (Some(at), _) => time::write_time(at).ok(),
        // A day of a date column that came as an instant.
        (None, Form::Date) => time::parse_time(text).and_then(|_| text.get(..10).map(str::to_owned)),
        (None, _) => None,
    };
    written.map_or_else(|| Value::Text(text.clone()), Value::from)
}

/// `/Date(1506384247000)/`, `/Date(1506409448000-0700)/`: milliseconds in UTC; the zone behind them changes nothing.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let digits = inner.strip_prefix('-').unwrap_or(inner);
    let end = digits.find(['+', '-']).unwrap_or(digits.len());
    let (milliseconds, zone) = inner.split_at_checked(inner.len() - digits.len() + end)?;
    let is_zone = zone.is_empty() || zone.len() == 5 && zone[1..].bytes().all(|byte| byte.is_ascii_digit());
    if !is_zone {
        return None;
    }
    Timestamp::from_millisecond(milliseconds.parse().ok()?).ok()
}

fn text(value: &Value) -> Option<&str> {
    value.as_text().map(Text::as_str).filter(|text| !text.trim().is_empty())
}

fn whole(value: &Value) -> Option<String> {
    value.as_number()?.shortest().ok()
}
