//! `abs`: without the sign.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::describe;

pub static FUNCTION: Function = Function {
    name: "abs",
    area: Area::Numbers,
    signatures: &["(x: N) -> N", "(m: money) -> money"],
    summary: "A number or money without its sign.",
    doc: "For systems that write debit and credit in two columns.",
    examples: &[
        Example { source: "abs(-1.5)", result: "1.5" },
        Example { source: "abs(3)", result: "3" },
        Example { source: "abs(money(-2, \"USD\")) == money(2, \"USD\")", result: "true" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    match call.value(0)? {
        Value::Number(number) => {
            let exact = number.exact()?.shortest();
            Ok(Value::from(if exact.is_negative() { exact.neg() } else { exact }))
        }
        Value::Money(money) => Ok(Value::Money(if money.amount.is_negative() { money.neg() } else { money })),
        other => Err(Failure::kind(format!("expected a number or money, got {}", describe(&other)))),
    }
}
