//! What the triggers say that start runs by themselves.

use super::cron::Ticks;
use super::{Operation, Slot, TriggerKind};
use crate::language::types::{Kind, Type};
use crate::value::{Text, Value, time};
use std::time::Duration;

/// The message of an event that tells which columns were changed.
pub const UPDATE: &str = "Update";

/// The provider is also asked for events that it never delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconcile {
    pub every: Duration,
    pub lookback: Duration,
}

/// Points in time.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub ticks: Ticks,
    /// Ticks that were missed start one run.
    pub catch_up: bool,
}

/// Rows that are asked for again and again, from the last value of a column on.
#[derive(Debug)]
pub struct Polling {
    /// What is asked, without the condition on the cursor.
    pub operation: Operation,
    pub every: Duration,
    /// The column that grows.
    pub cursor: Text,
    pub cursor_type: Type,
    /// The first value to ask from. `None`: now.
    pub from: Option<Slot>,
    /// How far before the last value it is asked again: rows that the system was still writing then.
    pub overlap: Duration,
    /// The columns whose values name a row.
    pub key: Vec<Text>,
}

/// What was made, changed and deleted in a table since it was asked last, by a link that the system gives with every
/// answer.
#[derive(Debug)]
pub struct Tracking {
    pub operation: Operation,
    pub every: Duration,
}

/// The message of an event that tells of a row that is gone.
pub const DELETE: &str = "Delete";

/// Files that appear in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// From the project's root.
    pub folder: Text,
    /// The file's name, with `*`.
    pub name: Text,
    pub reader: Format,
    /// A file that has not changed for so long is complete.
    pub settle: Duration,
}

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Json,
    /// PayPal's settlement report.
    Settlement,
}

impl Format {
    /// Every one of them.
    pub const ALL: &[Format] = &[Format::Csv, Format::Json, Format::Settlement];

    /// Its name in a flow.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Settlement => "paypal_settlement",
        }
    }
}

impl TriggerKind {
    /// Its key in a flow.
    pub fn word(&self) -> &'static str {
        match self {
            TriggerKind::Webhook { .. } => "webhook",
            TriggerKind::Schedule(_) => "schedule",
            TriggerKind::Poll(_) | TriggerKind::Changes(_) => "poll",
            TriggerKind::Files(_) => "file",
            TriggerKind::Flow { .. } => "flow",
        }
    }

    /// The event of a kept body, as the flow's slots and steps see it.
    pub fn event(&self, body: Value) -> Value {
        match self {
            TriggerKind::Webhook { decoders, .. } => {
                decoders.iter().find_map(|decoder| decoder.event(&body)).unwrap_or(body)
            }
            _ => body,
        }
    }

    /// Whether an event touches one of the columns that the flow names. An update that does not say what it touched may
    /// have touched any.
    pub fn concerns(&self, event: &Value) -> bool {
        let TriggerKind::Webhook { columns, .. } = self else { return true };
        let touched = event.get("target").as_record();
        let is_update = event.get("message").as_text().is_some_and(|message| message.as_str() == UPDATE);
        !is_update || columns.is_empty() || touched.is_none_or(|row| columns.iter().any(|column| row.contains(column)))
    }

    /// The id of an event that no provider names; `None`: the provider does, or the event does not say what it takes.
    pub fn event_id(&self, event: &Value) -> Option<String> {
        match self {
            TriggerKind::Webhook { .. } | TriggerKind::Flow { .. } => None,
            TriggerKind::Schedule(_) => id_text(event.get("scheduled_at")),
            TriggerKind::Poll(poll) => poll.event_id(event),
            TriggerKind::Changes(_) => {
                let gone = event.get("message").as_text().is_some_and(|message| message.as_str() == DELETE);
                let version = match gone {
                    true => "deleted".to_owned(),
                    false => id_text(event.get("target").get("@odata.etag"))?,
                };
                Some(format!("{}@{version}", id_text(event.get("id"))?))
            }
            TriggerKind::Files(_) => Some(format!("{} {}", id_text(event.get("name"))?, id_text(event.get("sha256"))?)),
        }
    }
}

impl Polling {
    /// The row's key and cursor value: another value is another event.
    pub fn event_id(&self, row: &Value) -> Option<String> {
        let key: Option<Vec<String>> = self.key.iter().map(|column| id_text(row.get(column))).collect();
        Some(format!("{}@{}", key?.join("/"), id_text(&self.cursor_value(row)?)?))
    }

    /// The row's value of the cursor, read by its type.
    pub fn cursor_value(&self, row: &Value) -> Option<Value> {
        read_as(row.get(&self.cursor), &self.cursor_type)
    }
}

/// A value as the type of a cursor reads it. `None`: it is none.
pub fn read_as(value: &Value, ty: &Type) -> Option<Value> {
    Some(match (&ty.kind, value) {
        (Kind::Time, Value::Text(text)) => Value::Time(time::parse_time(text)?),
        // F&O writes dates as noon of their day.
        (Kind::Date, Value::Text(text)) => Value::Date(time::parse_date(text.get(..10)?)?),
        (Kind::Time, Value::Time(_)) | (Kind::Date, Value::Date(_)) => value.clone(),
        (Kind::Int | Kind::Decimal, Value::Number(_)) => value.clone(),
        _ => return None,
    })
}

/// A value in an id: one text for equal values.
fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) if !text.trim().is_empty() => Some(text.replace('%', "%25").replace('/', "%2F")),
        Value::Number(number) => Some(number.canonical()),
        Value::Time(at) => time::write_time(*at).ok(),
        Value::Date(date) => time::write_date(*date).ok(),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
