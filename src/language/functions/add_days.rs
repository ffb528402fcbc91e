//! `add_days`: days later or earlier.

use super::{Area, Call, Example, Failure, Function, Value, day, give};
use jiff::Span;
use jiff::civil::Date;

pub static FUNCTION: Function = Function {
    name: "add_days",
    area: Area::Time,
    signatures: &["(d: date, n: int) -> date"],
    summary: "The date so many days later; earlier where the number is negative.",
    doc: "Days of the calendar, whatever clocks do. Years go from 0 to 9999.",
    examples: &[
        Example { source: "date(\"2026-02-27\").add_days(2)", result: "date(\"2026-03-01\")" },
        Example { source: "date(\"2026-03-01\").add_days(-1)", result: "date(\"2026-02-28\")" },
        Example { source: "date(\"9999-12-31\").add_days(1)", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (date, days) = (day(call, 0)?, call.int(1)?);
    in_calendar(Span::new().try_days(days).and_then(|span| date.checked_add(span)))
}

/// A date whose year can be written.
pub(super) fn in_calendar(date: Result<Date, jiff::Error>) -> Result<Value, Failure> {
    match date {
        Ok(date) if (0..=9999).contains(&date.year()) => Ok(Value::Date(date)),
        _ => Err(Failure::value("the date lies outside the years 0 to 9999")),
    }
}
