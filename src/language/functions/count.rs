//! `count`: how many elements.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "count",
    area: Area::Lists,
    signatures: &["(xs: list<T>) -> int", "(xs: list<T>, f: (T) => bool) -> int"],
    summary: "How many elements a list has, or for how many of them a condition holds.",
    doc: "",
    examples: &[
        Example { source: "[\"a\", \"b\"].count()", result: "2" },
        Example { source: "[1, 2, 3].count(n => n > 1)", result: "2" },
        Example { source: "[].count()", result: "0" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let items = call.list(0)?;
    if call.len() == 1 {
        return Ok(Value::from(items.len() as i64));
    }
    let mut count = 0i64;
    for item in items.iter() {
        count += i64::from(call.holds(1, item)?);
    }
    Ok(Value::from(count))
}
