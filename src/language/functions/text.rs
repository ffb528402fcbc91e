//! `text`: a value as it would be written.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::written;

pub static FUNCTION: Function = Function {
    name: "text",
    area: Area::Text,
    signatures: &["(x: T) -> text"],
    summary: "A number, bool, date, time or money as the text that would be written.",
    doc: "As in a hole `\"{x}\"`. Exponents are spelt out. `json` writes any value.",
    examples: &[
        Example { source: "text(1.10)", result: "\"1.10\"" },
        Example { source: "text(1.10 + 1)", result: "\"2.1\"" },
        Example { source: "text(money(12.5, \"USD\"))", result: "\"12.50 USD\"" },
        Example { source: "text([1])", result: "error type" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(Value::from(written(&call.value(0)?)?))
}
