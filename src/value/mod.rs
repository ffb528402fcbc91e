//! The data that flows through mappings and runs: exact numbers, missing and null as two things, records that keep
//! their order, and JSON in and out with untouched numbers byte for byte.
//!
//! Payload data never passes through `f64` or `serde_json::Value`; this module is the only border. It knows nothing
//! of types, mappings or systems.

mod compare;
mod currency;
mod exact;
mod fraction;
pub mod json;
mod money;
mod number;
mod record;
mod text;
pub mod time;
mod wide;

#[cfg(test)]
mod tests;

pub use compare::Mismatch;
pub use currency::Currency;
pub use exact::{Exact, NumberError, Rounding};
pub use fraction::Fraction;
pub use money::{Money, MoneyError};
pub use number::Number;
pub use record::Record;
pub use text::Text;

use std::sync::Arc;

/// One value. Cloning is cheap: what is long is shared.
#[derive(Clone, Debug, Default)]
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
    Local(Arc<jiff::Zoned>),
    Money(Money),
    List(Arc<Vec<Value>>),
    Record(Record),
}

static MISSING: Value = Value::Missing;

impl Value {
    pub fn text(text: impl Into<Text>) -> Value {
        Value::Text(text.into())
    }

    pub fn list(values: impl IntoIterator<Item = Value>) -> Value {
        Value::List(Arc::new(values.into_iter().collect()))
    }

    /// What it is, for messages: the language's name of its type.
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
            Value::Local(_) => "local time",
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

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    pub fn as_money(&self) -> Option<Money> {
        match self {
            Value::Money(money) => Some(*money),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    pub fn as_record(&self) -> Option<&Record> {
        match self {
            Value::Record(record) => Some(record),
            _ => None,
        }
    }

    /// The field with that name; missing where there is none or this is no record.
    pub fn get(&self, name: &str) -> &Value {
        self.as_record().and_then(|record| record.get(name)).unwrap_or(&MISSING)
    }

    /// The element at that place, counted from 0; missing where there is none or this is no list.
    pub fn at(&self, index: usize) -> &Value {
        self.as_list().and_then(|list| list.get(index)).unwrap_or(&MISSING)
    }

    /// The field of a field: `at_path(&["data", "object", "id"])`.
    pub fn at_path(&self, names: &[&str]) -> &Value {
        names.iter().fold(self, |value, name| value.get(name))
    }

    /// Missing or null.
    pub fn is_absent(&self) -> bool {
        matches!(self, Value::Missing | Value::Null)
    }

    pub fn is_missing(&self) -> bool {
        matches!(self, Value::Missing)
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Missing, null, or a text of nothing but white space.
    pub fn is_blank(&self) -> bool {
        match self {
            Value::Text(text) => text.trim_matches(is_space).is_empty(),
            _ => self.is_absent(),
        }
    }
}

/// White space as the language knows it: space, tab, CR and LF.
pub fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
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

impl From<bool> for Value {
    fn from(bool: bool) -> Value {
        Value::Bool(bool)
    }
}

impl From<i64> for Value {
    fn from(whole: i64) -> Value {
        Value::Number(whole.into())
    }
}

impl From<Exact> for Value {
    fn from(exact: Exact) -> Value {
        Value::Number(exact.into())
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Value {
        Value::Number(number)
    }
}

impl From<Money> for Value {
    fn from(money: Money) -> Value {
        Value::Money(money)
    }
}

impl From<jiff::civil::Date> for Value {
    fn from(date: jiff::civil::Date) -> Value {
        Value::Date(date)
    }
}

impl From<jiff::Timestamp> for Value {
    fn from(time: jiff::Timestamp) -> Value {
        Value::Time(time)
    }
}

impl From<Record> for Value {
    fn from(record: Record) -> Value {
        Value::Record(record)
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Value {
        Value::List(Arc::new(values))
    }
}

impl<V: Into<Value>> From<Option<V>> for Value {
    /// `None` is missing.
    fn from(value: Option<V>) -> Value {
        value.map_or(Value::Missing, Into::into)
    }
}
