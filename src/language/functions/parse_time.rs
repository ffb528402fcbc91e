//! `parse_time`: text as an instant.

use super::{Call, Example, Failure, Function, Value};
use crate::language::evaluate::quote;
use crate::value::time;

pub static FUNCTION: Function = Function {
    name: "parse_time",
    signatures: &["(t: text) -> time"],
    summary: "Reads a text `2026-03-01T09:00:00Z` (or with an offset) as a time.",
    doc: "RFC 3339. A text without `Z` or an offset is no instant, so it is an error.",
    examples: &[
        Example { source: "\"{parse_time(\"2026-03-01T10:00:00+01:00\")}\"", result: "\"2026-03-01T09:00:00Z\"" },
        Example { source: "parse_time(\"2026-03-01 10:00\")", result: "error value" },
    ],
    prepare: None,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    match time::parse_time(&text) {
        Some(time) => Ok(Value::Time(time)),
        None => Err(Failure::value(format!("expected a time as in \"2026-03-01T09:00:00Z\", got {}", quote(&text)))),
    }
}
