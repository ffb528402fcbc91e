//! Whether two requests ask for the same, and whether a row found holds what we would have written.

use crate::engine::connector::Request;
use crate::engine::journal::request_text;
use crate::value::Value;

/// Whether sending one or the other is the same work: everything but the key and the step's `now`.
pub(super) fn same_request(a: &Request, b: &Request) -> bool {
    let bare =
        |request: &Request| request_text(&Request { key: None, now: jiff::Timestamp::UNIX_EPOCH, ..request.clone() });
    match (bare(a), bare(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
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
        (Value::Number(a), Value::Number(b)) => a == b,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a == b || same_instant(a, b),
        (Value::Text(text), written @ (Value::Date(_) | Value::Time(_)))
        | (written @ (Value::Date(_) | Value::Time(_)), Value::Text(text)) => same_moment(written, text),
        (Value::Date(a), Value::Date(b)) => a == b,
        (Value::Time(a), Value::Time(b)) => a == b,
        (Value::Money(a), Value::Money(b)) => a.currency == b.currency && a.amount == b.amount,
        _ => false,
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
