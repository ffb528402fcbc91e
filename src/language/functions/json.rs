//! `json`: a value as JSON text.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::value::json;

pub static FUNCTION: Function = Function {
    name: "json",
    area: Area::Encodings,
    signatures: &["(x: T) -> text"],
    summary: "A value as compact JSON text.",
    doc: "Numbers that were not calculated with keep their text.",
    examples: &[
        Example { source: "json([1.10, 2])", result: "\"[1.10,2]\"" },
        Example { source: "json({ a = \"x\" })", result: "'{\"a\":\"x\"}'" },
        Example { source: "json(from_unix(0).in_zone(\"UTC\").date())", result: "'\"1970-01-01\"'" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let value = call.value(0)?;
    call.measure(&value)?;
    match json::write(&value) {
        Ok(text) => Ok(Value::Text(text.into())),
        Err(error) => Err(Failure::value(error.to_string())),
    }
}
