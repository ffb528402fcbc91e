//! `days_between`: how many days lie between two dates.

use super::{Area, Call, Example, Failure, Function, Value, day, give};

pub static FUNCTION: Function = Function {
    name: "days_between",
    area: Area::Time,
    signatures: &["(from: date, to: date) -> int"],
    summary: "How many days it is from one date to another; negative where the second is earlier.",
    doc: "Days of the calendar. Times have days only in a zone: `t.in_zone(z).date()`.",
    examples: &[
        Example { source: "days_between(date(\"2026-02-27\"), date(\"2026-03-01\"))", result: "2" },
        Example { source: "days_between(date(\"2026-03-01\"), date(\"2026-02-27\"))", result: "(-2)" },
        Example { source: "days_between(date(\"2026-03-01\"), date(\"2026-03-01\"))", result: "0" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    // Between two dates the largest unit is the day, unless one asks for another.
    Ok(Value::from(i64::from((day(call, 1)? - day(call, 0)?).get_days())))
}
