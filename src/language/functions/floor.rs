//! `floor`: the whole number below.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::value::Number;

pub static FUNCTION: Function = Function {
    name: "floor",
    area: Area::Numbers,
    signatures: &["(x: decimal) -> int"],
    summary: "The largest whole number that is not above `x`.",
    doc: "Takes an exact fraction: `floor(10 / 3)` is 3.",
    examples: &[Example { source: "floor(10 / 3)", result: "3" }, Example { source: "floor(-1.5)", result: "(-2)" },
        Example { source: "floor(3)", result: "3" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(Value::Number(Number::from(call.fraction(0)?.floor()?)))
}
