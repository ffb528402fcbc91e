//! `in_zone`: an instant as a local time.

use super::{Call, Example, Failure, Function, Prepared, Value};
use crate::language::evaluate::{describe, quote};
use jiff::tz::TimeZone;
use std::sync::Arc;

pub static FUNCTION: Function = Function {
    name: "in_zone",
    signatures: &["(t: time, zone: text) -> local"],
    summary: "A time as the clocks of a zone show it; gives `.date()` and `.format(pattern)`.",
    doc: "The zone is an IANA name, `Europe/Oslo`, or `UTC`. A local time has no written type and cannot be written itself.",
    examples: &[Example {
        source: "from_unix(1772355600).in_zone(\"America/New_York\").format(\"HH:mm\")",
        result: "\"04:00\"",
    }],
    prepare: Some(prepare),
    run,
};

fn prepare(args: &[Option<Value>]) -> Result<Prepared, (usize, String)> {
    match args.get(1) {
        Some(Some(Value::Text(name))) => Ok(Arc::new(Some(zone(name).map_err(|why| (1, why))?))),
        _ => Ok(Arc::new(None::<TimeZone>)),
    }
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("{} is no time zone; write one as in \"Europe/Oslo\"", quote(name)))
}

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let zone = match call.prepared::<Option<TimeZone>>() {
        Some(Some(zone)) => zone.clone(),
        _ => zone(&call.text(1)?).map_err(Failure::value)?,
    };
    match call.value(0)? {
        Value::Time(time) => Ok(Value::Local(Arc::new(time.to_zoned(zone)))),
        other => Err(Failure::kind(format!("expected a time, got {}", describe(&other)))),
    }
}
