//! `reverse`: a list from its end.

use super::{Area, Call, Example, Failure, Function, Value, give, list};

pub static FUNCTION: Function = Function {
    name: "reverse",
    area: Area::Lists,
    signatures: &["(xs: list<T>) -> list<T>"],
    summary: "The elements from the last to the first.",
    doc: "After `sort_by` it makes the order descending.",
    examples: &[
        Example { source: "[1, 2, 3].reverse()", result: "[3, 2, 1]" },
        Example { source: "[\"b\", \"c\", \"a\"].sort_by(t => t).reverse()", result: "[\"c\", \"b\", \"a\"]" },
        Example { source: "[].reverse()", result: "[]" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let items = call.list(0)?;
    call.charge(items.len())?;
    Ok(list(items.iter().rev().cloned().collect()))
}
