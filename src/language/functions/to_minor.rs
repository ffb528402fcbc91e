//! `to_minor`: money in minor units.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::value::Number;

pub static FUNCTION: Function = Function {
    name: "to_minor",
    area: Area::Money,
    signatures: &["(m: money) -> int"],
    summary: "A money in the currency's minor units (cents).",
    doc: "An error where it has more decimals than its currency; `round` says what becomes of them.",
    examples: &[
        Example { source: "money(19.99, \"USD\").to_minor()", result: "1999" },
        Example { source: "money(1999, \"JPY\").to_minor()", result: "1999" },
        Example { source: "money(19.999, \"USD\").to_minor()", result: "error number" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(Value::Number(Number::from(call.money(0)?.to_minor()?)))
}
