//! `from_unix`: seconds since 1970 as a time.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "from_unix",
    area: Area::Time,
    signatures: &["(seconds: int) -> time"],
    summary: "Seconds since 1970-01-01 as a time; Stripe writes its times so.",
    doc: "",
    examples: &[
        Example { source: "\"{from_unix(1772355600)}\"", result: "\"2026-03-01T09:00:00Z\"" },
        Example { source: "from_unix(999999999999999)", result: "error value" },
        Example { source: "\"{from_unix(-1)}\"", result: "\"1969-12-31T23:59:59Z\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let seconds = call.int(0)?;
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => Ok(Value::Time(time)),
        Err(_) => Err(Failure::value(format!("expected seconds since 1970, got {seconds}, which no calendar reaches"))),
    }
}
