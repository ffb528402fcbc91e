//! JSON in and out. Reads strictly (a body with a name twice in one object, half a surrogate pair or too much nesting
//! is not JSON), keeps every number's text, and writes compact UTF-8.
//!
//! Texts without escapes are slices of one shared copy of the body, as are numbers that an exact value would not write
//! alike. The tagged form at the end is for
//! the journal: it carries every value there and back, missing and times included.

mod read;
mod write;

use super::{Currency, Money, Text, Value, time};
use write::Writer;

/// How deep lists and records may stand in each other, unless said otherwise.
pub const NESTING: usize = 128;

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct JsonError {
    /// In bytes.
    pub offset: usize,
    /// From 1; columns in bytes.
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// Why a value cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    #[error("a missing value cannot be written")]
    Missing,
    #[error("a local time cannot be written: use `.format(…)` or `.date()`")]
    Local,
    #[error(transparent)]
    Number(#[from] super::NumberError),
    #[error(transparent)]
    Year(#[from] time::YearError),
}

/// Reads one JSON text.
pub fn parse(body: &[u8]) -> Result<Value, JsonError> {
    parse_limited(body, NESTING)
}

/// Reads one JSON text whose lists and records stand at most `nesting` deep.
pub fn parse_limited(body: &[u8], nesting: usize) -> Result<Value, JsonError> {
    let fail = |offset: usize, message: &str| {
        let before = &body[..offset.min(body.len())];
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        JsonError { offset, line, column: offset - line_start + 1, message: message.into() }
    };
    let text = std::str::from_utf8(body).map_err(|error| fail(error.valid_up_to(), "the text is not UTF-8"))?;
    if u32::try_from(text.len()).is_err() {
        return Err(fail(0, "the text is longer than 4 GiB"));
    }
    read::document(text, nesting).map_err(|stop| fail(stop.0, &stop.1))
}

/// Whether a text stands in quotes as it is.
pub(crate) fn is_plain(text: &str) -> bool {
    plain(text.as_bytes()) == text.len()
}

/// How many bytes come before the first `"`, `\\` or control character: what a text in quotes holds as it is.
pub(super) fn plain(bytes: &[u8]) -> usize {
    // Eight bytes at a time: in a word, bytes that a subtraction takes below zero show in their highest bits.
    let (words, rest) = bytes.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    // What is left of a text, together with what was looked at or in two halves that overlap.
    let last = match (bytes.last_chunk::<8>(), bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(word), ..) => u64::from_le_bytes(*word),
        (None, Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        _ => 0,
    };
    if special(last) == 0 {
        return bytes.len();
    }
    at + rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count()
}

/// Marks the bytes of a word that a text in quotes does not hold as they are, in their highest bits. Where there are some,
/// bytes above the first may be marked wrongly, never one below it.
#[inline]
fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    // A bit turned over, the quote stands next to the control characters: one comparison for both.
    let low = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
    (low | backslash) & !word & HIGH
}

/// Compact JSON. Missing fields are left out.
pub fn write(value: &Value) -> Result<String, WriteError> {
    Writer::new(None, false).text(value)
}

/// The same as bytes, for those who send them on.
pub fn write_bytes(value: &Value) -> Result<Vec<u8>, WriteError> {
    Writer::new(None, false).bytes(value)
}

/// JSON for people: two spaces, a field or element per line.
pub fn write_pretty(value: &Value) -> Result<String, WriteError> {
    Writer::new(Some(2), false).text(value)
}

/// JSON from which [`parse_tagged`] gives the same value again: missing, dates, times and money are tagged
/// (`{"$time":"…"}`), a real name that begins with `$` gets a second one. Only a local time and a year that has no
/// written form are refused.
pub fn write_tagged(value: &Value) -> Result<String, WriteError> {
    Writer::new(None, true).text(value)
}

/// Reads what [`write_tagged`] wrote.
pub fn parse_tagged(text: &str) -> Result<Value, JsonError> {
    // Tags stand one level deeper than what they tag.
    let value = parse_limited(text.as_bytes(), 2 * NESTING)?;
    untag(value).map_err(|message| JsonError { offset: 0, line: 1, column: 1, message })
}

fn untag(value: Value) -> Result<Value, String> {
    match value {
        Value::List(items) => items.iter().cloned().map(untag).collect(),
        Value::Record(record) => {
            if let (1, Some((name, inner))) = (record.len(), record.iter().next())
                && name.starts_with('$')
                && !name.starts_with("$$")
            {
                return tagged_value(name, inner);
            }
            let fields = record.iter().map(|(name, value)| {
                let name = match name.strip_prefix("$$") {
                    Some(rest) => Text::from(format!("${rest}")),
                    None => name.clone(),
                };
                Ok((name, untag(value.clone())?))
            });
            Ok(Value::Record(fields.collect::<Result<_, String>>()?))
        }
        other => Ok(other),
    }
}

fn tagged_value(name: &str, inner: &Value) -> Result<Value, String> {
    let bad = || format!("a value tagged {name:?} is not well formed");
    let text = || inner.as_text().ok_or_else(bad);
    match name {
        "$missing" => Ok(Value::Missing),
        "$date" => time::parse_date(text()?).map(Value::Date).ok_or_else(bad),
        "$time" => time::parse_time(text()?).map(Value::Time).ok_or_else(bad),
        "$money" => {
            let (amount, code) = text()?.split_once(' ').ok_or_else(bad)?;
            let currency = Currency::parse(code).ok_or_else(bad)?;
            let amount = super::Exact::parse(amount).map_err(|_| bad())?;
            Ok(Value::Money(Money { amount, currency }))
        }
        _ => Err(bad()),
    }
}
