//! `to_unix`: a time as seconds.

use super::{Area, Call, Example, Failure, Function, Value, give, time};

pub static FUNCTION: Function = Function {
    name: "to_unix",
    area: Area::Time,
    signatures: &["(t: time) -> int"],
    summary: "A time as whole seconds since 1970-01-01; Stripe takes its times so.",
    doc: "A fraction of a second is dropped: the second in which the instant lies.",
    examples: &[
        Example { source: "to_unix(parse_time(\"2026-03-01T09:00:00Z\"))", result: "1772355600" },
        Example { source: "to_unix(parse_time(\"2026-03-01T09:00:00.9Z\"))", result: "1772355600" },
        Example { source: "to_unix(parse_time(\"1969-12-31T23:59:59.5Z\"))", result: "(-1)" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let time = time(call, 0)?;
    // Before 1970 the fraction counts downwards.
    Ok(Value::from(time.as_second() - i64::from(time.subsec_nanosecond() < 0)))
}
