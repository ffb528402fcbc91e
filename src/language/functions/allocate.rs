//! `allocate`: money in parts that add up to it.

use super::{Area, Call, Example, Failure, Function, Value, give, list};
use crate::language::evaluate::describe;

pub static FUNCTION: Function = Function {
    name: "allocate",
    area: Area::Money,
    signatures: &["(m: money, weights: list<decimal>) -> list<money>"],
    summary: "Splits a money by weights into parts of whole minor units that add up to it.",
    doc: "Each part is cut toward zero; what remains goes out one minor unit each by largest remainder, earlier first. No weight \
          is negative and their sum is above 0. The money has no more decimals than its currency.",
    examples: &[
        Example { source: "money(10, \"USD\").allocate([1, 1, 1]).map(m => m.amount)", result: "[3.34, 3.33, 3.33]" },
        Example { source: "money(-0.05, \"USD\").allocate([1, 1]).map(m => m.to_minor())", result: "[(-3), (-2)]" },
        Example { source: "money(1, \"USD\").allocate([0])", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let money = call.money(0)?;
    let mut weights = vec![];
    for item in call.list(1)?.iter() {
        match item {
            Value::Number(number) => weights.push(number.exact()?),
            other => return Err(Failure::kind(format!("expected weights that are numbers, got {}", describe(other)))),
        }
    }
    call.charge(weights.len())?;
    Ok(list(money.allocate(&weights)?.into_iter().map(Value::Money).collect()))
}
