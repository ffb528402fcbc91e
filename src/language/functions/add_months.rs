//! `add_months`: months later or earlier.

use super::{Area, Call, Example, Failure, Function, Value, day, give};
use super::add_days::in_calendar;
use jiff::Span;

pub static FUNCTION: Function = Function {
    name: "add_months",
    area: Area::Time,
    signatures: &["(d: date, n: int) -> date"],
    summary: "The date so many months later; earlier where the number is negative.",
    doc: "The day of the month stays where that month has it, else it is the month's last: 31 January and a month is 28 February. The last day of a date's month: `date(d.format(\"yyyy-MM-01\")).add_months(1).add_days(-1)`.",
    examples: &[
        Example { source: "date(\"2026-01-31\").add_months(1)", result: "date(\"2026-02-28\")" },
        Example { source: "date(\"2024-02-29\").add_months(12)", result: "date(\"2025-02-28\")" },
        Example { source: "date(\"2026-03-31\").add_months(-1)", result: "date(\"2026-02-28\")" },
        Example { source: "date(\"2026-01-01\").add_months(999999)", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (date, months) = (day(call, 0)?, call.int(1)?);
    in_calendar(Span::new().try_months(months).and_then(|span| date.checked_add(span)))
}
