//! Whether two requests ask for the same, and whether a row found holds what we would have written.

use crate::engine::connector::Request;
use crate::engine::journal::request_text;
use crate::value::Value;

/// Whether sending one or the other is the same, letter by letter; the key and the step's `now` do not count.
pub(super) fn same_request(a: &Request, b: &Request) -> bool {
    matches!((request_text(a), request_text(b)), (Ok(a), Ok(b)) if a == b)
}

/// Whether `row` holds every value of `written`. What the server adds is ignored, and so is what it does not show; null
/// equals absent; times are compared as instants, however they are written.
pub(super) fn holds(row: &Value, written: &Value) -> bool {
    match (row, written) {
        (Value::Record(row), Value::Record(written)) => {
            written.iter().all(|(name, value)| row.get(name).is_none_or(|found| holds(found, value)))
        }
        (Value::List(row), Value::List(written)) => {
            row.len() == written.len() && row.iter().zip(written.iter()).all(|(row, written)| holds(row, written))
        }
        (Value::Missing | Value::Null, Value::Missing | Value::Null) => true,
        (Value::Text(a), Value::Text(b)) => a == b || same_instant(a, b),
        (Value::Text(text), written @ (Value::Date(_) | Value::Time(_)))
        | (written @ (Value::Date(_) | Value::Time(_)), Value::Text(text)) => same_moment(written, text),
        (row, written) => row == written,
    }
}

fn same_instant(a: &str, b: &str) -> bool {
    matches!((a.parse::<jiff::Timestamp>(), b.parse::<jiff::Timestamp>()), (Ok(a), Ok(b)) if a == b)
}

/// A date or time of ours and the text of a system. A date is often told as an instant of that day.
fn same_moment(value: &Value, text: &str) -> bool {
    match value {
        Value::Time(time) => text.parse::<jiff::Timestamp>().is_ok_and(|found| found == *time),
        Value::Date(date) => text.get(..10).and_then(|day| day.parse().ok()) == Some(*date),
        _ => false,
    }
}
