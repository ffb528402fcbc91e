//! The journal's form: JSON in which missing, dates, times and monies say what they are, as `{"$time":"…"}`. A field
//! whose name begins with `$` gets a second one, so that data never looks like a tag.

use super::write::{WriteError, Writer};
use super::{JsonError, MOST_NESTING, read::parse_limited};
use crate::value::{Currency, Exact, Money, Record, Text, Value};
use std::sync::Arc;

/// Bytes that are written at most: room for any value that a limit elsewhere let through.
const OUTPUT: usize = 256 << 20;

/// Writes any value so that [`parse_tagged`] gives it back.
pub fn write_tagged(value: &Value) -> Result<String, WriteError> {
    Writer { out: String::new(), output: OUTPUT, pretty: false, tagged: true }.document(value)
}

/// Reads what [`write_tagged`] wrote.
pub fn parse_tagged(body: &[u8]) -> Result<Value, JsonError> {
    untag(parse_limited(body, MOST_NESTING)?).map_err(|message| JsonError::at(body, 0, message))
}

fn untag(value: Value) -> Result<Value, String> {
    match value {
        Value::List(list) => list.iter().cloned().map(untag).collect::<Result<Vec<_>, _>>().map(Value::from),
        Value::Record(record) => {
            let mut fields = Vec::with_capacity(record.len());
            for (name, value) in record.iter() {
                match name.strip_prefix('$') {
                    None => fields.push((name.clone(), untag(value.clone())?)),
                    Some(rest) if rest.starts_with('$') => fields.push((Text::from(rest), untag(value.clone())?)),
                    Some(kind) if record.len() == 1 => return tag(kind, value),
                    Some(_) => return Err(format!("the tag `{name}` stands beside other fields")),
                }
            }
            Ok(Value::Record(Record::distinct(fields)))
        }
        plain => Ok(plain),
    }
}

fn tag(kind: &str, content: &Value) -> Result<Value, String> {
    let text = content.as_text().map(Text::as_str).unwrap_or_default();
    let value = match kind {
        "missing" => Some(Value::Missing),
        "date" => text.parse().ok().map(Value::Date),
        "time" => text.parse().ok().map(Value::Time),
        "local" => text.parse().ok().map(|local| Value::Local(Arc::new(local))),
        "money" => text.split_once(' ').and_then(|(amount, currency)| {
            Some(Value::Money(Money::new(Exact::parse(amount).ok()?, Currency::parse(currency)?)))
        }),
        _ => return Err(format!("the tag `${kind}` is unknown: was this written by a newer version?")),
    };
    value.ok_or_else(|| format!("what the tag `${kind}` holds is none"))
}
