//! `date`: the day of a local time, or of a text.

use super::{Area, Call, Example, Failure, Function, Prepared, Value, give};
use crate::language::evaluate::{describe, quote};
use crate::value::time::{Pattern, parse_date};
use std::sync::Arc;

pub static FUNCTION: Function = Function {
    name: "date",
    area: Area::Time,
    signatures: &["(t: local) -> date", "(t: text) -> date", "(t: text, pattern: const text) -> date"],
    summary: "The day of a local time, or a text `yyyy-MM-dd` or of another pattern as a date.",
    doc: "The letters of patterns are those of `format`; `yy` is of the years 2000 to 2099, `M` and `d` take one digit or two. The \
          text is of that form to its end, white space included. An instant has no day of its own: say where with `in_zone`.",
    examples: &[
        Example {
            source: "parse_time(\"2026-03-01T23:30:00Z\").in_zone(\"Europe/Oslo\").date()",
            result: "date(\"2026-03-02\")",
        },
        Example { source: "date(\"1.3.2026\", \"d.M.yyyy\")", result: "date(\"2026-03-01\")" },
        Example { source: "date(\"2026-02-30\")", result: "error value" },
        Example { source: "date(\"30.02.2026\", \"dd.MM.yyyy\")", result: "error value" },
    ],
    prepare: Some(prepare),
    gives: None,
    run: |call, out| give(run(call), out),
};

fn prepare(args: &[Option<Value>]) -> Result<Prepared, (usize, String)> {
    let Some(Some(Value::Text(pattern))) = args.get(1) else { return Ok(Arc::new(())) };
    let read = Pattern::parse(pattern).map_err(|why| (1, why))?;
    if read.needs_clock() || !"yMd".chars().all(|letter| read.letters().any(|one| one == letter)) {
        return Err((1, format!("a date has a year, a month and a day, and {} does not say these alone", quote(pattern))));
    }
    Ok(Arc::new(read))
}

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = match call.peek(0) {
        Some(Value::Local(local)) if call.len() == 1 => return Ok(Value::Date(local.date())),
        Some(Value::Text(text)) => text,
        _ => {
            let got = describe(&call.value(0)?);
            return Err(Failure::kind(format!("expected a local time or text, got {got}")));
        }
    };
    if call.len() == 1 {
        return parse_date(text)
            .map(Value::Date)
            .ok_or_else(|| Failure::value(format!("expected a day as in \"2026-03-01\", got {}", quote(text))));
    }
    match call.prepared::<Pattern>().and_then(|pattern| pattern.read(text)) {
        Some((at, _)) => Ok(Value::Date(at.date())),
        None => Err(Failure::value(format!("expected a day written as {}, got {}", quote(call.text(1)?), quote(text)))),
    }
}
