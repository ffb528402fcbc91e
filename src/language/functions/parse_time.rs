//! `parse_time`: text as a time.

use super::in_zone::zone;
use super::{Area, Call, Example, Failure, Function, Prepared, Value, give};
use crate::language::evaluate::quote;
use crate::value::time::{self, Pattern};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset};
use std::sync::Arc;

pub static FUNCTION: Function = Function {
    name: "parse_time",
    area: Area::Time,
    signatures: &[
        "(t: text) -> time",
        "(t: text, pattern: const text) -> time",
        "(t: text, pattern: const text, zone: text) -> time",
    ],
    summary: "Reads a text `2026-03-01T09:00:00Z`, or of another pattern, as a time.",
    doc: "Without a pattern RFC 3339, with `Z` or an offset, at most nine digits of a second and no leap second. The letters of \
          patterns are those of `format`; `yy` is of the years 2000 to 2099. A text without an offset (`XXX`) is no instant: \
          the zone says where its clocks stood. What they show twice, when they are set back, is the earlier one; what they \
          skip is an error.",
    examples: &[
        Example { source: "\"{parse_time(\"2026-03-01T10:00:00+01:00\")}\"", result: "\"2026-03-01T09:00:00Z\"" },
        Example {
            source: "\"{parse_time(\"01.03.2026 10:00\", \"dd.MM.yyyy HH:mm\", \"Europe/Oslo\")}\"",
            result: "\"2026-03-01T09:00:00Z\"",
        },
        Example {
            source: "\"{parse_time(\"20260301 100000-0500\".replace(\"-0500\", \"-05:00\"), \"yyyyMMdd HHmmssXXX\")}\"",
            result: "\"2026-03-01T15:00:00Z\"",
        },
        Example { source: "parse_time(\"2026-03-01 10:00\")", result: "error value" },
        Example {
            source: "parse_time(\"2026-03-29 02:30\", \"yyyy-MM-dd HH:mm\", \"Europe/Oslo\")",
            result: "error value",
        },
    ],
    prepare: Some(prepare),
    gives: None,
    run: |call, out| give(run(call), out),
};

fn prepare(args: &[Option<Value>]) -> Result<Prepared, (usize, String)> {
    let Some(Some(Value::Text(pattern))) = args.get(1) else { return Ok(Arc::new(())) };
    let read = Pattern::parse(pattern).map_err(|why| (1, why))?;
    if !"yMdH".chars().all(|letter| read.letters().any(|one| one == letter)) {
        let why = format!("a time has a year, a month, a day and an hour, and {} does not say all of them", quote(pattern));
        return Err((1, why));
    }
    let offset = read.letters().any(|letter| letter == 'X');
    match args.get(2) {
        None if !offset => Err((1, "without an offset (XXX) a zone has to say where that was".into())),
        Some(_) if offset => Err((1, "with an offset (XXX) there is no need of a zone".into())),
        Some(Some(Value::Text(name))) => zone(name).map(|_| Arc::new(read) as Prepared).map_err(|why| (2, why)),
        _ => Ok(Arc::new(read)),
    }
}

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    if call.len() == 1 {
        return time::parse_time(text)
            .map(Value::Time)
            .ok_or_else(|| Failure::value(format!("expected a time as in \"2026-03-01T09:00:00Z\", got {}", quote(text))));
    }
    let unfit = |call: &Call<'_, '_>| -> Result<Value, Failure> {
        Err(Failure::value(format!("expected a time written as {}, got {}", quote(call.text(1)?), quote(text))))
    };
    let Some((at, offset)) = call.prepared::<Pattern>().and_then(|pattern| pattern.read(text)) else {
        return unfit(call);
    };
    let time = match offset {
        Some(seconds) => Offset::from_seconds(seconds).and_then(|offset| offset.to_timestamp(at)).ok(),
        None => instant(at, call.text(2)?)?,
    };
    // An offset may lead out of the years that can be written.
    match time.filter(|time| time::write_time(*time).is_ok()) {
        Some(time) => Ok(Value::Time(time)),
        None => unfit(call),
    }
}

/// When the clocks of a zone showed this.
fn instant(at: DateTime, name: &str) -> Result<Option<Timestamp>, Failure> {
    let shown = zone(name).map_err(Failure::value)?.to_ambiguous_timestamp(at);
    if let AmbiguousOffset::Gap { .. } = shown.offset() {
        return Err(Failure::value(format!("the clocks of {} skipped {at}", quote(name))));
    }
    Ok(shown.earlier().ok())
}
