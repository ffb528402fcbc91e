//! `text`: a value as it would be written.

use super::{Call, Example, Failure, Function, Value};
use crate::language::evaluate::{describe, written};

pub static FUNCTION: Function = Function {
    name: "text",
    signatures: &["(x: T) -> text"],
    summary: "A number, bool, date, time or money as the text that would be written.",
    doc: "As in a hole `\"{x}\"`. Exponents are spelt out.",
    examples: &[
        Example { source: "text(1.10)", result: "\"1.10\"" },
        Example { source: "text(1.10 + 1)", result: "\"2.1\"" },
        Example { source: "text(money(12.5, \"USD\"))", result: "\"12.50 USD\"" },
        Example { source: "text([1])", result: "error type" },
    ],
    prepare: None,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let value = call.value(0)?;
    match written(&value) {
        Some(text) => Ok(Value::Text(text.into())),
        None => Err(Failure::kind(format!("{} has no text; `json` writes any value", describe(&value)))),
    }
}
