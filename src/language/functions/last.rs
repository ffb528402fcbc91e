//! `last`: the last element.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "last",
    area: Area::Lists,
    signatures: &["(xs: list<T>) -> T?"],
    summary: "The last element; missing for an empty list.",
    doc: "",
    examples: &[
        Example { source: "[1, 2].last()", result: "2" },
        Example { source: "\"Ada King Lovelace\".split(\" \").last() ?? \"\"", result: "\"Lovelace\"" },
        Example { source: "[].last() ?? \"none\"", result: "\"none\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(call.list(0)?.last().cloned().unwrap_or(Value::Missing))
}
