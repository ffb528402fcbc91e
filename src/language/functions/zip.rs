//! `zip`: two lists side by side.

use super::{Area, Call, Example, Failure, Function, Value, give, list};

pub static FUNCTION: Function = Function {
    name: "zip",
    area: Area::Lists,
    signatures: &["(xs: list<T>, ys: list<U>, f: (T, U) => K) -> list<K>"],
    summary: "What the lambda gives for the elements of two lists that stand at the same place.",
    doc: "Lists of different lengths are an error: nothing is dropped. Puts the parts of `allocate` back to what they are for.",
    examples: &[
        Example { source: "[\"a\", \"b\"].zip([1, 2], (name, n) => \"{name}{n}\")", result: "[\"a1\", \"b2\"]" },
        Example { source: "money(10, \"USD\").allocate([1, 2]).zip([\"x\", \"y\"], (part, name) => \"{name} {part}\")", result: "[\"x 3.33 USD\", \"y 6.67 USD\"]" },
        Example { source: "[1, 2].zip([1], (a, b) => a + b)", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (left, right) = (call.list(0)?, call.list(1)?);
    if left.len() != right.len() {
        return Err(Failure::value(format!("expected lists of one length, got {} and {} elements", left.len(), right.len())));
    }
    let mut zipped = Vec::with_capacity(left.len());
    for (a, b) in left.iter().zip(right.iter()) {
        zipped.push(call.lambda(2, &[a.clone(), b.clone()])?);
    }
    Ok(list(zipped))
}
