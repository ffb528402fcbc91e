//! `any`: whether a condition holds for some element.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "any",
    area: Area::Lists,
    signatures: &["(xs: list<T>, f: (T) => bool) -> bool"],
    summary: "Whether the condition holds for at least one element; false for an empty list.",
    doc: "Stops at the first element for which it holds.",
    examples: &[
        Example { source: "[1, 2, 3].any(n => n > 2)", result: "true" },
        Example { source: "[1, 2, 3].any(n => n > 3)", result: "false" },
        Example { source: "[].any(n => fail(\"never asked\"))", result: "false" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    for item in call.list(0)?.iter() {
        if call.holds(1, item)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}
