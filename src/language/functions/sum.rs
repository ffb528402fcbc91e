//! `sum`: numbers or monies added up.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::code::ArithmeticOp;
use crate::language::evaluate::Quantity;

pub static FUNCTION: Function = Function {
    name: "sum",
    area: Area::Lists,
    signatures: &[
        "(xs: list<N>) -> N",
        "(xs: list<money>) -> money",
        "(xs: list<T>, f: (T) => N) -> N",
        "(xs: list<T>, f: (T) => money) -> money",
    ],
    summary: "The sum of numbers, or of monies of one currency.",
    doc: "The sum of nothing is 0. Nothing has no currency, so a sum of money needs at least one element.",
    examples: &[
        Example { source: "[1, 2.5].sum()", result: "3.5" },
        Example { source: "[1, 2].sum(n => n * 2)", result: "6" },
        Example { source: "[money(1, \"USD\"), money(2, \"USD\")].sum() == money(3, \"USD\")", result: "true" },
        Example { source: "[money(1, \"USD\"), money(2, \"EUR\")].sum()", result: "error value" },
        Example { source: "[money(1, \"USD\")].filter(m => m.amount > 5).sum()", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let items = call.list(0)?;
    let mut total: Option<Quantity> = None;
    for item in items.iter() {
        let value = if call.len() > 1 { call.lambda(1, std::slice::from_ref(item))? } else { item.clone() };
        call.charge(1)?;
        let value = Quantity::Other(value);
        if !matches!(value, Quantity::Other(Value::Number(_) | Value::Money(_))) {
            return Err(Failure::kind(format!("expected numbers or monies, got {}", value.describe())));
        }
        total = Some(match total {
            None => value,
            Some(total) => total.calculate(ArithmeticOp::Add, &value)?,
        });
    }
    match total {
        None if gives_money(call) => Err(Failure::value("a sum of no monies has no currency")),
        None => Ok(Value::from(0)),
        Some(total) => total.finish(),
    }
}

fn gives_money(call: &Call<'_, '_>) -> bool {
    FUNCTION.signatures.get(call.overload()).is_some_and(|signature| signature.ends_with("-> money"))
}
