//! `split`: a text in parts.

use super::{Area, Call, Example, Failure, Function, Value, give, list};
use crate::value::Text;

pub static FUNCTION: Function = Function {
    name: "split",
    area: Area::Text,
    signatures: &["(t: text, between: text) -> list<text>"],
    summary: "The parts of a text between the occurrences of another.",
    doc: "An empty text has one part, itself. What stands between is not empty.",
    examples: &[
        Example { source: "\"a-b-c\".split(\"-\")", result: "[\"a\", \"b\", \"c\"]" },
        Example { source: "\"abc\".split(\"-\")", result: "[\"abc\"]" },
        Example { source: "\"abc\".split(\"\")", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (text, between) = (call.text(0)?, call.text(1)?);
    if between.is_empty() {
        return Err(Failure::value("expected something to split at, got an empty text"));
    }
    let mut parts = vec![];
    for part in text.split(between.as_str()) {
        call.charge(1)?;
        parts.push(Value::Text(Text::from(part)));
    }
    Ok(list(parts))
}
