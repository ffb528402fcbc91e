//! `filter`: the elements for which a condition holds.

use super::{Area, Call, Example, Failure, Function, Value, give, list};

pub static FUNCTION: Function = Function {
    name: "filter",
    area: Area::Lists,
    signatures: &["(xs: list<T>, f: (T) => bool) -> list<T>"],
    summary: "The elements for which the condition holds, in their order.",
    doc: "",
    examples: &[Example { source: "[1, 2, 3].filter(n => n > 1)", result: "[2, 3]" },
        Example { source: "[1, 2].filter(n => n > 2)", result: "[]" },
        Example { source: "[\"b\", \"a\"].filter(t => given(t))", result: "[\"b\", \"a\"]" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let mut kept = vec![];
    for item in call.list(0)?.iter() {
        if call.holds(1, item)? {
            kept.push(item.clone());
        }
    }
    Ok(list(kept))
}
