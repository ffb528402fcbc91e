//! `money`: an amount in a currency.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::describe;
use crate::value::{Exact, Money};

pub static FUNCTION: Function = Function {
    name: "money",
    area: Area::Money,
    signatures: &["(amount: decimal, currency: text) -> money", "(amount: text, currency: text) -> money"],
    summary: "An amount in a currency, exact.",
    doc: "The amount is a decimal, or text that holds one. Codes in any case; ISO 4217. While calculated with it may have more \
          decimals than its currency; writing it is then an error that shows `round`.",
    examples: &[
        Example { source: "money(10.5, \"usd\").currency", result: "\"USD\"" },
        Example { source: "money(\"10.50\", \"USD\") == money(10.5, \"USD\")", result: "true" },
        Example { source: "(money(10, \"USD\") / 4).amount", result: "2.50" },
        Example { source: "money(1, \"USD\") + money(1, \"EUR\")", result: "error value" },
        Example { source: "money(1, \"ABC\")", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let amount = match call.value(0)? {
        Value::Number(number) => number.exact()?,
        Value::Text(text) => Exact::parse(&text).map_err(|error| Failure::value(error.to_string()))?,
        other => return Err(Failure::kind(format!("expected a decimal, got {}", describe(&other)))),
    };
    Ok(Value::Money(Money { amount, currency: call.currency(1)? }))
}
