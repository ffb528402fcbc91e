//! `in_zone`: an instant as a local time.

use super::{Area, Call, Example, Failure, Function, Prepared, Value, give, time};
use crate::language::evaluate::quote;
use crate::value::Local;
use jiff::tz::TimeZone;
use std::sync::Arc;

pub static FUNCTION: Function = Function {
    name: "in_zone",
    area: Area::Time,
    signatures: &["(t: time, zone: text) -> local"],
    summary: "A time as the clocks of a zone show it; gives `.date()` and `.format(pattern)`.",
    doc: "The zone is an IANA name, `Europe/Oslo`, or `UTC`. A local time has no written type and cannot be written itself.",
    examples: &[Example {
        source: "from_unix(1772355600).in_zone(\"America/New_York\").format(\"HH:mm\")",
        result: "\"04:00\"",
    },
        Example { source: "parse_time(\"2026-03-29T00:59:59Z\").in_zone(\"Europe/Oslo\").format(\"HH:mm:ss\")", result: "\"01:59:59\"" },
        Example { source: "parse_time(\"2026-03-29T01:00:00Z\").in_zone(\"Europe/Oslo\").format(\"HH:mm:ss\")", result: "\"03:00:00\"" },
        Example { source: "from_unix(0).in_zone(\"Europe/\" + \"Atlantis\")", result: "error value" },
    ],
    prepare: Some(prepare),
    gives: None,
    run: |call, out| give(run(call), out),
};

/// Looks at a zone that is written out as the second argument.
pub(super) fn prepare(args: &[Option<Value>]) -> Result<Prepared, (usize, String)> {
    match args.get(1) {
        Some(Some(Value::Text(name))) => Ok(Arc::new(Some(zone(name).map_err(|why| (1, why))?))),
        _ => Ok(Arc::new(None::<TimeZone>)),
    }
}

/// The zone with that name.
pub(super) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("{} is no time zone; write one as in \"Europe/Oslo\"", quote(name)))
}

/// The zone that [`prepare`] found, or that is said at run time.
pub(super) fn zone_of(call: &Call<'_, '_>, n: usize) -> Result<TimeZone, Failure> {
    match call.prepared::<Option<TimeZone>>() {
        Some(Some(zone)) => Ok(zone.clone()),
        _ => zone(call.text(n)?).map_err(Failure::value),
    }
}

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (time, zone) = (time(call, 0)?, zone_of(call, 1)?);
    Ok(Value::Local(Local::new(time, zone)))
}
