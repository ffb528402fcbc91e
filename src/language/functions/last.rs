//! `last`: the last element.

use super::{Call, Example, Failure, Function, Value};

pub static FUNCTION: Function = Function {
    name: "last",
    signatures: &["(xs: list<T>) -> T?"],
    summary: "The last element; missing for an empty list.",
    doc: "",
    examples: &[
        Example { source: "[1, 2].last()", result: "2" },
        Example { source: "\"Ada King Lovelace\".split(\" \").last() ?? \"\"", result: "\"Lovelace\"" },
    ],
    prepare: None,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(call.list(0)?.last().cloned().unwrap_or(Value::Missing))
}
