//! `start_of_day`: when a day begins in a zone.

use super::{Area, Call, Example, Failure, Function, Value, day, give};
use super::in_zone::{prepare, zone_of};

pub static FUNCTION: Function = Function {
    name: "start_of_day",
    area: Area::Time,
    signatures: &["(d: date, zone: text) -> time"],
    summary: "The instant at which a day begins in a zone.",
    doc: "Midnight, or the first instant behind it where the clocks skip midnight. An error for a day that a zone skipped whole. The zone is an IANA name, `Europe/Oslo`, or `UTC`.",
    examples: &[
        Example { source: "\"{date(\"2026-03-01\").start_of_day(\"Europe/Oslo\")}\"", result: "\"2026-02-28T23:00:00Z\"" },
        Example { source: "\"{date(\"2026-06-01\").start_of_day(\"UTC\")}\"", result: "\"2026-06-01T00:00:00Z\"" },
        Example { source: "\"{date(\"2018-11-04\").start_of_day(\"America/Sao_Paulo\")}\"", result: "\"2018-11-04T03:00:00Z\"" },
        Example { source: "date(\"2011-12-30\").start_of_day(\"Pacific/Apia\")", result: "error value" },
    ],
    prepare: Some(prepare),
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let date = day(call, 0)?;
    let zone = zone_of(call, 1)?;
    match date.to_zoned(zone).and_then(|day| day.start_of_day()) {
        Ok(start) if start.date() == date => Ok(Value::Time(start.timestamp())),
        _ => Err(Failure::value(format!("{date} is no day in that zone"))),
    }
}
