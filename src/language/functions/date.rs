//! `date`: the day of a local time, or of a text.

use super::{Call, Example, Failure, Function, Value};
use crate::language::evaluate::{describe, quote};
use crate::value::time;

pub static FUNCTION: Function = Function {
    name: "date",
    signatures: &["(t: local) -> date", "(t: text) -> date"],
    summary: "The day of a local time, or a text `yyyy-MM-dd` as a date.",
    doc: "An instant has no day of its own: say where with `in_zone`.",
    examples: &[
        Example {
            source: "parse_time(\"2026-03-01T23:30:00Z\").in_zone(\"Europe/Oslo\").date()",
            result: "date(\"2026-03-02\")",
        },
        Example { source: "date(\"2026-02-30\")", result: "error value" },
    ],
    prepare: None,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    match call.value(0)? {
        Value::Local(local) => Ok(Value::Date(local.date())),
        Value::Text(text) => match time::parse_date(&text) {
            Some(date) => Ok(Value::Date(date)),
            None => Err(Failure::value(format!("expected a day as in \"2026-03-01\", got {}", quote(&text)))),
        },
        other => Err(Failure::kind(format!("expected a local time or text, got {}", describe(&other)))),
    }
}
