//! `strip_prefix`: a text without its beginning.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "strip_prefix",
    area: Area::Text,
    signatures: &["(t: text, start: text) -> text"],
    summary: "The text without that beginning; as it is where it has another.",
    doc: "Capitals differ. Once only. `starts_with` tells whether it was there.",
    examples: &[
        Example { source: "\"PP-1234\".strip_prefix(\"PP-\")", result: "\"1234\"" },
        Example { source: "\"1234\".strip_prefix(\"PP-\")", result: "\"1234\"" },
        Example { source: "\"PP-PP-1\".strip_prefix(\"PP-\")", result: "\"PP-1\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (text, part) = (call.text(0)?, call.text(1)?);
    let start = if text.starts_with(part.as_str()) { part.len() } else { 0 };
    Ok(Value::Text(text.part(start, text.len())))
}
