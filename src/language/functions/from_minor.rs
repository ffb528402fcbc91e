//! `from_minor`: an amount in minor units as money.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::value::Money;

pub static FUNCTION: Function = Function {
    name: "from_minor",
    area: Area::Money,
    signatures: &["(n: int, currency: text) -> money"],
    summary: "An amount in the currency's minor units (cents) as money.",
    doc: "Minor units are those of ISO 4217. Providers have exceptions: `stripe_amount` of `std:stripe` knows Stripe's.",
    examples: &[
        Example { source: "from_minor(1999, \"usd\").amount", result: "19.99" },
        Example { source: "from_minor(1999, \"JPY\").amount", result: "1999" },
        Example { source: "from_minor(1999, \"BHD\").amount", result: "1.999" },
        Example { source: "from_minor(1, \"XXQ\")", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let minor = call.number(0)?;
    let currency = call.currency(1)?;
    Ok(Value::Money(Money::from_minor(minor, currency)?))
}
