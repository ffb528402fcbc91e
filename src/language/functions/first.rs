//! `first`: the first element.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "first",
    area: Area::Lists,
    signatures: &["(xs: list<T>) -> T?", "(xs: list<T>, f: (T) => bool) -> T?"],
    summary: "The first element, or the first for which a condition holds; missing where there is none.",
    doc: "`xs[0]` asserts that there is one.",
    examples: &[
        Example { source: "[1, 2].first()", result: "1" },
        Example { source: "[1, 2, 3].first(n => n > 1)", result: "2" },
        Example { source: "[1].first(n => n > 1) ?? 0", result: "0" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let items = call.list(0)?;
    if call.len() == 1 {
        return Ok(items.first().cloned().unwrap_or(Value::Missing));
    }
    for item in items.iter() {
        if call.holds(1, item)? {
            return Ok(item.clone());
        }
    }
    Ok(Value::Missing)
}
