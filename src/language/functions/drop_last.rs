//! `drop_last`: a list without its end.

use super::{Area, Call, Example, Failure, Function, Value, give, list};

pub static FUNCTION: Function = Function {
    name: "drop_last",
    area: Area::Lists,
    signatures: &["(xs: list<T>, n: int) -> list<T>"],
    summary: "The list without its last `n` elements.",
    doc: "Gives an empty list where there are no more than `n`.",
    examples: &[
        Example { source: "[1, 2, 3].drop_last(1)", result: "[1, 2]" },
        Example { source: "[1].drop_last(2)", result: "[]" },
        Example { source: "[1].drop_last(-1)", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let items = call.list(0)?;
    let kept = items.len().saturating_sub(call.size(1)?);
    call.charge(kept)?;
    Ok(list(items.iter().take(kept).cloned().collect()))
}
