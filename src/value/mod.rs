//! The data that flows through mappings and runs: exact numbers, missing and null as two things, records that keep
//! their order, and JSON in and out with untouched numbers byte for byte.
//!
//! Payload data never passes through a binary float or `serde_json::Value`; this module is the only border. It knows
//! nothing of types, mappings or systems.

mod exact;
mod fraction;
pub mod json;
mod local;
mod money;
mod number;
pub mod paths;
mod record;
#[cfg(test)]
mod tests;
mod text;
pub mod time;
mod wide;

pub use exact::{Exact, NumberError, Rounding};
pub use fraction::Fraction;
pub use local::Local;
pub use money::{Currency, Money};
pub use number::Number;
pub(crate) use record::Place;
pub use record::Record;
pub(crate) use text::Range;
pub use text::{Name, Text};

use std::cmp::Ordering;
use std::sync::Arc;

/// One value. Cloning is cheap: what is long is shared.
///
/// Its tag takes a word: with a byte, a value is moved in pieces that lie across words, which costs more than the moves.
#[derive(Debug, Default)]
#[repr(u64)]
pub enum Value {
    /// Not there. Never inside a list; a record's field that is missing is not in the record.
    #[default]
    Missing,
    /// There, and nothing: JSON's `null`.
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    /// A calendar day.
    Date(jiff::civil::Date),
    /// An instant.
    Time(jiff::Timestamp),
    /// A local time in a zone (`t.in_zone(z)`): has no written type and cannot be written.
    Local(Local),
    Money(Money),
    List(Arc<[Value]>),
    Record(Record),
}

/// Two values that cannot be compared: the words for what they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{left} and {right} cannot be compared")]
pub struct Mismatch {
    pub left: String,
    pub right: String,
}

impl Value {
    /// What it is, in the language's words; a number is `int` when it is whole.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Missing => "missing",
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(number) if number.is_whole() => "int",
            Value::Number(_) => "decimal",
            Value::Text(_) => "text",
            Value::Date(_) => "date",
            Value::Time(_) => "time",
            Value::Local(_) => "a local time",
            Value::Money(_) => "money",
            Value::List(_) => "list",
            Value::Record(_) => "record",
        }
    }

    pub fn as_text(&self) -> Option<&Text> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_record(&self) -> Option<&Record> {
        match self {
            Value::Record(record) => Some(record),
            _ => None,
        }
    }

    /// A record's field; missing where there is none.
    pub fn get(&self, name: &str) -> &Value {
        self.as_record().and_then(|record| record.get(name)).unwrap_or(&Value::Missing)
    }

    /// Missing or null.
    pub fn is_absent(&self) -> bool {
        matches!(self, Value::Missing | Value::Null)
    }

    /// Missing, null, or a text of nothing but white space.
    pub fn is_blank(&self) -> bool {
        match self {
            Value::Text(text) => text.as_bytes().iter().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')),
            other => other.is_absent(),
        }
    }

    /// `==`: int and decimal are one kind; missing, null and values all differ; two values of different kinds cannot be
    /// compared, inside lists and records they are unequal.
    pub fn equal(&self, other: &Value) -> Result<bool, Mismatch> {
        if self.is_absent() || other.is_absent() || self.family() == other.family() {
            return Ok(self == other);
        }
        Err(self.mismatch(other))
    }

    /// `< <= > >=` and `sort_by`: two numbers, dates, times, monies of one currency, or texts by code point.
    pub fn order(&self, other: &Value) -> Result<Ordering, Mismatch> {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => Ok(a.compare(b)),
            (Value::Text(a), Value::Text(b)) => Ok(a.cmp(b)),
            (Value::Date(a), Value::Date(b)) => Ok(a.cmp(b)),
            (Value::Time(a), Value::Time(b)) => Ok(a.cmp(b)),
            (Value::Money(a), Value::Money(b)) => {
                a.compare(b).map_err(|_| Mismatch { left: a.currency.to_string(), right: b.currency.to_string() })
            }
            _ => Err(self.mismatch(other)),
        }
    }

    fn family(&self) -> &'static str {
        match self {
            Value::Number(_) => "number",
            other => other.kind(),
        }
    }

    fn mismatch(&self, other: &Value) -> Mismatch {
        Mismatch { left: self.kind().into(), right: other.kind().into() }
    }
}

impl Clone for Value {
    fn clone(&self) -> Value {
        match self {
            Value::Missing => Value::Missing,
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(*value),
            Value::Number(number) => Value::Number(number.clone()),
            Value::Text(text) => Value::Text(text.clone()),
            Value::Date(date) => Value::Date(*date),
            Value::Time(time) => Value::Time(*time),
            Value::Local(local) => Value::Local(local.clone()),
            Value::Money(money) => Value::Money(*money),
            Value::List(items) => Value::List(items.clone()),
            Value::Record(record) => Value::Record(record.clone()),
        }
    }

    /// What most values are is written where it stays, not put together elsewhere and moved. Where the same record is there
    /// already, as where a fn is called again, it stays.
    #[inline]
    fn clone_from(&mut self, other: &Value) {
        if let (Value::Record(old), Value::Record(new)) = (&*self, other)
            && old.is_one_with(new)
        {
            return;
        }
        let old = match other {
            Value::Text(text) => std::mem::replace(self, Value::Text(text.clone())),
            Value::List(items) => std::mem::replace(self, Value::List(items.clone())),
            Value::Record(record) => std::mem::replace(self, Value::Record(record.clone())),
            other => std::mem::replace(self, other.clone()),
        };
        drop(old);
    }
}

/// By value: numbers whatever their text, lists and records element by element, records in any order of their fields.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Missing, Value::Missing) | (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Date(a), Value::Date(b)) => a == b,
            (Value::Time(a), Value::Time(b)) => a == b,
            (Value::Local(a), Value::Local(b)) => a == b,
            (Value::Money(a), Value::Money(b)) => a == b,
            (Value::List(a), Value::List(b)) => a == b,
            (Value::Record(a), Value::Record(b)) => a == b,
            _ => false,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text.into())
    }
}
impl From<Text> for Value {
    fn from(text: Text) -> Value {
        Value::Text(text)
    }
}
impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Number(value.into())
    }
}
impl From<Exact> for Value {
    fn from(value: Exact) -> Value {
        Value::Number(value.into())
    }
}
impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}
impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::List(items.into())
    }
}
/// A list, in one piece of memory where the number of elements is known.
impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Value {
        Value::List(items.into_iter().collect())
    }
}
impl From<Record> for Value {
    fn from(record: Record) -> Value {
        Value::Record(record)
    }
}

/// At most forty characters, for messages: what was got, never a whole payload.
pub(crate) fn excerpt(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
