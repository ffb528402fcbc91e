//! `decimal`: text as a number.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::{describe, quote};
use crate::value::{Exact, Number};

pub static FUNCTION: Function = Function {
    name: "decimal",
    area: Area::Numbers,
    signatures: &["(t: text) -> decimal", "(n: decimal) -> decimal"],
    summary: "Reads a text as a decimal.",
    doc: "Takes `-?digits[.digits]` and nothing else: no spaces, no grouping, no exponent. The number keeps its decimals where \
          it is not calculated with.",
    examples: &[
        Example { source: "decimal(\"1.10\")", result: "1.10" },
        Example { source: "decimal(\"1,10\")", result: "error value" },
        Example { source: "decimal(\"\")", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    if let Some(Value::Text(text)) = call.peek(0) {
        return match Exact::parse(text) {
            Ok(exact) => Ok(Value::Number(Number::from(exact))),
            Err(_) => Err(Failure::value(format!("expected a decimal as in \"10.50\", got {}", quote(text)))),
        };
    }
    match call.value(0)? {
        number @ Value::Number(_) => Ok(number),
        other => Err(Failure::kind(format!("expected text, got {}", describe(&other)))),
    }
}
