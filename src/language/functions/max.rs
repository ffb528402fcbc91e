//! `max`: the largest.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::{describe, order};
use std::cmp::Ordering;

pub static FUNCTION: Function = Function {
    name: "max",
    area: Area::Numbers,
    signatures: &["(xs: list<O>) -> O?", "(xs: list<T>, f: (T) => O) -> O?", "(a: O, b: O) -> O"],
    summary: "The largest of a list, of what a lambda gives, or of two values.",
    doc: "Compares as `<` does: numbers, dates, times, monies of one currency, texts by code point. Missing for an empty list; of equal ones the first. The element that has the largest key: `xs.sort_by(f).last()`.",
    examples: &[
        Example { source: "[1, 3, 2].max() ?? 0", result: "3" },
        Example { source: "max(0, 2)", result: "2" },
        Example { source: "[\"a\", \"b\"].max(t => t.upper()) ?? \"none\"", result: "\"B\"" },
        Example { source: "[].max() ?? \"nothing\"", result: "\"nothing\"" },
        Example { source: "[money(1, \"USD\"), money(2, \"EUR\")].max()", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    extreme(call, Ordering::Greater)
}

/// The first of those that stand `wanted` to all others.
pub(super) fn extreme(call: &mut Call<'_, '_>, wanted: Ordering) -> Result<Value, Failure> {
    if call.len() == 2 && !call.is_lambda(1) {
        let (a, b) = (call.value(0)?, call.value(1)?);
        return Ok(if order(&b, &a)? == wanted { b } else { a });
    }
    let items = call.list(0)?;
    call.charge(items.len())?;
    let mut best: Option<Value> = None;
    for item in items.iter() {
        let value = if call.len() > 1 { call.lambda(1, std::slice::from_ref(item))? } else { item.clone() };
        best = match best {
            Some(best) if order(&value, &best)? != wanted => Some(best),
            // A lone value that has no order is refused as well.
            None if order(&value, &value).is_err() => return Err(unordered(&value)),
            _ => Some(value),
        };
    }
    Ok(best.unwrap_or(Value::Missing))
}

fn unordered(value: &Value) -> Failure {
    Failure::kind(format!("expected numbers, dates, times, monies or texts, got {}", describe(value)))
}
