//! `parse_json`: JSON text as a value.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::value::json;

pub static FUNCTION: Function = Function {
    name: "parse_json",
    area: Area::Encodings,
    signatures: &["(t: text) -> any"],
    summary: "The value that a JSON text holds.",
    doc: "As strict as the reader of payloads: a name twice in one object, half a surrogate pair or too much nesting is an error. Numbers keep their text.",
    examples: &[
        Example { source: "parse_json(\"\\{\\\"a\\\":[1.10]}\").query('$.a[0]').map(n => \"{n}\")", result: "[\"1.10\"]" },
        Example { source: "parse_json(\" 1 \")", result: "1" },
        Example { source: "parse_json(\"\\{\\\"a\\\":1,\\\"a\\\":2}\")", result: "error value" },
        Example { source: "parse_json(\"\")", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    call.charge(text.len() / 64)?;
    let value = json::parse(text.as_bytes()).map_err(|error| Failure::value(format!("no JSON: {error}")))?;
    call.measure(&value)?;
    Ok(value)
}
