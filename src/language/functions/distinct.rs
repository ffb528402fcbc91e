//! `distinct`: each value once.

use super::{Area, Call, Example, Failure, Function, Value, canonical, give, list};
use std::collections::HashSet;

pub static FUNCTION: Function = Function {
    name: "distinct",
    area: Area::Lists,
    signatures: &["(xs: list<T>) -> list<T>", "(xs: list<T>, f: (T) => K) -> list<T>"],
    summary: "Each value once, in order of first appearance; with a lambda, each key once.",
    doc: "Values are compared by value: `1.0` and `1` are the same.",
    examples: &[
        Example { source: "[\"b\", \"a\", \"b\"].distinct()", result: "[\"b\", \"a\"]" },
        Example { source: "[1, 1.0, 2].distinct()", result: "[1, 2]" },
        Example { source: "[1, 2, 3].distinct(n => n % 2)", result: "[1, 2]" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let items = call.list(0)?;
    let mut seen = HashSet::new();
    let mut kept = vec![];
    for item in items.iter() {
        let key = if call.len() > 1 { call.lambda(1, std::slice::from_ref(item))? } else { item.clone() };
        let key = canonical(&key);
        call.charge(1 + key.len() / 64)?;
        if seen.insert(key) {
            kept.push(item.clone());
        }
    }
    Ok(list(kept))
}
