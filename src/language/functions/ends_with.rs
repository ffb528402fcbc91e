//! `ends_with`: the end of a text.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "ends_with",
    area: Area::Text,
    signatures: &["(t: text, end: text) -> bool"],
    summary: "Whether a text ends with that part.",
    doc: "Capitals differ.",
    examples: &[
        Example { source: "\"invoice.pdf\".ends_with(\".pdf\")", result: "true" },
        Example { source: "\"invoice.PDF\".ends_with(\".pdf\")", result: "false" },
        Example { source: "\"a\".ends_with(\"\")", result: "true" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(Value::Bool(call.text(0)?.ends_with(call.text(1)?.as_str())))
}
