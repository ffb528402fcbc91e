//! `ceil`: the whole number above.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::value::Number;

pub static FUNCTION: Function = Function {
    name: "ceil",
    area: Area::Numbers,
    signatures: &["(x: decimal) -> int"],
    summary: "The smallest whole number that is not below `x`.",
    doc: "Takes an exact fraction: `ceil(10 / 3)` is 4.",
    examples: &[Example { source: "ceil(10 / 3)", result: "4" }, Example { source: "ceil(-1.5)", result: "(-1)" },
        Example { source: "ceil(3)", result: "3" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(Value::Number(Number::from(call.fraction(0)?.ceil()?)))
}
