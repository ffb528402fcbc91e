//! `convert`: money into another currency.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::value::Money;

pub static FUNCTION: Function = Function {
    name: "convert",
    area: Area::Money,
    signatures: &["(m: money, rate: decimal, currency: text) -> money"],
    summary: "A money in another currency: its amount times the rate.",
    doc: "The rate says how many units of the new currency one of the old is worth, and is above 0. Exact: the result has as many decimals as arise, `round` brings it to its currency. Where a rate stands the other way round: `money(round(m.amount / rate, 2, \"half_even\"), \"EUR\")`.",
    examples: &[
        Example { source: "convert(money(100, \"USD\"), 0.92345, \"eur\").amount", result: "92.345" },
        Example { source: "\"{convert(money(10, \"USD\"), 151.237, \"JPY\").round(\"half_even\")}\"", result: "\"1512 JPY\"" },
        Example { source: "convert(money(1, \"USD\"), 0, \"EUR\")", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (money, rate, currency) = (call.money(0)?, call.number(1)?, call.currency(2)?);
    if rate.is_zero() || rate.is_negative() {
        return Err(Failure::value(format!("expected a rate above 0, got {rate}")));
    }
    Ok(Value::Money(Money::new(money.amount.mul(rate)?, currency)))
}
