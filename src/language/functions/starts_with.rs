//! `starts_with`: the beginning of a text.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "starts_with",
    area: Area::Text,
    signatures: &["(t: text, start: text) -> bool"],
    summary: "Whether a text begins with that part.",
    doc: "Capitals differ.",
    examples: &[
        Example { source: "\"ch_123\".starts_with(\"ch_\")", result: "true" },
        Example { source: "\"CH_123\".starts_with(\"ch_\")", result: "false" },
        Example { source: "\"a\".starts_with(\"\")", result: "true" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(Value::Bool(call.text(0)?.starts_with(call.text(1)?.as_str())))
}
