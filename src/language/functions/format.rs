//! `format`: a date or local time by a pattern.

use super::{Area, Call, Example, Failure, Function, Prepared, Value, give};
use crate::language::evaluate::describe;
use crate::value::time::Pattern;
use std::sync::Arc;

pub static FUNCTION: Function = Function {
    name: "format",
    area: Area::Time,
    signatures: &["(d: date, pattern: const text) -> text", "(t: local, pattern: const text) -> text"],
    summary: "A date or local time written by a pattern, as in `yyyy-MM-dd`.",
    doc: "`yyyy yy MM M dd d HH H mm m ss s`, fractions `S…`, offset `XXX`; other letters stand in single quotes. A time needs \
          `in_zone` first.",
    examples: &[
        Example { source: "date(\"2026-03-01\").format(\"dd.MM.yyyy\")", result: "\"01.03.2026\"" },
        Example {
            source: "from_unix(0).in_zone(\"UTC\").format(\"yyyy-MM-dd'T'HH:mm:ss\")",
            result: "\"1970-01-01T00:00:00\"",
        },
        Example { source: "from_unix(0).in_zone(\"Asia/Kolkata\").format(\"d.M.yy HH:mm:ss.SSS XXX\")", result: "\"1.1.70 05:30:00.000 +05:30\"" },
        Example { source: "date(\"2026-03-01\").format(\"HH:mm\")", result: "error value" },
    ],
    prepare: Some(prepare),
    gives: None,
    run: |call, out| give(run(call), out),
};

fn prepare(args: &[Option<Value>]) -> Result<Prepared, (usize, String)> {
    let Some(Some(Value::Text(pattern))) = args.get(1) else {
        return Err((1, "the pattern must be a constant text".into()));
    };
    let pattern = Pattern::parse(pattern).map_err(|why| (1, why.to_string()))?;
    Ok(Arc::new(pattern))
}

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let Some(pattern) = call.prepared::<Pattern>() else {
        return Err(Failure::kind("the pattern must be a constant text"));
    };
    let text = match call.value(0)? {
        Value::Date(_) if pattern.needs_clock() => {
            return Err(Failure::value("a date has no time of day: its pattern takes y, M and d"));
        }
        Value::Date(date) => pattern.format_date(date),
        Value::Local(local) => pattern.format(&local.zoned()),
        other => return Err(Failure::kind(format!("expected a date or a local time, got {}", describe(&other)))),
    };
    Ok(Value::from(text))
}
