//! `int`: a decimal that is whole.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::value::Number;

pub static FUNCTION: Function = Function {
    name: "int",
    area: Area::Numbers,
    signatures: &["(x: decimal) -> int"],
    summary: "A decimal that is whole, as an int; an error where it is not.",
    doc: "`floor`, `ceil` and `round` say what becomes of a fraction.",
    examples: &[Example { source: "int(2.0)", result: "2" }, Example { source: "int(2.5)", result: "error value" },
        Example { source: "int(6 / 2)", result: "3" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let number = call.number(0)?;
    if !number.is_whole() {
        return Err(Failure::value(format!("expected a whole number, got {number}")));
    }
    Ok(Value::Number(Number::from(number.shortest())))
}
