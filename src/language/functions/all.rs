//! `all`: whether a condition holds for every element.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "all",
    area: Area::Lists,
    signatures: &["(xs: list<T>, f: (T) => bool) -> bool"],
    summary: "Whether the condition holds for every element; true for an empty list.",
    doc: "Stops at the first element for which it does not hold.",
    examples: &[
        Example { source: "[1, 2, 3].all(n => n > 0)", result: "true" },
        Example { source: "[1, 2, 3].all(n => n > 1)", result: "false" },
        Example { source: "[].all(n => fail(\"never asked\"))", result: "true" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    for item in call.list(0)?.iter() {
        if !call.holds(1, item)? {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}
